"""The register of accepted findings: what it excuses, when it stops, and that it never does so silently."""

import json
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quality_layers import at, parcels, sound

from citygis.errors import SettingsError
from citygis.findings import COLUMNS, findings_frame
from citygis.quality import validate
from citygis.quality.exceptions import (
    Acceptance,
    accepted,
    apply_exceptions,
    merge_exceptions,
    read_exceptions,
    write_exceptions,
)

DAY = date(2025, 3, 1)
BY = {"reason": "Both deeds were compared: the survey of 1987 stands.", "accepted_by": "R. Alvarez", "accepted_on": DAY}


def lots(reach=3.0):
    """Three lots, the first of which reaches over the second."""
    return {"parcel": parcels(at(0, 0, 60 + reach, 110), at(60, 0, 60, 110), at(120, 0, 60, 110))}


def overlap(layers):
    found = validate(layers, only="geometry")
    return found[found["code"] == "T01"].reset_index(drop=True)


def entries(layers, **more):
    return accepted(overlap(layers), layers, **{**BY, **more})


def test_an_accepted_finding_is_excused_and_stays_listable():
    layers = lots()
    after = apply_exceptions(overlap(layers), entries(layers), layers, today=DAY)
    assert len(after.left) == 0 and len(after.expired) == 0
    assert list(after.left.columns) == list(COLUMNS)
    told = after.excused.iloc[0]
    assert (told["code"], told["reason"], told["accepted_by"], told["accepted_on"]) == (
        "T01",
        BY["reason"],
        "R. Alvarez",
        "2025-03-01",
    )


def test_findings_that_nobody_accepted_are_left_as_they_are():
    layers = lots()
    found = overlap(layers)
    after = apply_exceptions(found, (), layers, today=DAY)
    pd.testing.assert_frame_equal(pd.DataFrame(after.left), pd.DataFrame(found))


def test_the_finding_comes_back_with_a_remark_when_a_feature_is_drawn_otherwise():
    layers = lots()
    register = entries(layers)
    frame = layers["parcel"].copy()
    frame.loc[1, "geometry"] = at(60, 0, 60, 110.5)  # at the far end: the shared ground is the same
    after = apply_exceptions(overlap({"parcel": frame}), register, {"parcel": frame}, today=DAY)
    assert len(after.excused) == 0
    assert "does not hold any more: parcel 191-190-71 is drawn otherwise" in after.left["message"][0]
    assert after.expired[["why", "still_found"]].values.tolist() == [["parcel 191-190-71 is drawn otherwise", True]]


def test_a_ring_that_starts_elsewhere_or_runs_backward_is_the_same_drawing():
    layers = lots()
    register = entries(layers)
    frame = layers["parcel"].copy()
    ring = list(frame.geometry[1].exterior.coords)[:-1]
    frame.loc[1, "geometry"] = type(frame.geometry[1])(ring[2:][::-1] + ring[:2][::-1])
    assert len(apply_exceptions(overlap({"parcel": frame}), register, {"parcel": frame}, today=DAY).excused) == 1


def test_another_lot_that_is_drawn_otherwise_expires_nothing():
    layers = lots()
    register = entries(layers)
    frame = layers["parcel"].copy()
    frame.loc[2, "geometry"] = at(120, 0, 61, 110)
    assert len(apply_exceptions(overlap({"parcel": frame}), register, {"parcel": frame}, today=DAY).excused) == 1


@pytest.mark.parametrize(("today", "excused"), [(date(2025, 6, 30), 1), (date(2025, 7, 1), 0)])
def test_an_entry_holds_through_its_last_day_and_no_longer(today, excused):
    layers = lots()
    after = apply_exceptions(overlap(layers), entries(layers, until=date(2025, 6, 30)), layers, today=today)
    assert (len(after.excused), len(after.left)) == (excused, 1 - excused)
    assert ("it held until 2025-06-30" in after.left["message"].sum()) if not excused else len(after.expired) == 0


def test_a_feature_that_is_gone_makes_the_entry_stale_and_it_is_told():
    layers = lots()
    register = entries(layers)
    fewer = {"parcel": layers["parcel"].iloc[[0, 2]].reset_index(drop=True)}
    after = apply_exceptions(overlap(fewer), register, fewer, today=DAY)
    assert after.expired[["why", "still_found"]].values.tolist() == [["parcel 191-190-71 is gone", False]]


def test_an_entry_whose_finding_was_mended_elsewhere_is_told_as_stale():
    layers = lots()
    register = entries(layers)
    nothing = findings_frame(crs=layers["parcel"].crs)
    after = apply_exceptions(nothing, register, layers, today=DAY)
    assert after.expired["why"].tolist() == ["nothing is found there any more"]


def test_the_same_two_lots_at_another_place_are_not_excused():
    layers = lots()
    register = entries(layers)
    wider = lots(reach=4.0)
    after = apply_exceptions(overlap(wider), register, wider, today=DAY)
    assert len(after.excused) == 0 and after.expired["still_found"].tolist() == [True]
    assert "It was accepted on 2025-03-01 by R. Alvarez" in after.left["message"][0]


@pytest.mark.parametrize(("grown", "excused"), [(1.009, 1), (1.011, 0)])
def test_a_finding_that_got_worse_is_another_one(grown, excused):
    layers = lots()
    register = entries(layers)
    found = overlap(layers)
    found["measure"] *= grown
    assert len(apply_exceptions(found, register, layers, today=DAY).excused) == excused


def test_what_lies_in_another_layer_is_watched_too():
    layers = sound()
    layers["parcel"] = parcels(*(at(60 * i, 0, 60, 110 + 3 * (i == 2)) for i in range(4)))
    found = validate(layers)
    found = found[found["code"] == "T07"].reset_index(drop=True)
    register = accepted(found, layers, **BY)
    assert [each.layer for each in register[0].features] == ["parcel", "tract"]
    layers["tract"].loc[0, "geometry"] = at(0, -51, 240, 161)
    again = apply_exceptions(found, register, layers, today=DAY)
    assert again.expired["why"].tolist() == ["tract 3021 is drawn otherwise"]


def test_the_file_says_the_register_back_and_does_not_depend_on_its_order(tmp_path):
    layers = lots()
    layers["parcel"] = parcels(at(0, 0, 63, 110), at(60, 0, 63, 110), at(120, 0, 60, 110))
    register = entries(layers, until=date(2026, 1, 1))
    assert len(register) == 2
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    write_exceptions(one, register)
    write_exceptions(other, register[::-1])
    assert one.read_bytes() == other.read_bytes()
    assert set(read_exceptions(one)) == set(register)
    assert one.read_text().count("\n  { layer = ") == 4  # a feature to a line, so that a difference is readable


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text.strip()))
@settings(max_examples=60, deadline=None)
def test_any_reason_survives_the_file(tmp_path_factory, reason):
    entry = Acceptance(finding_id="ab", code="T01", rule="overlap", layer="parcel", reason=reason, accepted_by="K", accepted_on=DAY)
    path = tmp_path_factory.mktemp("register") / "exceptions.toml"
    assert read_exceptions(write_exceptions(path, [entry])) == (entry,)


def test_an_empty_register_is_a_file_that_reads_as_empty(tmp_path):
    assert read_exceptions(write_exceptions(tmp_path / "exceptions.toml", [])) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('reason = "  "', "Must say something"),
        ('resaon = "typo"', "did you mean `reason`"),
        ("accepted_on = 7x", "is not TOML"),
    ],
)
def test_an_entry_that_does_not_say_why_or_is_misspelt_is_refused(tmp_path, change, said):
    path = tmp_path / "exceptions.toml"
    good = {"finding_id": '"a"', "code": '"T01"', "rule": '"overlap"', "layer": '"parcel"', "accepted_by": '"K"'}
    good["accepted_on"] = "2025-03-01"
    good.pop(change.split(" = ")[0], None)
    path.write_text("[[exception]]\n" + "\n".join(f"{k} = {v}" for k, v in good.items()) + f"\n{change}\n")
    with pytest.raises(SettingsError, match=said):
        read_exceptions(path)


def test_one_finding_accepted_twice_is_refused(tmp_path):
    path = write_exceptions(tmp_path / "exceptions.toml", entries(lots()))
    path.write_text(path.read_text() + path.read_text())
    with pytest.raises(SettingsError, match="accepted twice"):
        read_exceptions(path)


def test_what_speaks_of_a_delivery_as_a_whole_cannot_be_accepted_here():
    row = {"code": "D01", "rule": "frame", "severity": "error", "layer": "parcel", "message": "The frame was drafted."}
    with pytest.raises(SettingsError, match="citygis load --accept D01"):
        accepted(findings_frame([row]), lots(), **BY)


# --- the file of the web page -------------------------------------------------------------------------------------------------


def page_file(tmp_path, found, **changes):
    row = found.iloc[0]
    item = {name: row[name] for name in ("finding_id", "code", "layer", "feature", "other")}
    item |= {"reason": "Seen on the plat.", "accepted_by": "T. Okafor", "accepted_on": "2025-04-02", **changes}
    path = tmp_path / "accepted.json"
    path.write_text(json.dumps([item]))
    return path


def test_what_the_web_page_accepted_is_merged_and_holds(tmp_path):
    layers = lots()
    found = overlap(layers)
    merged = merge_exceptions((), page_file(tmp_path, found), found, layers)
    assert (merged.added, merged.refused) == (1, ())
    after = apply_exceptions(found, merged.register, layers, today=DAY)
    assert after.excused["accepted_by"].tolist() == ["T. Okafor"]


def test_a_finding_accepted_again_has_the_new_entry_once(tmp_path):
    layers = lots()
    found = overlap(layers)
    merged = merge_exceptions(entries(layers), page_file(tmp_path, found, until="2025-12-31"), found, layers)
    assert [(e.accepted_by, e.until) for e in merged.register] == [("T. Okafor", date(2025, 12, 31))]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reason": ""}, "Must say something"),
        ({"accepted_by": None}, "Must say something"),
        ({"accepted_on": None}, "the day is missing"),
        ({"accepted_on": "last week"}, "isoformat"),
        ({"finding_id": "0" * 16}, "not among the findings"),
    ],
)
def test_what_the_page_leaves_unsaid_is_refused_with_why_and_nothing_is_merged(tmp_path, change, said):
    layers = lots()
    found = overlap(layers)
    merged = merge_exceptions((), page_file(tmp_path, found, **change), found, layers)
    assert merged.register == () and merged.added == 0
    assert said in merged.refused[0][1]


@pytest.mark.parametrize("text", ["{}", "[1]", "not json", '{"a": '])
def test_a_file_that_is_no_list_of_findings_is_refused(tmp_path, text):
    path = tmp_path / "accepted.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"accepted\.json"):
        merge_exceptions((), path, findings_frame(), {})
