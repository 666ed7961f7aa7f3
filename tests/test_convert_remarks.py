"""What conversion tells: each remark where it belongs, and none where nothing is to be said."""

import tomllib

import pandas as pd
import pytest
import shapely
from delivery import delivery, square

from citygis.convert import convert, parse_crosswalk

MAP = '[fields.apn]\nfrom = "AIN"\n'


def found(raw, text: str = MAP, *, drafted: bool = False) -> pd.DataFrame:
    walk = None if drafted else parse_crosswalk(tomllib.loads(f'agency = "County"\nlayer = "parcel"\n{text}'))
    return convert(raw, "parcel", crosswalk=walk).findings.set_index("code")


def parcels(*, geometry=None, crs="EPSG:6420", **columns):
    return delivery({"AIN": pd.Series(["19119074", "19119075"], dtype="str")} | columns, geometry=geometry, crs=crs)


def degrees(label: str):
    return parcels().to_crs("EPSG:6318").set_crs(label, allow_override=True)


def frame(stated_by: str) -> str:
    return f'[frame]\nlabel = "EPSG:4326"\nreally = "NAD83(2011)"\nreason = "relabelled"\nstated_by = "{stated_by}"\n' + MAP


def test_clean_data_under_a_stated_crosswalk_yields_nothing():
    assert found(parcels()).empty


def test_a_frame_stated_by_a_person_is_told_with_its_cost():
    finding = found(degrees("EPSG:4326"), frame("County GIS")).loc["D02"]
    assert finding.severity == "info"
    assert "stated by County GIS" in finding.message
    assert finding.measure == pytest.approx(5.1, abs=0.1)
    assert finding.unit == "ft"


def test_a_frame_stated_by_a_draft_blocks():
    assert found(degrees("EPSG:4326"), frame("draft")).loc["D01"].severity == "error"
    findings = found(degrees("EPSG:4326"), drafted=True)
    assert findings.loc["D01"].severity == "error"
    assert findings.loc["C00"].severity == "review"
    assert "apn from AIN" in findings.loc["C00"].message


def test_nad83_without_a_realization_is_told_with_the_citys_reason():
    finding = found(parcels().set_crs("EPSG:2227", allow_override=True)).loc["D02"]
    assert finding.severity == "info"
    assert "stated by city.toml" in finding.message


def test_the_city_datum_under_its_own_name_needs_no_statement():
    assert found(degrees("EPSG:6318")).empty


def test_a_layer_far_outside_the_zone_is_told_with_its_scale():
    boston = [shapely.box(-71.1, 42.3, -71.099, 42.301), shapely.box(-71.2, 42.3, -71.199, 42.301)]
    finding = found(parcels(geometry=boston, crs="EPSG:6318")).loc["D03"]
    assert finding.severity == "review"
    assert "lies at -71.1" in finding.message
    # One stray parcel does not put the layer there.
    near = [shapely.box(-121.3, 37.8, -121.299, 37.801)] * 2
    three = delivery(
        {"AIN": pd.Series(["19119074", "19119075", "19119076"], dtype="str")}, geometry=[*near, boston[0]], crs="EPSG:6318"
    )
    assert "D03" not in found(three).index


def test_quarantined_rows_are_counted_by_code_and_field():
    raw = delivery({"AIN": pd.Series(["x", "y", None, "19119074"], dtype="str")})
    findings = found(raw)
    assert findings.loc["C03", ["measure", "other", "severity"]].tolist() == [2, "apn", "info"]
    assert findings.loc["C05", "measure"] == 1


def test_a_required_field_that_the_crosswalk_leaves_empty_is_told_with_the_lines_that_fill_it():
    finding = found(parcels(), '[fields.lot]\nfrom = "AIN"\n').loc["C05"]
    assert finding["measure"] == 2 and finding["other"] == "apn"
    assert "[fields.apn]" in finding["remedy"] and "fills with nothing" in finding["message"]


def test_dropped_heights_and_times_and_unused_columns_are_told():
    raw = parcels(
        geometry=[shapely.force_3d(square(0), 3.0), square(1)],
        SPARE=[1, 2],
        D=pd.to_datetime(["2025-01-01 08:00", "2025-01-02 00:00"]),
    )
    findings = found(raw, MAP + '[fields.legal_from]\nfrom = "D"\n')
    assert findings.loc["C11", "measure"] == 1
    assert findings.loc["C10", ["measure", "other", "severity"]].tolist() == [1, "legal_from", "review"]
    assert "SPARE" in findings.loc["C08", "message"]


def test_a_linearised_curve_is_told_at_its_place():
    raw = parcels()
    raw["read_code"] = pd.Series([None, "R02"], dtype="str")
    raw["read_message"] = pd.Series([None, "A true curve, drawn as 40 chords."], dtype="str")
    finding = found(raw).loc["R02"]
    assert finding.feature == "191-190-75"
    assert finding.source_ref == "county.zip/parcels#2"
    assert finding.geometry.equals(square(1))


def test_data_that_does_not_say_where_it_is_from_is_told():
    raw = parcels().drop(columns=["source_id", "source_ref"])
    assert found(raw).loc["C09", "severity"] == "review"
