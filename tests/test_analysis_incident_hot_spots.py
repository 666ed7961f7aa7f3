"""Hot spots this period against the last, and no incident shown where it was."""

import datetime
import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import hot_spots, rule_pack
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0
SIDE = 12_000.0
THIS = {"this_from": datetime.date(2026, 4, 1), "this_to": datetime.date(2026, 6, 30)}
IN_THIS, IN_LAST = "2026-05-05", "2026-02-02"


def limit(side=SIDE) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.box(E, N, E + side, N + side)], crs=CRS)


def incidents(*places, dates=IN_THIS) -> gpd.GeoDataFrame:
    points = np.concatenate([np.asarray(each, dtype=float).reshape(-1, 2) for each in places]) + (E, N)
    ids = [f"26-{k:05d}" for k in range(len(points))]
    return gpd.GeoDataFrame({"case_no": ids, "date": dates}, geometry=shapely.points(points), crs=CRS)


def at_random(n, seed) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, SIDE, (n, 2))


def planted(n, seed, middle=(4_250, 7_750)) -> np.ndarray:
    return np.random.default_rng(seed).normal(middle, 250, (n, 2))


@pytest.fixture(scope="module")
def two_periods():
    """A thousand incidents at random in each period; this one has a cluster of 80 besides, the last one another of 80."""
    layer = incidents(at_random(1_000, 1), planted(80, 2), at_random(1_000, 3), planted(80, 4, (9_250, 2_250)))
    layer["date"] = [IN_THIS] * 1_080 + [IN_LAST] * 1_080
    return layer, hot_spots(layer, city_limit=limit(), **THIS)


def test_where_all_falls_by_chance_there_is_next_to_no_hot_spot():
    # Of many random Cities no more than the false-discovery rate may have a hot or cold cell at all.
    found = 0
    for seed in range(12):
        table = hot_spots(incidents(at_random(900, 100 + seed)), city_limit=limit()).table
        found += bool((table["kind"] != "").any())
    assert found <= 2  # more than 2 of 12 at 0.05 has a chance of 2 %


def test_a_planted_cluster_is_found_where_it_was_planted_and_nowhere_else(two_periods):
    _, answer = two_periods
    hot = answer.geometry[answer.table["kind"] == "hot"]
    assert hot.distance(shapely.Point(E + 4_250, N + 7_750)).max() < 1_500 and len(hot) >= 9
    assert hot.union_all().contains(shapely.Point(E + 4_250, N + 7_750))
    assert answer.agrees and len(answer.tables["spots"]) == 1


def test_hot_spots_are_new_persisting_or_ended(two_periods):
    _, answer = two_periods
    said = answer.table.set_index("cell")
    assert set(said["status"]) == {"", "new", "ended"}
    ended = answer.geometry[answer.table["status"] == "ended"]
    assert ended.distance(shapely.Point(E + 9_250, N + 2_250)).max() < 1_500
    assert set(said.loc[said["status"] == "new", "change"]) == {"up"} or (said.loc[said["status"] == "new", "change"] == "up").any()
    layer = incidents(at_random(1_000, 1), planted(80, 2), at_random(1_000, 3), planted(80, 4))
    layer["date"] = [IN_THIS] * 1_080 + [IN_LAST] * 1_080
    assert "persisting" in set(hot_spots(layer, city_limit=limit(), **THIS).table["status"])


def test_the_accuracy_index_is_the_share_of_incidents_over_the_share_of_ground(two_periods):
    layer, answer = two_periods
    own, last, carried = answer.tables["pai"].itertuples(index=False)
    ground = answer.geometry[answer.table["kind"] == "hot"].union_all()
    n = int(layer[layer["date"] == IN_THIS].within(ground).sum())
    by_hand = (n / 1_080) / (ground.area / SIDE**2)
    assert own.incidents_in_hot_spots == n and own.pai == pytest.approx(by_hand, abs=0.005) and own.pai > 4
    assert last.pai > 3 and carried.pai < 2  # the cluster moved: last period's hot spots tell nothing of this one


def test_the_change_has_its_uncertainty(two_periods):
    _, answer = two_periods
    first, second = answer.tables["periods"].itertuples(index=False)
    # 1,080 in 91 days against 1,080 in 91 days.
    assert (first.incidents, first.days, second.days) == (1_080, 91, 91)
    assert first.rate_ratio == 1.0 and first.ratio_low < 1 < first.ratio_high
    spot = answer.tables["spots"].iloc[0]
    assert spot["ratio_low"] > 1 and spot["ratio_low"] < spot["rate_ratio"] < spot["ratio_high"]


def test_no_true_place_is_anywhere_in_the_answer(two_periods):
    layer, answer = two_periods
    shown = [each.geometry for each in (answer.geometry, *answer.layers.values())]
    vertices = np.round(np.concatenate([shapely.get_coordinates(each) for each in shown]), 2)
    true = np.round(shapely.get_coordinates(layer.geometry.values), 2)
    assert not {*map(tuple, vertices)} & {*map(tuple, true)}
    tables = (answer.table, answer.excluded, answer.unanswered, *answer.tables.values())
    text = " ".join(
        [*(each.drop(columns="geometry", errors="ignore").to_csv() for each in tables), repr(answer.method), repr(answer.check)]
    )
    for easting, northing in true:
        assert f"{easting:.1f}"[:-2] not in text or f"{northing:.1f}"[:-2] not in text
    masked = answer.layers["incident_masked"]
    assert list(masked.columns) == ["period", "geometry"] and len(masked) == len(layer)
    east = shapely.get_x(masked.geometry.values[:1_080])
    assert (np.diff(east) >= 0).all()  # by the moved place: the order tells nothing


def test_no_true_place_is_in_the_geopackage(two_periods, tmp_path):
    layer, answer = two_periods
    from citygis.gpkg import write_geopackage

    path = tmp_path / "ground.gpkg"
    write_geopackage(path, {"hot_spots": answer.geometry, **answer.layers})
    content = path.read_bytes()
    for point in layer.geometry.values[::20]:
        assert np.array([point.x, point.y]).astype("<f8").tobytes() not in content
    moved = answer.layers["incident_masked"].geometry.values[0]
    assert np.array([moved.x, moved.y]).astype("<f8").tobytes() in content  # that is how places would look in it


def test_the_key_is_not_in_the_answer_and_moves_places_alike(tmp_path):
    secret = tmp_path / "mask.key"
    secret.write_bytes(b"0123456789 of the department")
    layer = incidents(at_random(60, 5))
    one, two = (hot_spots(each, city_limit=limit(), mask_key=secret) for each in (layer, layer.iloc[::-1]))
    assert one.layers["incident_masked"].geometry.equals(two.layers["incident_masked"].geometry)
    assert "0123456789" not in repr(one.method) and str(secret) not in repr(one.method)
    with pytest.raises(AnalysisError, match="no key file"):
        hot_spots(layer, city_limit=limit(), mask_key=tmp_path / "none.key")


def test_a_cell_of_few_tells_nothing_by_its_other_figures_either():
    layer = incidents(at_random(150, 11), planted(40, 12), at_random(120, 13))
    layer["date"] = [IN_THIS] * 190 + [IN_LAST] * 120
    answer = hot_spots(layer, city_limit=limit(), **THIS)
    least = rule_pack("hot_spots")["least_count"]
    this = layer.geometry.values[:190]
    counts = np.array([shapely.intersects(each, this).sum() for each in answer.geometry.geometry.values])
    shown = answer.table["incidents"]
    assert shown[(counts > 0) & (counts < least)].isna().all() and (shown.dropna() == counts[shown.notna()]).all()
    middle = shapely.centroid(answer.geometry.geometry.values)
    around = np.array([counts[shapely.distance(middle, each) <= 1_000.01].sum() for each in middle])
    few = (around > 0) & (around < least)
    assert few.any() and answer.table.loc[few, ["gi_star", "p", "density_per_sqmi"]].isna().all(axis=None)
    assert answer.table.loc[~few, "gi_star"].notna().all()


def test_what_does_not_count_is_told_with_the_reason():
    layer = incidents(at_random(40, 6), [(-1, 50)], [(50, 50)], [(60, 60)], [(70, 70)], [(SIDE, 80)])
    layer["date"] = [IN_THIS] * 41 + ["2020-01-01", "soon", IN_THIS, IN_THIS]
    layer.loc[43, "geometry"] = None
    answer = hot_spots(layer, city_limit=limit(), **THIS)
    assert dict(zip(answer.excluded["feature"], answer.excluded["reason"], strict=True)) == {
        "26-00040": "outside the City limit",
        "26-00041": "in none of the periods",
        "26-00042": "no date, or none that can be read",
        "26-00043": "no place",
        "26-00044": "on the City limit, beside every cell",
    }
    assert len(answer.excluded) + len(answer.tables["ids"]) == len(layer)
    assert answer.unanswered["what"].str.contains("What 1 incidents would change").sum() == 2


def test_the_period_before_has_as_many_days_and_ends_the_day_before():
    layer = incidents(at_random(40, 7))
    layer["date"] = pd.to_datetime(["2026-03-31 23:59", "2025-12-31 00:00"] + [f"{IN_THIS} 12:00"] * 38)
    periods = hot_spots(layer, city_limit=limit(), **THIS).tables["periods"]
    assert periods["from"].tolist()[1] == datetime.date(2025, 12, 31) and periods["incidents"].tolist() == [38, 2]


def test_with_few_incidents_no_hot_spot_is_claimed():
    answer = hot_spots(incidents(planted(29, 8)), city_limit=limit())
    assert not (answer.table["kind"] != "").any() and answer.unanswered["what"].str.contains("Whether there are hot spots").any()
    assert (hot_spots(incidents(planted(30, 8)), city_limit=limit()).table["kind"] == "hot").any()


def test_the_order_of_the_layer_and_its_index_change_nothing(two_periods, tmp_path):
    layer, answer = two_periods
    turned = layer.sample(frac=1, random_state=3).set_index(pd.Index(np.zeros(len(layer))))
    again = hot_spots(turned, city_limit=limit(), **THIS)
    pd.testing.assert_frame_equal(answer.table, again.table)
    pd.testing.assert_frame_equal(answer.tables["ids"], again.tables["ids"])
    assert answer.check == again.check


def test_a_district_with_parcels_hides_each_incident_among_them():
    step = np.arange(50, SIDE, 250)
    lots = [shapely.box(E + e - 40, N + n - 40, E + e + 40, N + n + 40) for e, n in itertools.product(step, step)]
    parcels = gpd.GeoDataFrame({"apn": [str(k) for k in range(len(lots))]}, geometry=lots, crs=CRS)
    answer = hot_spots(incidents(at_random(60, 9)), city_limit=limit(), parcels=parcels)
    facts = answer.tables["mask"].set_index("what")["value"]
    assert facts["parcels as near to the place shown as the true one is, least"] >= rule_pack("hot_spots")["mask_least_parcels"]
    assert facts["moved least, ft"] >= 200 and facts["shown"] == 60


@pytest.mark.parametrize(
    "asked,message",
    [
        ({"this_from": datetime.date(2026, 1, 1)}, "both this_from and this_to"),
        ({"last_from": datetime.date(2026, 1, 1)}, "without this one"),
        ({**THIS, "last_from": datetime.date(2026, 1, 1)}, "both last_from and last_to"),
        ({"this_from": THIS["this_to"], "this_to": THIS["this_from"]}, "backwards"),
        ({**THIS, "last_from": THIS["this_from"], "last_to": THIS["this_to"]}, "into this one"),
        ({**THIS, "date_column": "day"}, "no column 'day'"),
        ({"id_column": "number"}, "no column 'number'"),
        ({"cell_ft": 0}, "above zero"),
        ({"this_from": datetime.date(1999, 1, 1), "this_to": datetime.date(1999, 2, 1)}, "None of 40 incidents"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked, message):
    with pytest.raises(AnalysisError, match=message):
        hot_spots(incidents(at_random(40, 10)), city_limit=limit(), **asked)


def test_what_cannot_be_measured_is_refused():
    layer = incidents(at_random(40, 10))
    with pytest.raises(AnalysisError, match="City limit"):
        hot_spots(layer)
    with pytest.raises(CRSError, match="in degrees"):
        hot_spots(layer.to_crs("EPSG:6318"), city_limit=limit().to_crs("EPSG:6318"))
    with pytest.raises(CRSError, match="Convert one"):
        hot_spots(layer, city_limit=limit().to_crs("EPSG:6418"))
    with pytest.raises(AnalysisError, match="no points"):
        hot_spots(layer.set_geometry(layer.buffer(5)), city_limit=limit())
