"""Where credentials come from, in which order, and that they are never shown."""

import pickle
import sys
import traceback
import types

import pytest

from citygis.errors import SyncError
from citygis.sync.credentials import Credentials, credentials_for

SECRET = "Xq7-lantern-Harbor"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """No file and no keyring but the test's own."""
    monkeypatch.setattr("citygis.sync.credentials.DEFAULT_FILE", tmp_path / "none.toml")
    held = {}
    keyring = types.SimpleNamespace(get_password=lambda service, key: held.get((service, key)))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    return tmp_path, held


def written(folder, text, mode=0o600):
    path = folder / "credentials.toml"
    path.write_text(text)
    path.chmod(mode)
    return {"CITYGIS_CREDENTIALS": str(path)}


def test_the_environment_by_name_comes_first(home):
    folder, held = home
    held["citygis:public-map", "token"] = "from keyring"
    environ = written(folder, '[public-map]\ntoken = "from file"\n')
    environ |= {"CITYGIS_TOKEN": "for any", "CITYGIS_PUBLIC_MAP_USER": "clerk", "CITYGIS_PUBLIC_MAP_PASSWORD": SECRET}
    found = credentials_for("public-map", environ=environ)
    assert (found.user, found.password, found.token) == ("clerk", SECRET, None)
    del environ["CITYGIS_PUBLIC_MAP_USER"], environ["CITYGIS_PUBLIC_MAP_PASSWORD"]
    assert credentials_for("public-map", environ=environ).token == "from file"
    environ = {}
    assert credentials_for("public-map", environ=environ).token == "from keyring"


def test_without_any_the_message_says_every_way(home):
    with pytest.raises(SyncError) as told:
        credentials_for("map", environ={})
    for way in ("CITYGIS_MAP_TOKEN", "CITYGIS_MAP_USER", "none.toml", "600", "keyring", "citygis:map"):
        assert way in str(told.value)


def test_what_has_no_name_never_stands_in_for_what_has_one(home):
    environ = {"CITYGIS_USER": "clerk", "CITYGIS_PASSWORD": SECRET}
    with pytest.raises(SyncError, match=r"CITYGIS_COUNTY_USER and CITYGIS_COUNTY_PASSWORD.* was not used") as told:
        credentials_for("county", environ=environ)
    assert SECRET not in str(told.value)
    assert credentials_for("", environ=environ).user == "clerk"


def test_without_a_name_and_without_any_no_empty_name_is_told(home):
    with pytest.raises(SyncError, match="CITYGIS_USER and CITYGIS_PASSWORD") as told:
        credentials_for("", environ={})
    assert "''" not in str(told.value) and "[name]" not in str(told.value)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_file_that_others_may_open_is_refused(home, mode):
    environ = written(home[0], f'[map]\ntoken = "{SECRET}"\n', mode)
    with pytest.raises(SyncError, match="chmod 600") as told:
        credentials_for("map", environ=environ)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        f'[map]\ntoken = "{SECRET}\n',
        f'[map]\npasword = "{SECRET}"\n',
        f'[map]\ntoken = ["{SECRET}"]\n',
        f'map = "{SECRET}"\n',
        f'[map]\npassword = "{SECRET}"\n',
        "\0\xff",
    ],
    ids=["no TOML", "misspelt", "no text", "no table", "half", "bytes"],
)
def test_a_file_that_is_not_as_it_must_be_is_told_without_its_content(home, text):
    environ = written(home[0], text)
    with pytest.raises(SyncError) as told:
        credentials_for("map", environ=environ)
    assert SECRET not in "".join(traceback.format_exception(told.value))


def test_a_named_file_that_is_not_there_is_told(home):
    with pytest.raises(SyncError, match="not there"):
        credentials_for("map", environ={"CITYGIS_CREDENTIALS": str(home[0] / "nothing.toml")})
    with pytest.raises(SyncError):
        credentials_for("map", environ={"CITYGIS_CREDENTIALS": str(home[0])})


def test_a_large_file_is_not_read(home):
    environ = written(home[0], "#" * 100_000)
    with pytest.raises(SyncError, match="small file"):
        credentials_for("map", environ=environ)


def test_another_name_in_the_file_is_not_taken(home):
    environ = written(home[0], f'[other]\ntoken = "{SECRET}"\n')
    with pytest.raises(SyncError, match="no credentials 'map'"):
        credentials_for("map", environ=environ)


def test_a_broken_or_missing_keyring_is_none(home, monkeypatch):
    def locked(service, key):
        raise RuntimeError("locked")

    monkeypatch.setitem(sys.modules, "keyring", types.SimpleNamespace(get_password=locked))
    with pytest.raises(SyncError):
        credentials_for("map", environ={})
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SyncError):
        credentials_for("map", environ={})


@pytest.mark.parametrize("name", ["../x", "a b", "a.b", "x" * 65, "a\n"])
def test_a_name_that_could_lead_elsewhere_is_refused(name):
    with pytest.raises(ValueError, match="name of credentials"):
        credentials_for(name, environ={})


def test_half_of_a_login_is_told(home):
    with pytest.raises(SyncError, match="no password"):
        credentials_for("map", environ={"CITYGIS_MAP_USER": "clerk"})
    with pytest.raises(SyncError, match="no user"):
        credentials_for("map", environ={"CITYGIS_MAP_PASSWORD": SECRET})


def test_credentials_show_nothing_and_are_not_carried_away():
    credentials = Credentials(user="clerk", password=SECRET, token=f"token-{SECRET}", source="the test")
    shown = f"{credentials} {credentials!r} {[credentials]} {credentials.__class__.__slots__}"
    assert SECRET not in shown
    assert "clerk" not in shown
    assert not hasattr(credentials, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(credentials)


def test_what_can_be_done_with_them_is_known():
    assert Credentials().is_anonymous
    assert Credentials(token=SECRET).can_log_in is False
    assert Credentials(user="clerk", password=SECRET).can_log_in
