"""The gates: what a purpose asks of a capture, which reason wins, and what a City may change."""

import numpy as np
import pandas as pd
import pytest
from captures_day import captured, gate

from citygis.captures.gates import CODE_SOLUTIONS, PURPOSES, gates, is_office_product, quality_is_stated, rejections
from citygis.city import open_city
from citygis.errors import SettingsError
from citygis.readers.captures import captures_frame


def codes(captures, purpose="parcel", **options):
    return rejections(captures, gate(purpose), **options)["reject_code"].tolist()


def city(tmp_path, text):
    (tmp_path / "city.toml").write_text(
        'name = "Riverbend"\ncounty = "San Joaquin"\nstate = "CA"\ncrs = "EPSG:6420"\nrealization = "NAD83(2011)"\n'
        'epoch = 2010.0\napn_profiles = ["san_joaquin"]\n'
    )
    (tmp_path / "purposes.toml").write_text(text)
    return open_city(tmp_path)


def test_each_figure_beyond_its_limit_has_its_own_code():
    good = {"hdop": 1.0, "pdop": 2.0, "correction_age_s": 1.0, "satellites": 12, "h_rms_m": 0.01}
    worse = [("fix_type", "FLOAT"), ("hdop", 2.1), ("pdop", 3.1), ("correction_age_s", 5.1), ("satellites", 5), ("h_rms_m", 0.022)]
    for number, (name, value) in enumerate(worse, 1):
        captures = captured([0, 0], 0, **good)
        captures[name] = captures[name].astype(object).where([True, False], value).astype(captures[name].dtype)
        told = rejections(captures, gate(max_h_rms_ft=0.07))
        assert pd.isna(told["reject_code"].iloc[0]) and told["reject_code"].iloc[1] == f"E0{number}"
        assert told.loc[0].isna().all()


def test_a_value_at_its_limit_passes():
    limits = {"max_hdop": 2.0, "max_pdop": 3.0, "max_correction_age_s": 5.0, "min_satellites": 6}
    at_limit = captured([0], 0, hdop=2.0, pdop=3.0, correction_age_s=5.0, satellites=6)
    assert rejections(at_limit, gate(**limits))["reject_code"].isna().all()


def test_a_stated_accuracy_in_metres_is_judged_in_survey_feet():
    # 0.0213 m is 0.0699 ft, 0.0214 m is 0.0702 ft.
    told = rejections(captured([0, 0], 0, h_rms_m=[0.0213, 0.0214]), gate(max_h_rms_ft=0.07))
    assert told["reject_code"].fillna("").tolist() == ["", "E06"]


def test_the_first_failing_gate_wins_and_the_message_gives_the_value_and_the_limit():
    told = rejections(captured([0], 0, fix_type="FLOAT", hdop=9.0), gate()).iloc[0]
    assert told["reject_code"] == "E01" and told["reject_reason"] == "fix_type"
    told = rejections(captured([0], 0, hdop=9.5, pdop=12.0), gate()).iloc[0]
    assert told["reject_code"] == "E02" and "9.5" in told["reject_message"] and "2" in told["reject_message"]


@pytest.mark.parametrize("fix", CODE_SOLUTIONS)
@pytest.mark.parametrize("purpose", ["parcel", "asset"])
def test_a_satellite_based_correction_is_never_taken_for_rtk(fix, purpose):
    # Trap 43: quality 2 (SBAS) is a code solution, whatever else the receiver says of it.
    excellent = {"hdop": 0.5, "pdop": 0.9, "correction_age_s": 0.5, "satellites": 30, "h_rms_m": 0.005}
    assert codes(captured([0], 0, fix_type=fix, **excellent), purpose) == ["E01"]


def test_no_city_can_let_a_code_solution_into_a_parcel(tmp_path):
    with pytest.raises(SettingsError, match="SBAS"):
        gates(city(tmp_path, '[parcel]\nfix_types = ["FIXED", "DGPS"]\n'))


def test_a_capture_that_does_not_state_its_fix_is_rejected_where_the_purpose_needs_it():
    captures = captured([0], 0, fix_type=None, hdop=1.0)
    assert codes(captures) == ["E07"]
    assert pd.isna(codes(captures, "sketch")[0])


def test_a_point_file_without_any_quality_passes_and_says_so():
    points = captures_frame({"capture": "point", "name": ["1", "2"], "elevation": [20.0, 21.0]}, [6e6, 6e6], [2e6, 2e6], crs=None)
    assert is_office_product(points) and not quality_is_stated(points)
    assert rejections(points, gate())["reject_code"].isna().all()


@pytest.mark.parametrize(
    "column, value", [("hdop", 1.0), ("ellipsoid_height_m", -20.0), ("time", pd.Timestamp("2026-03-04", tz="UTC"))]
)
def test_a_point_file_that_says_what_only_a_receiver_says_is_no_office_product(column, value):
    points = captures_frame({"capture": "point", column: [value, None]}, [6e6, 6e6], [2e6, 2e6], crs=None)
    assert not is_office_product(points)
    assert (rejections(points, gate())["reject_code"] == "E07").all()


def test_longitudes_and_latitudes_without_a_fix_are_no_office_product():
    points = captures_frame({"capture": "point"}, [-121.3], [37.8], crs="EPSG:4326")
    assert (rejections(points, gate())["reject_code"] == "E07").all()


def test_a_date_is_asked_for_only_when_the_frame_needs_it():
    captures = captured([0], 0, time=[None])
    assert pd.isna(codes(captures)[0])
    assert codes(captures, needs_date=True) == ["E08"]


def test_rows_keep_their_index_and_are_counted():
    captures = captured(np.zeros(4), 0, fix_type=["FIXED", "FLOAT", None, "DGPS"]).set_axis([7, 3, 9, 1])
    told = rejections(captures, gate())
    assert told.index.tolist() == [7, 3, 9, 1]
    assert told["reject_code"].fillna("").tolist() == ["", "E01", "E07", "E01"]


def test_an_empty_frame_has_no_rejections():
    assert len(rejections(captured([], []), gate())) == 0


def test_a_city_changes_single_keys_and_the_rest_stays(tmp_path):
    own = gates(city(tmp_path, "[parcel]\nmax_hdop = 1.5\ntrack = { max_gap_s = 3.0 }\n"))
    assert own["parcel"].max_hdop == 1.5 and own["parcel"].track.max_gap_s == 3.0
    assert own["parcel"].max_pdop == gates()["parcel"].max_pdop and own["parcel"].track.noise_ft == gates()["parcel"].track.noise_ft
    assert own["asset"] == gates()["asset"]


@pytest.mark.parametrize(
    "text, said",
    [
        ("[parcel]\nmax_hdopp = 1.5\n", "did you mean `max_hdop`"),
        ("[parcels]\nmax_hdop = 1.5\n", "parcels"),
        ('[asset]\nfix_types = ["RTK"]\n', "no such fix type"),
        ('[asset]\nrequire = ["precision"]\n', "no such captures column"),
        ("[sketch]\ntolerance_ft = -1\n", "tolerance_ft"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_file_and_the_key(tmp_path, text, said):
    with pytest.raises(SettingsError, match=r"purposes\.toml") as error:
        gates(city(tmp_path, text))
    assert said in str(error.value)


def test_the_purposes_grow_looser_in_order():
    tolerances = [gates()[name].tolerance_ft for name in PURPOSES]
    assert tolerances == [0.1, 1.0, 10.0]
    assert [gates()[name].two_occupation_max_ft for name in PURPOSES] == sorted(gates()[n].two_occupation_max_ft for n in PURPOSES)
