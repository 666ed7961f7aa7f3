"""The forty descriptions of the sample city: what is read back is held against what was meant, by hand-laid figures."""

import json

import pytest

from citygis.cogo.arc import turn
from citygis.readers.deed import read_deed
from citygis.samples.deeds import deeds, enclosed_sqft, write_deeds

ALL = deeds()
TRUE = [deed for deed in ALL if deed.fault is None]
FAULTY = [deed for deed in ALL if deed.fault is not None]


def read(deed):
    return read_deed(deed.text, **{name: value for name, value in deed.options.items() if not name.startswith("_")})


def differences(parcel, legs, besides=None):
    """Courses that are not the legs: direction to 2 seconds, lengths to 0.02 ft (a chord is stated to 0.01)."""
    assert len(parcel.courses) == len(legs)
    wrong = []
    for n, (course, leg) in enumerate(zip(parcel.courses, legs, strict=True)):
        same = abs(turn(course.azimuth_deg, leg.azimuth_deg)) * 3600 <= 2 and abs(course.distance_ft - leg.distance_ft) <= 0.02
        if leg.radius_ft is not None:
            same = same and course.kind == "curve" and course.hand == leg.hand and abs(course.radius_ft - leg.radius_ft) <= 0.001
        if not same and n != besides:
            wrong.append((n, course, leg))
    return wrong


def test_there_are_twenty_true_and_twenty_faulty_ones_with_names_of_their_own():
    assert len(TRUE) == len(FAULTY) == 20
    assert len({deed.name for deed in ALL}) == 40
    assert len({deed.fault for deed in FAULTY}) == 20


def test_they_are_the_same_every_time():
    assert deeds() == ALL


@pytest.mark.parametrize("deed", TRUE, ids=lambda deed: deed.name)
def test_every_number_of_a_true_description_is_read_as_meant(deed):
    found = read(deed)
    first = next(parcel for parcel in found.parcels if parcel.role == "boundary")
    assert differences(first, deed.legs) == []
    assert sum(len(parcel.calls) for parcel in found.parcels if parcel.role == "tie") == deed.ties
    assert first.area_sqft == pytest.approx(deed.area_sqft, rel=2e-4)
    if second := deed.options.get("_second"):
        other = [parcel for parcel in found.parcels if parcel.role != "tie"][1]
        assert other.role == ("exception" if "exception" in deed.name else "boundary")
        assert differences(other, second) == []
    assert [
        message
        for message, severity in zip(found.findings["message"], found.findings["severity"], strict=True)
        if severity == "error"
    ] == []


@pytest.mark.parametrize("deed", FAULTY, ids=lambda deed: deed.name)
def test_every_fault_is_told_and_no_other_number_is_wrong(deed):
    found = read(deed)
    told = found.findings[found.findings["severity"] != "info"]
    assert set(told["code"]) & set(deed.codes)
    if deed.fault in ("garbled", "lost_call", "cut_off"):
        return
    first = next(parcel for parcel in found.parcels if parcel.role == "boundary")
    if not first.unresolved:
        assert differences(first, deed.legs, besides=deed.call) == []
    else:
        assert first.area_sqft is None


def test_the_files_come_with_their_truth(tmp_path):
    truth = write_deeds(tmp_path)
    assert len(list(tmp_path.glob("*.txt"))) == 40 == len(truth)
    assert json.loads((tmp_path / "truth.json").read_text()).keys() == truth.keys()
    assert (tmp_path / f"{ALL[0].name}.txt").read_text().strip() == ALL[0].text


def test_the_area_of_a_square_of_legs_is_its_side_squared():
    square = [TRUE[0].legs[0]._replace(azimuth_deg=a, distance_ft=50.0) for a in (0, 90, 180, 270)]
    assert enclosed_sqft(tuple(square)) == pytest.approx(2500)
