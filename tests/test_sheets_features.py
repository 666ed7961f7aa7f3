"""A style's features as batches."""

from fractions import Fraction

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from citygis.errors import SheetError
from citygis.settings import check
from citygis.sheets.features import batches, entries, in_frame
from citygis.sheets.frame import Frame
from citygis.sheets.style import Style

CRS = pyproj.CRS("EPSG:6420")
# 1,000 x 500 ft at 1 in = 100 ft, its lower left corner at 6,330,000 E, 2,090,000 N and at 0, 0 on the page.
FRAME = Frame(CRS, Fraction(100), 6_330_500.0, 2_090_250.0, 0.0, 0.0, 720.0, 360.0)
NONE = np.array([], dtype=object)


def layer(shapes, **columns):
    moved = [shapely.affinity.translate(s, 6_330_000, 2_090_000) if s is not None else None for s in shapes]
    return gpd.GeoDataFrame(columns, geometry=moved, crs=CRS)


def style(**tables):
    return check({"layer": "parcel"} | tables, Style, "own.toml")


def ink(paths):
    """The lines of a batch, as geometry."""
    ends = np.append(paths.starts[1:], len(paths.points))
    return shapely.MultiLineString([paths.points[a:b] for a, b in zip(paths.starts, ends, strict=True)])


def test_a_feature_lies_on_the_page_where_its_scale_puts_it():
    seen = in_frame("own", style(line={}), layer([shapely.box(100, 100, 200, 300)]), FRAME)
    assert seen.shapes[0].bounds == pytest.approx((72, 72, 144, 216))


def test_what_is_outside_or_has_no_geometry_is_not_seen_and_the_latter_is_counted():
    shapes = [shapely.box(0, 0, 50, 50), shapely.box(5000, 0, 5050, 50), None, shapely.Polygon()]
    seen = in_frame("own", style(line={}), layer(shapes), FRAME)
    assert seen.table.index.tolist() == [0]
    assert seen.without_geometry == 2


def test_a_class_draws_its_own_fill_and_the_styles_line():
    own = style(field="kind", line={"color": "#111111"}, fill="#ffffff", classes=[{"values": ["COMMON"], "fill": "#e7efdb"}])
    shapes = layer([shapely.box(0, 0, 50, 50), shapely.box(50, 0, 100, 50)], kind=["FEE", "COMMON"])
    fills = {b.fill: b for b in batches(in_frame("own", own, shapes, FRAME), NONE, FRAME) if b.fill}
    assert set(fills) == {"#ffffff", "#e7efdb"}
    assert fills["#e7efdb"].points[:, 0].min() == 36


def test_lines_of_one_look_are_drawn_once_across_classes():
    own = style(field="kind", line={}, classes=[{"values": ["COMMON"], "fill": "#e7efdb"}])
    shapes = layer([shapely.box(100, 100, 200, 200), shapely.box(200, 100, 300, 200)], kind=["FEE", "COMMON"])
    (lines,) = [b for b in batches(in_frame("own", own, shapes, FRAME), NONE, FRAME) if b.stroke]
    assert ink(lines).length == pytest.approx(7 * 72, abs=0.1)  # two squares an inch wide have seven sides between them


def test_the_cut_edge_of_an_area_is_not_drawn_as_its_line():
    (lines,) = batches(in_frame("own", style(line={}), layer([shapely.box(-100, 100, 100, 200)]), FRAME), NONE, FRAME)
    assert ink(lines).length == pytest.approx(3 * 72, abs=0.1)


def test_a_line_stops_where_a_label_lies_on_it():
    own = style(line={"break_at_labels": True})
    streets = layer([shapely.LineString([(0, 250), (1000, 250)]), shapely.LineString([(0, 400), (1000, 400)])])
    label = np.array([shapely.box(300, 170, 360, 190), shapely.box(500, 170, 540, 190)])
    (lines,) = batches(in_frame("own", own, streets, FRAME), label, FRAME)
    assert not shapely.intersects(ink(lines), shapely.buffer(label, -0.02)).any()
    assert ink(lines).length == pytest.approx(2 * 720 - 60 - 40, abs=0.1)


def test_points_have_their_markers_where_they_are():
    own = style(marker={"shape": "square", "size_pt": 4, "fill": "#000000"})
    (marks,) = batches(in_frame("own", own, layer([shapely.Point(100, 100)]), FRAME), NONE, FRAME)
    assert marks.points.mean(axis=0) == pytest.approx((72, 72), abs=0.01)


def test_the_legend_names_the_classes_that_are_there():
    own = style(
        field="kind",
        legend="Lot",
        line={},
        classes=[{"values": [v], "legend": v.title(), "fill": "#e7efdb"} for v in ("COMMON", "GOVT")],
    )
    shapes = layer([shapely.box(0, 0, 50, 50), shapely.box(50, 0, 90, 50)], kind=["FEE", "GOVT"])
    assert [e.text for e in entries(in_frame("own", own, shapes, FRAME), FRAME)] == ["Lot", "Govt"]


def test_where_keeps_what_it_names():
    own = style(line={}, where={"status": ["ACTIVE"]})
    shapes = layer([shapely.box(0, 0, 50, 50)] * 3, status=["ACTIVE", "RETIRED", None])
    assert in_frame("own", own, shapes, FRAME).table.index.tolist() == [0]


def test_points_and_areas_in_one_layer_are_refused():
    with pytest.raises(SheetError, match="mixes kinds"):
        in_frame("own", style(line={}), layer([shapely.box(0, 0, 50, 50), shapely.Point(9, 9)]), FRAME)


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(SheetError, match="did you mean 'kind'"):
        in_frame("own", style(field="kinds", line={}), layer([shapely.box(0, 0, 5, 5)], kind=["FEE"]), FRAME)


def test_a_bow_tie_across_the_edge_of_the_frame_is_drawn():
    bow_tie = shapely.Polygon([(-100, 100), (100, 300), (100, 100), (-100, 300)])
    seen = in_frame("own", style(line={}, fill="#ffffff"), layer([bow_tie, shapely.box(300, 300, 400, 400)]), FRAME)
    assert len(seen.shapes) == 2
    assert len(batches(seen, NONE, FRAME)) == 2


@pytest.mark.filterwarnings("ignore:invalid value")
def test_coordinates_that_are_not_numbers_are_counted_not_drawn():
    whole, lost = [(0, 0), (50, 50), (90, 9)], [(0, 0), (float("nan"), 5), (9, 9)]
    lines = layer([shapely.LineString(whole), shapely.LineString(lost)])
    seen = in_frame("own", style(line={}), lines, FRAME)
    assert (seen.table.index.tolist(), seen.without_geometry) == ([0], 1)
    seen = in_frame("own", style(marker={}), layer([shapely.Point(float("inf"), 0), shapely.Point(9, 9)]), FRAME)
    assert (seen.table.index.tolist(), seen.without_geometry) == ([1], 1)


def test_invalid_shapes_in_the_frame_are_counted():
    bow_tie = shapely.Polygon([(100, 100), (200, 200), (200, 100), (100, 200)])
    away = shapely.affinity.translate(bow_tie, 9000, 0)
    assert in_frame("own", style(line={}), layer([bow_tie, away, shapely.box(0, 0, 9, 9)]), FRAME).invalid == 1


def test_what_no_class_names_is_counted_and_drawn_by_the_styles_own_symbol():
    own = style(field="kind", fill="#ffffff", legend="Other", classes=[{"values": ["A"], "fill": "#e7efdb", "legend": "A"}])
    seen = in_frame("own", own, layer([shapely.box(0, 0, 5, 5)] * 3, kind=["A", "B", None]), FRAME)
    assert seen.unclassed == 2
    assert [e.text for e in entries(seen, FRAME)] == ["Other", "A"]
    assert in_frame("own", style(line={}), layer([shapely.box(0, 0, 5, 5)]), FRAME).unclassed == 0


def test_the_features_keep_their_identity_for_pins():
    seen = in_frame("own", style(line={}), layer([shapely.box(0, 0, 5, 5)], global_id=["g"], source_id=["s"]), FRAME)
    assert seen.table.columns.tolist() == ["global_id", "source_id"]


def test_all_casings_lie_below_all_lines_whatever_their_class():
    own = style(
        field="kind",
        casing={"color": "#111111", "width_pt": 3},
        line={"color": "#eeeeee", "width_pt": 2},
        classes=[{"values": ["B"], "casing": {"color": "#222222", "width_pt": 5}}],
    )
    streets = layer([shapely.LineString([(0, 250), (1000, 250)]), shapely.LineString([(500, 0), (500, 500)])], kind=["A", "B"])
    assert [b.stroke for b in batches(in_frame("own", own, streets, FRAME), NONE, FRAME)] == ["#111111", "#222222", "#eeeeee"]


def test_of_several_lines_the_first_lies_lowest():
    own = style(lines=[{"color": "#111111", "width_pt": 3}, {"color": "#222222", "width_pt": 1}])
    drawn = batches(in_frame("own", own, layer([shapely.box(100, 100, 200, 200)]), FRAME), NONE, FRAME)
    assert [(b.stroke, b.width_pt) for b in drawn] == [("#111111", 3), ("#222222", 1)]


def test_a_width_on_the_ground_is_drawn_at_the_scale_of_the_frame():
    own = style(line={"width_ft": 5})
    (line,) = batches(in_frame("own", own, layer([shapely.LineString([(0, 9), (99, 9)])]), FRAME), NONE, FRAME)
    assert line.width_pt == pytest.approx(3.6)  # 5 ft at 72 pt to 100 ft


def test_a_hatch_lies_over_its_fill_and_inside_its_area_and_stops_at_labels():
    own = style(fill="#eeeeee", hatch={"spacing_pt": 5, "line": {"color": "#111111", "break_at_labels": True}})
    seen = in_frame("own", own, layer([shapely.box(-50, 100, 200, 300)]), FRAME)
    label = np.array([shapely.box(20, 100, 80, 130)])
    fill, hatch = batches(seen, label, FRAME)
    assert (fill.fill, hatch.stroke) == ("#eeeeee", "#111111")
    free = shapely.box(0, 72, 144, 216).difference(label[0]).buffer(0.02)
    assert free.covers(ink(hatch))
    assert ink(hatch).length == pytest.approx((144 * 144 - 60 * 30) / 5, rel=0.03)  # area over spacing


def test_a_translucent_fill_says_so():
    own = style(fill="#0000ff", opacity=0.4)
    (fill,) = batches(in_frame("own", own, layer([shapely.box(0, 0, 50, 50)]), FRAME), NONE, FRAME)
    assert fill.opacity == 0.4


def test_in_a_turned_frame_shapes_are_cut_on_the_page():
    turned = FRAME._replace(rotation_deg=30.0)
    seen = in_frame("own", style(line={}, fill="#ffffff"), layer([shapely.box(-2000, -2000, 4000, 4000)]), turned)
    assert seen.shapes[0].equals(shapely.box(*turned.box_pt))
    assert not [b for b in batches(seen, NONE, turned) if b.stroke]  # its boundary is outside
    corner = turned.to_ground(np.array([(1.0, 1.0)]))[0] - (6_330_000, 2_090_000)
    assert len(in_frame("own", style(marker={}), layer([shapely.Point(corner)]), turned).shapes) == 1


def tip(batch):
    """Which way an arrow points: from its middle to the vertex furthest away, degrees counter-clockwise from the right."""
    away = batch.points - batch.points.mean(axis=0)
    far = away[np.argmax(np.hypot(*away.T))]
    return np.degrees(np.arctan2(far[1], far[0])) % 360


@pytest.mark.parametrize(("rotation_deg", "azimuth", "pointing"), [(0, 0.0, 90), (0, 90.0, 0), (30, 0.0, 120), (0, None, 90)])
def test_a_marker_points_along_the_azimuth_of_its_field(rotation_deg, azimuth, pointing):
    frame = FRAME._replace(rotation_deg=rotation_deg)
    own = style(marker={"shape": "arrow", "size_pt": 100, "azimuth_field": "az"})
    place = layer([shapely.Point(500, 250)], az=np.array([azimuth], dtype=float))
    (arrow,) = batches(in_frame("own", own, place, frame), NONE, frame)
    assert tip(arrow) == pytest.approx(pointing, abs=0.1)


def test_a_marker_of_azimuth_nought_points_north_on_a_turned_sheet():
    frame = FRAME._replace(rotation_deg=30.0)
    own = style(marker={"shape": "arrow", "size_pt": 100, "azimuth_deg": 0})
    (arrow,) = batches(in_frame("own", own, layer([shapely.Point(500, 250)]), frame), NONE, frame)
    assert tip(arrow) == pytest.approx(120, abs=0.1)


def test_the_order_of_the_rows_does_not_change_the_ink():
    own = style(line={"dash_pt": [5, 2]}, fill="#ffffff")
    shapes = [shapely.box(40 * i, 40 * j, 40 * i + 40, 40 * j + 40) for i in range(20) for j in range(10)]
    one, other = (batches(in_frame("own", own, layer(order), FRAME), NONE, FRAME)[1] for order in (shapes, shapes[::-1]))
    assert ink(one).length == pytest.approx(ink(other).length)
    assert shapely.union_all(ink(one)).equals(shapely.union_all(ink(other)))


def test_an_area_whose_corners_are_one_point_is_counted_not_lost():
    point = (500, 250)
    seen = in_frame("own", style(line={}), layer([shapely.Polygon([point] * 4), shapely.Point(point).buffer(20)]), FRAME)
    assert (seen.table.index.tolist(), seen.without_geometry) == ([1], 1)
