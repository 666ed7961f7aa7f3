"""The crosswalk as a file: what it may say, and how it says what is wrong."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.convert import Crosswalk, FieldMap, Frame, parse_crosswalk, read_crosswalk
from citygis.errors import SettingsError

FULL = """
agency = "County Assessor"
layer = "parcel"
null_values = ["", "-"]
stack = ["CONDO"]

[document]
doc_type = "COUNTY_EXTRACT"
epoch = 2010.0

[frame]
label = "EPSG:4326"
really = "NAD83(2011)"
reason = "relabelled on export"
stated_by = "County GIS"

[fields.apn]
from = "AIN"

[fields.situs_text]
concat = "{HOUSE} {STREET}"
upper = true

[fields.parcel_kind]
from = ["TYPE", "KIND"]
domain = { F = "FEE", "C 1" = "CONDO", X = "" }
default = "FEE"

[fields.lot]
from = "LOT"
split = { separator = "-", index = -1 }

[fields.tract_id]
from = "TRACT"
reference = "tract"

[fields.city_owned]
constant = false

[ignore]
fields = ["OBJECTID"]

[unmatched]
"A B" = "no City field has a name like it"
"""


def parsed(text: str) -> Crosswalk:
    return parse_crosswalk(tomllib.loads(text), "county.toml")


def test_a_crosswalk_written_and_read_back_is_the_same():
    walk = parsed(FULL)
    assert parsed(walk.to_toml()) == walk
    assert walk.fields["apn"].from_ == ("AIN",)
    assert walk.fields["situs_text"].columns == ("HOUSE", "STREET")
    assert walk.fields["city_owned"].constant is False


@given(
    column=st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable()),
    codes=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), st.sampled_from(["FEE", "CONDO", ""]), max_size=4),
    reason=st.text(st.characters(codec="utf-8"), max_size=20),
)
def test_any_column_name_code_and_reason_survives_the_file(column, codes, reason):
    rule = FieldMap.model_validate({"from": column, "domain": codes, "reason": reason})
    walk = Crosswalk(agency="a", layer="parcel", fields={"parcel_kind": rule}, unmatched={column: reason})
    assert parsed(walk.to_toml()) == walk


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from = "AIN"', 'form = "AIN"', r"unknown key `fields\.apn\.form`; did you mean `from`"),
        ("[fields.apn]", "[fields.apm]", r"`fields\.apm`.*did you mean 'apn'"),
        ('layer = "parcel"', 'layer = "parcels"', r"no City layer 'parcels'.*did you mean 'parcel'"),
        ('"CONDO", X', '"CONDOS", X', r"parcel_kind\.domain\.C 1` is 'CONDOS'.*did you mean 'CONDO'"),
        ('default = "FEE"', 'default = "FREE"', r"parcel_kind\.default` is 'FREE'"),
        ('from = "AIN"', "", r"fields\.apn`: says nothing"),
        ('from = "AIN"', 'from = "AIN"\nconstant = "1"', "more than one"),
        ('from = "AIN"', 'from = "AIN"\nscale = 2.0', r"apn\.scale`: the field is text"),
        ("[fields.apn]", "[fields.global_id]", "worked out by citygis"),
        ("[fields.apn]", "[fields.tx_from]", "filled by the store"),
        ('reference = "tract"', 'reference = "tracts"', r"no City layer.*did you mean 'tract'"),
        ('reference = "tract"', 'reference = "parcel"', "does not hold the identifier of a parcel"),
        ('label = "EPSG:4326"', 'label = "EPSG:432600"', "not a coordinate system"),
        ('reason = "relabelled on export"', 'reason = ""', r"frame\.reason"),
        ('doc_type = "COUNTY_EXTRACT"', 'doc_kind = "COUNTY_EXTRACT"', r"document\.doc_kind`.*did you mean 'doc_"),
        ('separator = "-"', 'pattern = "("', "not a regular expression"),
        ("index = -1", 'index = -1, pattern = "x"', "not both"),
        ('layer = "parcel"', "", "key `layer` is missing"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_key(old, new, said):
    assert old in FULL
    with pytest.raises(SettingsError, match=said) as error:
        parsed(FULL.replace(old, new, 1))
    assert "county.toml" in str(error.value)


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(SettingsError, match="is not there"):
        read_crosswalk(tmp_path / "none.toml")


def test_a_frame_is_a_draft_until_a_person_states_it():
    frame = {"label": "EPSG:4326", "really": "NAD83(2011)", "reason": "r"}
    assert Frame(**frame, stated_by="Draft").is_draft
    assert not Frame(**frame, stated_by="county surveyor").is_draft


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[1] / "citygis/convert/crosswalks").glob("*.toml")), ids=lambda p: p.stem
)
def test_every_crosswalk_that_comes_with_citygis_fits_the_schema(path):
    walk = read_crosswalk(path)
    assert walk.agency
    assert walk.description
