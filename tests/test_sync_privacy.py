"""What may go to whom: nothing that is not listed, and never a person's name to the public."""

import dataclasses
import string

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from store_city import make_city
from sync_frames import key

from citygis.errors import SettingsError, SyncError
from citygis.sync.model import Add, Plan, Update, Was
from citygis.sync.privacy import allowed_fields, is_denied, require_allowed, require_mapping_allowed
from citygis.sync.target import Target


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("privacy") / "city")


def target(layer="parcel", audience="public", **fields):
    return Target(layer=layer, audience=audience, fields=fields or {"APN": "apn"})


def test_the_listed_fields_of_every_layer_are_fields_of_it(city):
    for name, layer in city.schema.layers.items():
        for audience in ("public", "organization"):
            assert allowed_fields(target(name, audience), city) <= set(layer.names), name


def test_no_list_of_ours_lets_a_person_through(city):
    for name, layer in city.schema.layers.items():
        public = allowed_fields(target(name), city)
        assert not any(is_denied(each) for each in public)
        assert not public or not layer.restricted


def test_owners_go_to_nobody_unless_a_city_lists_them(city):
    for audience in ("public", "organization"):
        with pytest.raises(SyncError, match=r"Y23.*owner_name"):
            require_mapping_allowed(target("parcel_owner", audience, NAME="owner_name"), city)


@pytest.mark.parametrize(
    "name",
    ["owner", "OWNER_NAME", "OwnerName1", "O_W_N_E_R", "ÖWNER", "ｏｗｎｅｒ", "own1", "OWN_2", "HomeOwner", "mail_1",
     "MAILADDR1", "E-Mail", "Phone", "tel_no", "TELNO", "Taxpayer", "SSN", "ssn4", "DOB", "CareOf", "assessee",
     "оwner", "owner\u200b", "fax", "cell", "ATTN"],
)  # fmt: skip
def test_names_that_mean_a_person_are_denied_however_they_are_written(name):
    assert is_denied(name)


@pytest.mark.parametrize(
    "name",
    ["apn", "SITUS", "city_owned", "CITY_LAND", "township", "down_payment", "excellent", "hotel", "parcel_kind", "lesson", "A1"],
)
def test_names_that_mean_no_person_are_not(name):
    assert not is_denied(name)


def test_a_harmless_field_does_not_go_to_the_public_under_a_persons_name(city):
    with pytest.raises(SyncError, match="remote field OWNER_1"):
        require_mapping_allowed(target(OWNER_1="situs_text"), city)
    with pytest.raises(SyncError, match="remote field Owner of record"):
        require_mapping_allowed(target(F12="situs_text"), city, aliases=["Owner of record"])


def test_a_city_adds_to_the_lists_but_opens_no_closed_field_and_no_restricted_layer(tmp_path):
    city = make_city(tmp_path / "city")
    (city.folder / "privacy.toml").write_text(
        '[layers.parcel]\npublic = ["tract_id"]\n[layers.hydrant]\npublic = ["hydrant_id", "owner_kind"]\n'
        '[layers.parcel_owner]\npublic = ["apn", "owner_name"]\norganization = ["owner_name"]\n',
        encoding="utf-8",
    )
    assert "tract_id" in allowed_fields(target(), city)
    assert allowed_fields(target("hydrant"), city) == {"hydrant_id"}
    assert allowed_fields(target("parcel_owner"), city) == set()
    assert "owner_name" in allowed_fields(target("parcel_owner", "organization"), city)


def test_a_city_cannot_take_names_off_the_list_of_denied_ones(tmp_path):
    city = make_city(tmp_path / "city")
    (city.folder / "privacy.toml").write_text("[denied]\nparts = []\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="denied"):
        allowed_fields(target(), city)


def test_every_field_sent_is_held_to_the_target_again(city):
    mapped = target(APN="apn")
    fine = Plan(adds=(Add(key(1), {"APN": "1"}, None),), updates=(Update(key(2), {"APN": Was("1", "2")}, None, "0" * 32),))
    require_allowed(fine, mapped, city)
    smuggled = dataclasses.replace(fine, updates=(Update(key(2), {"NOTE": Was("", "Anna Example")}, None, "0" * 32),))
    with pytest.raises(SyncError, match="NOTE") as told:
        require_allowed(smuggled, mapped, city)
    assert "Anna" not in str(told.value)


def test_what_only_goes_back_may_be_unmapped_but_not_a_persons(city):
    back = Plan(adds=(Add(key(1), {"APN": "1", "REMARK": "x"}, None),), reverts="r1")
    with pytest.raises(SyncError, match="REMARK"):
        require_allowed(back, target(), city)
    require_allowed(back, target(), city, returned=["REMARK"])
    with pytest.raises(SyncError, match="OWNER"):
        require_allowed(dataclasses.replace(back, adds=(Add(key(1), {"OWNER": "x"}, None),)), target(), city, returned=["OWNER"])


NAMES = st.sampled_from(
    ["apn", "situs_text", "legal_text", "note", "owner_name", "mail_1", "source_id", "status", "editor"]
) | st.text(string.ascii_letters + "_0123456789", min_size=1, max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(NAMES, NAMES, min_size=1, max_size=5),
    st.lists(NAMES, max_size=4),
    st.sampled_from(["parcel", "parcel_owner", "tract", "hydrant"]),
)
@example({"APN": "apn"}, [], "parcel")
def test_nothing_that_passes_holds_a_closed_field_whatever_is_mapped_and_planned(city, fields, extra, layer):
    try:
        made = target(layer, **fields)
    except ValueError:
        return  # names that no target can hold
    sent = dict.fromkeys((*list(fields)[:2], *extra), "x")
    plan = Plan(adds=(Add(key(1), sent, None),))
    try:
        require_allowed(plan, made, city)
    except SyncError:
        return
    listed = allowed_fields(made, city)
    assert set(sent) <= set(made.fields) and not city.schema.layers[layer].restricted
    for remote in sent:
        assert made.fields[remote] in listed and not is_denied(remote) and not is_denied(made.fields[remote])
