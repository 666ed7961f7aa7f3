"""Balance, contiguity, compactness and splits of council districts."""

import geopandas as gpd
import networkx
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import district_balance
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0
S = 400.0


def square(column, row, columns=1, rows=1):
    return shapely.box(E + column * S, N + row * S, E + (column + columns) * S, N + (row + rows) * S)


def blocks(columns, rows, *, people=100, district=None) -> gpd.GeoDataFrame:
    """Square blocks by row and column; `district` as rows of letters, the north on top."""
    places = [(c, r) for r in range(rows) for c in range(columns)]
    layer = gpd.GeoDataFrame({"block_id": [f"{r}-{c}" for c, r in places]}, geometry=[square(*p) for p in places], crs=CRS)
    layer["population"] = people
    if district:
        layer["district"] = [district[rows - 1 - r][c] for c, r in places]
    return layer


def polygons(**shapes) -> gpd.GeoDataFrame:
    table = {"district_id": list(shapes), "name": list(shapes), "kind": "COUNCIL"}
    return gpd.GeoDataFrame(table, geometry=list(shapes.values()), crs=CRS)


def lines(*coordinates) -> gpd.GeoDataFrame:
    shapes = [shapely.LineString([(E + c * S, N + r * S) for c, r in each]) for each in coordinates]
    return gpd.GeoDataFrame(geometry=shapes, crs=CRS)


def pieces(answer) -> dict:
    return answer.table.set_index("district")["pieces"].to_dict()


def test_the_deviation_by_hand():
    # 120, 100 and 80 people: ideal 100, range (120 - 80) / 100.
    answer = district_balance(blocks(3, 1, people=[120, 100, 80], district=["ABC"]))
    assert answer.table["people"].tolist() == [120, 100, 80] and answer.table["ideal"].tolist() == [100] * 3
    assert answer.table["deviation_pct"].tolist() == [20.0, 0.0, -20.0]
    criteria = answer.tables["criteria"].set_index("criterion")["found"]
    assert criteria["equal population"].startswith("range 40.00 %")
    assert any("above the guideline of 10 %" in remark for remark in answer.method.remarks)
    assert answer.agrees


@pytest.mark.parametrize("people,word", [([105, 100, 95], "within"), ([1051, 1000, 949], "above")])
def test_ten_per_cent_is_within_the_guideline_and_a_little_more_is_not(people, word):
    answer = district_balance(blocks(3, 1, people=people, district=["ABC"]))
    assert any(f"{word} the guideline" in remark for remark in answer.method.remarks)


def test_a_corner_does_not_hold_a_district_together():
    answer = district_balance(blocks(2, 2, district=["AB", "BA"]))
    assert pieces(answer) == {"A": 2, "B": 2} and not answer.table["contiguous"].any()
    assert len(answer.layers["apart"]) == 2 and answer.agrees
    assert pieces(district_balance(blocks(2, 2, district=["AB", "AA"]))) == {"A": 1, "B": 1}


def test_a_river_cuts_a_district_and_a_bridge_joins_it():
    layer = blocks(3, 2, district=["AAA", "AAA"])
    river = polygons(river=shapely.box(E + S - 20, N - 50, E + S + 20, N + 3 * S))
    assert pieces(district_balance(layer)) == {"A": 1}
    assert pieces(district_balance(layer, water=river)) == {"A": 2}
    assert pieces(district_balance(layer, water=river, crossings=lines([(0.8, 0.5), (1.2, 0.5)]))) == {"A": 1}
    # A bridge that ends in the river, and one between other districts, join nothing.
    assert pieces(district_balance(layer, water=river, crossings=lines([(0.8, 0.5), (0.96, 0.5)]))) == {"A": 2}
    other = blocks(3, 2, district=["ABB", "ABB"])
    assert pieces(district_balance(other, water=river, crossings=lines([(0.8, 0.5), (1.2, 0.5)]))) == {"A": 1, "B": 1}


def test_an_empty_block_of_water_joins_nothing_and_one_with_people_is_land():
    layer = blocks(3, 1, people=[100, 0, 100], district=["AAA"])
    lake = polygons(lake=square(1, 0))
    answer = district_balance(layer, water=lake)
    assert pieces(answer) == {"A": 2} and answer.tables["blocks"]["piece"].isna().tolist() == [False, True, False]
    assert answer.table["blocks"].tolist() == [3]
    layer["population"] = [100, 3, 100]
    assert pieces(district_balance(layer, water=polygons(lake=square(1, 0.2)))) == {"A": 1}


def test_a_straddling_block_goes_to_the_district_with_most_of_its_ground_and_is_told():
    halves = polygons(A=square(0, 0, 1.4), B=square(1.4, 0, 1.6))
    answer = district_balance(blocks(3, 1, people=[100, 40, 100]), districts=halves)
    assert answer.table["people"].tolist() == [100, 140]
    told = answer.tables["straddlers"].iloc[0]
    assert (told["block"], told["district"], told["people"], told["share_in_district"]) == ("0-1", "B", 40, 0.6)
    assert len(answer.tables["straddlers"]) == 1 and answer.layers["straddler"]["block"].tolist() == ["0-1"]


def test_blocks_outside_the_city_and_in_no_district_are_left_out_with_their_people():
    limit = polygons(city=square(0, 0, 2.45))
    answer = district_balance(
        blocks(4, 1, people=[10, 20, 30, 40]), districts=polygons(A=square(0, 0), Z=square(9, 9)), city_limit=limit
    )
    assert answer.table.set_index("district")["people"].to_dict() == {"A": 10, "Z": 0}
    reasons = answer.excluded.set_index("feature")["reason"].to_dict()
    assert reasons == {
        "0-1": "in no district",
        "0-2": "most of its ground lies outside the City",
        "0-3": "most of its ground lies outside the City",
    }
    assert answer.unanswered["what"].str.contains("20 people of 1 blocks").any()
    assert answer.check[0].value == 100 and answer.agrees


def test_a_plan_as_a_table_stands_above_polygons():
    plan = pd.DataFrame({"block_id": ["0-1", "0-0", "9-9"], "district": ["2", "10", "2"]})
    answer = district_balance(blocks(3, 1), districts=polygons(A=square(0, 0, 3)), assignment=plan)
    assert answer.table["district"].tolist() == ["2", "10"]  # numbers by their size
    assert {tuple(row) for row in answer.excluded.to_numpy()} == {
        ("plan", "9-9", "no such block in the layer"),
        ("block", "0-2", "not in the plan"),
    }


def test_only_districts_of_the_kind_count_and_retired_ones_do_not():
    layer = polygons(A=square(0, 0), B=square(1, 0), S=square(0, 0, 2), old=square(0, 0, 2))
    layer["kind"] = ["COUNCIL", "COUNCIL", "SCHOOL", "COUNCIL"]
    layer["status"] = ["ACTIVE", "ACTIVE", "ACTIVE", "RETIRED"]
    answer = district_balance(blocks(2, 1), districts=layer)
    assert answer.table["district"].tolist() == ["A", "B"] and "old" in set(answer.excluded["feature"])
    with pytest.raises(AnalysisError, match="kind 'LMD'"):
        district_balance(blocks(2, 1), districts=layer, kind="LMD")


def test_ground_that_two_districts_claim_is_told():
    answer = district_balance(blocks(2, 1), districts=polygons(A=square(0, 0, 1.5), B=square(1, 0)))
    assert answer.unanswered["what"].str.contains("1 blocks are").any()


def test_neighbourhoods_that_are_split_are_told_with_their_people():
    places = polygons(North=square(0, 1, 3), South=square(0, 0, 3))
    answer = district_balance(blocks(3, 2, district=["AAB", "BBB"]), neighbourhoods=places)
    north, south = answer.tables["splits"].itertuples(index=False)
    assert (north.neighbourhood, north.is_split, north.people_by_district) == ("North", True, "A: 200, B: 100")
    assert north.largest_share_pct == 66.7 and not south.is_split
    assert "1 of 2 are split" in set(answer.tables["criteria"]["found"])


def test_the_city_s_published_total_is_held_against_the_blocks():
    layer = blocks(2, 1, district=["AB"])
    assert district_balance(layer, city_population=200).agrees
    assert not district_balance(layer, city_population=201).agrees


def test_blocks_whose_people_are_unknown_are_told():
    layer = blocks(3, 1, district=["AAB"]).astype({"population": object})
    layer["population"] = ["100", None, "-7"]
    answer = district_balance(layer)
    assert answer.unanswered["what"].str.contains("How many live in 2 blocks").any() and answer.table["people"].sum() == 100


def test_random_plans_are_in_as_many_pieces_as_networkx_finds():
    rng = np.random.default_rng(2)
    letters = rng.choice(list("ABC"), (12, 12))
    answer = district_balance(blocks(12, 12, district=["".join(row) for row in letters]))
    grid = networkx.grid_2d_graph(12, 12)
    by_hand = {
        name: networkx.number_connected_components(grid.subgraph([at for at in grid if letters[at] == name])) for name in "ABC"
    }
    assert pieces(answer) == by_hand and answer.agrees
    assert (
        answer.tables["pieces"].groupby("district")["people"].sum().to_dict()
        == answer.table.set_index("district")["people"].to_dict()
    )


def test_the_order_of_the_layer_and_its_index_change_nothing():
    layer = blocks(6, 6, people=range(36), district=["AABBBC", "AABBCC", "AAABCC", "DDABCC", "DDDEEC", "DDDEEE"])
    places = polygons(North=square(0, 3, 6, 3), South=square(0, 0, 6, 3))
    turned = layer.sample(frac=1, random_state=1).set_index(pd.Index([0] * 36))
    one, other = (district_balance(each, neighbourhoods=places) for each in (layer, turned))
    for name in one.tables:
        pd.testing.assert_frame_equal(one.tables[name], other.tables[name])
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.check == other.check


def test_what_was_not_given_is_told_as_unanswered():
    said = set(district_balance(blocks(2, 1, district=["AB"])).unanswered["what"])
    assert said == {"Whether water cuts a district", "Which neighbourhoods are split"}


def test_the_statute_s_order_is_cited():
    answer = district_balance(blocks(2, 1, district=["AB"]))
    assert answer.tables["criteria"]["criterion"].tolist()[:3] == [
        "equal population",
        "contiguity",
        "neighbourhoods and communities of interest",
    ]
    assert {"order", "contiguous", "most_deviation_pct"} <= {each.key for each in answer.method.citations}


def test_what_cannot_be_used_is_refused():
    layer = blocks(2, 1)
    with pytest.raises(AnalysisError, match="There is no plan"):
        district_balance(layer)
    with pytest.raises(AnalysisError, match="more than once"):
        district_balance(pd.concat([layer, layer]), districts=polygons(A=square(0, 0)))
    with pytest.raises(AnalysisError, match="'0-0' more than once"):
        district_balance(layer, assignment=pd.DataFrame({"block_id": ["0-0", "0-0"], "district": ["A", "B"]}))
    with pytest.raises(AnalysisError, match="no column district"):
        district_balance(layer, assignment=pd.DataFrame({"block_id": ["0-0"], "plan": ["A"]}))
    with pytest.raises(AnalysisError, match="No block is in a district"):
        district_balance(layer, districts=polygons(A=square(50, 50)))
    with pytest.raises(AnalysisError, match="no column 'people'"):
        district_balance(layer, districts=polygons(A=square(0, 0)), population_column="people")
    with pytest.raises(CRSError, match="in degrees"):
        district_balance(layer.to_crs("EPSG:6318"), districts=polygons(A=square(0, 0)))
