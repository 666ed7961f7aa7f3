"""Who may come in."""

import pytest

from citygis.desk.door import Door, is_loopback

DOOR = Door("127.0.0.1", 8460)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine_is_known_by_its_addresses(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example", "", "2130706433", "::"]
)
def test_no_other_name_is_this_machine(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "host,status",
    [("127.0.0.1:8460", None), ("localhost:8460", None), ("[::1]:8460", None), ("127.0.0.1", 421), ("a.example:8460", 421)]
    + [("127.0.0.1:8460@a.example:8460", 421), ("127.0.0.1:99999", 421), ("[::1:8460", 421), ("127.0.0.1:8460/x", 421)],
)
def test_only_the_desk_s_own_names_are_answered(host, status):
    refused = DOOR.refusal("GET", {"Host": host})
    assert (refused and refused[0]) == status


def test_a_desk_for_other_machines_is_known_by_what_it_was_given():
    door = Door("gis.riverbend.example", 8460, key="k")
    assert door.refusal("GET", {"Host": "gis.riverbend.example:8460"}) is None
    assert door.refusal("GET", {"Host": "other.example:8460"})[0] == 421
    anywhere = Door("0.0.0.0", 8460, key="k")
    assert anywhere.refusal("GET", {"Host": "10.1.2.3:8460"}) is None
    assert anywhere.refusal("GET", {"Host": "rebound.example:8460"})[0] == 421


def test_the_key_is_shown_by_its_cookie_alone():
    door = Door("10.1.2.3", 8460, key="secret")
    assert door.has_key({"Cookie": "a=b; citygis_desk=secret"})
    assert not door.has_key({"Cookie": "citygis_desk=other"}) and not door.has_key({}) and not door.has_key({"Cookie": ";;=\x00"})
    assert Door("127.0.0.1", 8460).has_key({}) and not Door("127.0.0.1", 8460).is_key("")
