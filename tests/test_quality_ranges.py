"""Address ranges: parity, overlap, direction, sequence, gaps and zero ends; each fault found, and told once."""

import numpy as np
import pytest
import shapely
from street_grid import address_of, codes, found, grid, row_of

from citygis.city import default_city
from citygis.quality.ranges import ranges_of
from citygis.quality.street_names import street_names
from citygis.quality.subject import subject


def changed(label, **values):
    """The grid with one centreline changed."""
    layers = grid()
    lines = layers["street_centerline"]
    for column, value in values.items():
        lines.loc[row_of(layers, label), column] = value
    return layers


def test_a_sound_grid_has_no_findings():
    assert found(grid()).empty


def test_the_order_of_rows_and_the_way_lines_are_drawn_do_not_matter():
    layers = grid()
    shuffled = {name: frame.sample(frac=1, random_state=3).set_axis([7] * len(frame)) for name, frame in layers.items()}
    assert found(shuffled).empty
    lines = layers["street_centerline"]
    row = row_of(layers, "Birch 2")  # drawn from east to west, its sides and ends exchanged with it
    lines.loc[row, "geometry"] = shapely.reverse(lines.geometry[row])
    lines.loc[row, ["FromAddr_L", "ToAddr_L", "FromAddr_R", "ToAddr_R"]] = [298, 200, 299, 201]
    lines.loc[row, ["Parity_L", "Parity_R"]] = ["E", "O"]
    assert found(layers).empty


@pytest.mark.parametrize(
    "values",
    [
        {"Parity_R": "O"},
        {"Parity_R": "Z"},
        {"ToAddr_R": 299},  # an odd end of an even range
        {"FromAddr_R": 201, "Parity_R": "E"},
    ],
)
def test_a_parity_that_its_range_denies_is_found(values):
    assert codes(changed("Birch 2", **values)) == [("U02", "parity_against_range", "Birch 2")]


@pytest.mark.parametrize("parity", ["O", "E", "B"])
def test_a_parity_without_a_range_is_found(parity):
    assert codes(changed("First 1", Parity_L=parity)) == [("U02", "parity_against_range", "First 1")]


def test_a_side_of_both_parities_is_sound_where_the_other_has_no_numbers():
    layers = changed("Cedar 3", FromAddr_R=300, ToAddr_R=399, Parity_R="B", FromAddr_L=0, ToAddr_L=0, Parity_L="Z")
    points = layers["address_point"]
    odd = (points["St_Name"] == "Cedar") & (points["Add_Number"] > 300) & (points["Add_Number"] % 2 == 1)
    layers["address_point"] = points[~odd]
    assert found(layers).empty


def test_both_sides_with_one_parity_are_for_review():
    layers = changed("Cedar 3", FromAddr_L=400, ToAddr_L=498, Parity_L="E")
    points = layers["address_point"]
    layers["address_point"] = points[
        (points["St_Name"] != "Cedar") | (points["Add_Number"] < 300) | (points["Add_Number"] % 2 == 0)
    ]
    told = found(layers)
    assert told[told["code"] == "U02"][["rule", "severity"]].values.tolist() == [["parity_alike", "review"]]


@pytest.mark.parametrize(("last", "count"), [(298, 0), (300, 1), (304, 3)])
def test_numbers_in_two_ranges_of_a_street_are_counted(last, count):
    told = found(changed("Birch 2", ToAddr_R=last))
    assert told["code"].tolist() == (["U03"] if count else [])
    if count:
        assert told["measure"].tolist() == [count]
        assert told[["feature", "other"]].values.tolist() == [[f"urn:emergency:uid:gis:RCL:{k}:riverbend.example" for k in (4, 5)]]


def test_sides_of_one_line_may_not_share_numbers():
    layers = changed("Birch 2", FromAddr_L=200, ToAddr_L=299, Parity_L="B")
    assert codes(layers) == [("U03", "ranges_overlap", "Birch 2")]
    assert found(layers)["measure"].item() == 50  # the even ones


def test_one_range_on_two_streets_or_in_two_communities_is_sound():
    layers = grid()  # Alder 1, Birch 1 and Cedar 1 all run from 100 to 199
    lines = layers["street_centerline"]
    for side in "LR":
        lines[f"A3_{side}"] = np.where(lines["label"] == "Birch 3", "Lakeside", "Riverbend")
    lines.loc[row_of(layers, "Birch 3"), ["FromAddr_L", "ToAddr_L", "FromAddr_R", "ToAddr_R"]] = [101, 199, 100, 198]
    points = layers["address_point"]
    layers["address_point"] = points[(points["St_Name"] != "Birch") | (points["Add_Number"] < 300)]
    assert "U03" not in {code for code, *_ in codes(layers)}
    for side in "LR":
        lines[f"A3_{side}"] = "Riverbend"
    assert "U03" in {code for code, *_ in codes(layers)}


def test_overlaps_agree_with_counting_every_number():
    random = np.random.default_rng(8)
    for _ in range(40):
        layers = grid()
        lines = layers["street_centerline"].iloc[:9].copy()
        lines["St_Name"] = random.choice(["Alder", "Birch"], 9)
        low, width = random.integers(1, 60, (9, 2)), random.integers(0, 12, (9, 2))
        for k, side in enumerate("LR"):
            parity = random.choice(["O", "E", "B"], 9)
            first = np.where(parity == "B", low[:, k], low[:, k] // 2 * 2 + (parity == "O"))
            last = first + np.where(parity == "B", width[:, k], width[:, k] * 2)
            swap = random.random(9) < 0.5
            lines[f"FromAddr_{side}"], lines[f"ToAddr_{side}"] = np.where(swap, last, first), np.where(swap, first, last)
            lines[f"Parity_{side}"] = parity
        held = [
            (row, name, {n for n in range(min(a, b), max(a, b) + 1) if parity == "B" or n % 2 == (parity == "O")} - {0})
            for side in "LR"
            for row, (name, a, b, parity) in enumerate(
                zip(lines["St_Name"], lines[f"FromAddr_{side}"], lines[f"ToAddr_{side}"], lines[f"Parity_{side}"], strict=True)
            )
            if a and b
        ]
        expected = {}
        for i, (one, name, numbers) in enumerate(held):
            for other, other_name, other_numbers in held[i + 1 :]:
                if name == other_name and numbers & other_numbers:
                    key = (min(one, other), max(one, other))
                    expected[key] = expected.get(key, 0) + len(numbers & other_numbers)
        told = found({"street_centerline": lines})
        told = told[told["code"] == "U03"]
        place = {nguid: k for k, nguid in enumerate(lines["NGUID"])}
        rows = zip(told["feature"], told["other"], told["measure"], strict=True)
        assert {(place[a], place[b]): int(n) for a, b, n in rows} == expected


@pytest.mark.parametrize("label", ["Birch 1", "Birch 2", "Birch 3"])
def test_a_range_with_its_ends_exchanged_runs_against_its_street(label):
    layers = grid()
    lines = layers["street_centerline"]
    row = row_of(layers, label)
    for side in "LR":
        lines.loc[row, [f"FromAddr_{side}", f"ToAddr_{side}"]] = lines.loc[row, [f"ToAddr_{side}", f"FromAddr_{side}"]].tolist()
    assert codes(layers) == [("U04", "range_reversed", label)]


def test_one_side_with_its_ends_exchanged_is_named():
    told = found(changed("Birch 2", FromAddr_R=298, ToAddr_R=200))
    assert told["code"].tolist() == ["U04"] and "right range" in told["message"].item()


def test_a_street_numbered_against_its_lines_throughout_is_sound():
    layers = grid()
    lines = layers["street_centerline"]
    birch = lines["St_Name"] == "Birch"
    lines.loc[birch, "geometry"] = shapely.reverse(lines.geometry[birch])
    columns = ["FromAddr_L", "ToAddr_L", "FromAddr_R", "ToAddr_R", "Parity_L", "Parity_R"]
    swapped = ["ToAddr_R", "FromAddr_R", "ToAddr_L", "FromAddr_L", "Parity_R", "Parity_L"]
    lines.loc[birch, columns] = lines.loc[birch, swapped].to_numpy()
    assert found(layers).empty


def test_numbers_that_jump_back_along_a_street_break_the_sequence():
    layers = grid()
    lines = layers["street_centerline"]
    one, other = row_of(layers, "Birch 2"), row_of(layers, "Birch 3")
    columns = ["FromAddr_L", "ToAddr_L", "FromAddr_R", "ToAddr_R"]
    lines.loc[[one, other], columns] = lines.loc[[other, one], columns].to_numpy()
    told = found(layers)
    # 100, 300, 200: the numbers fall behind once, between the second piece and the third; before it some are left out.
    assert told[["code", "severity"]].values.tolist() == [["U05", "review"], ["U06", "info"]]
    assert told["geometry"].iloc[0].equals(lines.geometry[other].boundary.geoms[0])
    assert told["measure"].iloc[0] == 198  # from 398 back to 200, and from 399 to 201


@pytest.mark.parametrize(("first", "expected"), [(200, 0), (202, 1)])
def test_numbers_left_out_are_told_from_the_first_one_on(first, expected):
    told = found(changed("Birch 2", FromAddr_R=first))
    assert told["code"].tolist() == ["U06"] * expected
    if expected:
        assert told[["severity", "measure", "tolerance"]].values.tolist() == [["info", 4.0, 2.0]]


@pytest.mark.parametrize("values", [{"FromAddr_R": 0}, {"FromAddr_R": 298, "ToAddr_R": 0}, {"FromAddr_L": 0, "ToAddr_L": 299}])
def test_a_range_with_one_end_at_zero_is_found(values):
    assert codes(changed("Birch 2", **values)) == [("U12", "zero_end", "Birch 2")]


def test_a_range_is_read_by_its_ends_where_its_parity_is_not_stated():
    layers = changed("Birch 2", Parity_R=None, FromAddr_L=0, ToAddr_L=0, Parity_L="Z")
    city = default_city()
    about = subject("street_centerline", layers["street_centerline"], city.schema.layers["street_centerline"], city=city)
    ranges = ranges_of(about, street_names(about.frame))
    at = np.flatnonzero(ranges.row == row_of(layers, "Birch 2"))
    assert ranges.parity[at].tolist() == ["E"] and ranges.side[at].tolist() == [1]
    assert len(ranges.row) == 17  # nine lines of two sides, but one


def test_a_retired_line_has_no_range():
    layers = changed("Birch 2", ToAddr_R=300, status="RETIRED")
    points = layers["address_point"]
    drop = [address_of(layers, n, "Birch") for n in points[points["St_Name"] == "Birch"]["Add_Number"] if 200 <= n < 300]
    layers["address_point"] = points.drop(index=drop)
    assert found(layers).empty
