"""The review file, and the changes that lie together."""

import geopandas as gpd
import pytest
import shapely

from citygis.changes import SHIFT_ID, clusters, compare, read_review, review_of, standing, write_review
from citygis.changes.review import csv_text
from citygis.errors import ReadError, StoreError

EAST, NORTH = 6_336_000, 2_122_000


def lot(column, row=0, width=60.0):
    return shapely.box(EAST + 60 * column, NORTH + 110 * row, EAST + 60 * column + width, NORTH + 110 * (row + 1))


def layer(rows, **columns):
    return gpd.GeoDataFrame({"apn": list(rows), **columns}, geometry=list(rows.values()), crs="EPSG:6420")


BASE = {name: lot(i) for i, name in enumerate("ABCDEFGHIJKLMN")}


def changed(owner="x", width=63.0, crs_shift=0.0):
    new = {**BASE, "B": lot(1, width=width), "C": shapely.box(EAST + 60 + width, NORTH, EAST + 180, NORTH + 110)}
    new = {name: shapely.transform(shape, lambda places: places + [crs_shift, 0]) for name, shape in new.items()}
    return compare(layer(BASE, owner="o"), layer(new, owner=["o"] * 5 + [owner] + ["o"] * 8), key="apn")


def decided(path, **decisions):
    """Fill in decisions by what a row says in `kind`, as a person would."""
    review = read_review(path)
    review["decision"] = review["kind"].map(decisions).fillna("")
    path.write_text(csv_text(review), encoding="utf-8")
    return read_review(path)


def test_a_review_has_a_row_for_each_change_and_nothing_decided(tmp_path):
    changes = changed()
    path = write_review(changes, tmp_path / "review.csv")
    review = read_review(path)
    assert review["kind"].tolist() == ["attribute", "moved", "moved"] and review["decision"].eq("").all()
    assert review["change_id"].tolist() == changes.changes["change_id"].tolist()
    assert review["message"].tolist() == changes.changes["message"].tolist()
    assert standing(changes, review).undecided == tuple(changes.changes["change_id"])


def test_decisions_are_read_however_they_are_spelt(tmp_path):
    changes = changed()
    path = write_review(changes, tmp_path / "review.csv")
    decided(path, attribute="Accept ", moved="REJECT")
    said = standing(changes, read_review(path))
    assert (len(said.accepted), len(said.rejected), said.undecided) == (1, 2, ())


def test_a_spreadsheet_that_saves_with_semicolons_and_a_mark_is_read(tmp_path):
    changes = changed()
    path = write_review(changes, tmp_path / "review.csv")
    review = read_review(path).assign(decision="accept")
    review.to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    assert len(standing(changes, read_review(path)).accepted) == 3


def test_a_decision_holds_only_for_what_was_looked_at(tmp_path):
    path = write_review(changed(), tmp_path / "review.csv")
    review = decided(path, attribute="accept", moved="accept")
    other = changed(owner="y")
    said = standing(other, review)
    assert len(said.accepted) == 2 and len(said.outdated) == 1
    assert said.outdated == said.undecided
    again = review_of(other, review)
    assert again.set_index("kind").loc["attribute", "decision"] == "" and again["decision"].eq("accept").sum() == 2


def test_decisions_about_no_change_of_this_comparison_are_told(tmp_path):
    path = write_review(changed(), tmp_path / "review.csv")
    review = decided(path, attribute="accept")
    same = compare(layer(BASE), layer(BASE), key="apn")
    assert len(standing(same, review).unknown) == 3


def test_the_shift_of_the_layer_is_decided_like_a_change(tmp_path):
    changes = changed(crs_shift=0.3)
    path = write_review(changes, tmp_path / "review.csv")
    review = decided(path, shift="accept")
    assert review["change_id"][0] == SHIFT_ID and "+0.300 ft east" in review["message"][0]
    assert standing(changes, review).accepted == (SHIFT_ID,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("change_id,decision,state\nc1,maybe,s\n", "row 2: the decision 'maybe'"),
        ("change_id,decision,state\nc1,accept,s\nc1,reject,s\n", "both accepted and rejected"),
        ("change_id,what\nc1,accept\n", "no column decision, state"),
        ("", "cannot be read"),
    ],
)
def test_a_file_that_is_no_review_is_refused_with_its_row(tmp_path, text, said):
    (tmp_path / "review.csv").write_text(text)
    with pytest.raises(ReadError, match=said):
        read_review(tmp_path / "review.csv")


def test_a_review_is_not_overwritten_unless_asked(tmp_path):
    path = write_review(changed(), tmp_path / "review.csv")
    with pytest.raises(StoreError, match="exists"):
        write_review(changed(), path)
    with pytest.raises(ValueError, match=r"Must end in \.csv"):
        write_review(changed(), tmp_path / "review.xlsx")
    with pytest.raises(ReadError, match="not there"):
        read_review(tmp_path / "none.csv")


def test_a_cell_that_a_spreadsheet_would_run_is_text(tmp_path):
    new = layer({**{name: shape for name, shape in BASE.items() if name != "A"}, "=cmd|' /C calc'!A0": lot(0)})
    text = write_review(compare(layer(BASE), new, key="apn"), tmp_path / "review.csv").read_text()
    assert ",=cmd" not in text and "'=cmd" in text


def test_changes_that_touch_lie_together_and_others_do_not():
    new = {**BASE, "B": lot(1, width=63), "C": shapely.box(EAST + 123, NORTH, EAST + 180, NORTH + 110), "F": lot(5, width=50)}
    changes = compare(layer(BASE, owner="o"), layer(new, owner=["x"] + ["o"] * 13), key="apn")
    number = dict(zip(changes.changes["old"], clusters(changes), strict=True))
    assert number["B"] == number["C"] and len({number["A"], number["B"], number["F"]}) == 3
    assert min(number.values()) == 1
