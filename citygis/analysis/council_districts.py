"""
Whether council districts are balanced, in one piece and compact, and whose neighbourhoods they split: block by block.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.compactness import Compactness, compactness
from citygis.analysis.contiguity import borders
from citygis.analysis.density import SQFT_PER_SQMI
from citygis.analysis.district_pieces import joined_ground, piece_table, pieces_by_water
from citygis.analysis.district_plan import SAME, Plan, by_ground, plan_of, share_of
from citygis.analysis.layers import require_layers, sources_of
from citygis.analysis.overlay import measurable
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.city import City
from citygis.errors import AnalysisError

_TINTS = ("#fdf3b8", "#cfe3f4", "#dcecc8", "#f6d6c8", "#e3d8ef", "#d2ece6", "#f4dce8", "#e9e2cf", "#dfe3e8")


def district_balance(
    blocks: gpd.GeoDataFrame,
    *,
    districts: gpd.GeoDataFrame | None = None,
    assignment: pd.DataFrame | None = None,
    city_limit: gpd.GeoDataFrame | None = None,
    neighbourhoods: gpd.GeoDataFrame | None = None,
    water: gpd.GeoDataFrame | None = None,
    crossings: gpd.GeoDataFrame | None = None,
    kind: str = "COUNCIL",
    block_column: str = "block_id",
    population_column: str = "population",
    district_column: str | None = None,
    neighbourhood_column: str = "name",
    city_population: int | None = None,
    city: City | None = None,
) -> Answer:
    """
    The balance of council districts.

    Parameters
    ----------
    blocks : GeoDataFrame, polygons
        Census blocks: `block_column`, `population_column`. In feet.
    districts : GeoDataFrame, optional
        ``district_id`` or `district_column`; of the City's layer those of `kind`. A block is of the one with most of its ground.
    assignment : DataFrame, optional
        A plan as a table: `block_column`, and ``district`` or `district_column`. Stands above `districts`.
        Without either the blocks themselves have the column.
    city_limit : GeoDataFrame, optional
        Blocks with less than half of their ground inside are left out.
    neighbourhoods : GeoDataFrame, optional
        Polygons that should not be split, with `neighbourhood_column`.
    water : GeoDataFrame, optional
        Polygons. A common line in it joins nothing, nor does an empty block that lies in it for the most part.
    crossings : GeoDataFrame, optional
        Lines of bridges, tunnels and ferries: they join the blocks they meet.
    kind, block_column, population_column, district_column, neighbourhood_column : str
    city_population : int, optional
        The City's total as published, to hold the blocks against.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per district: ``district, people, ideal, deviation, deviation_pct, blocks, pieces, contiguous,
        polsby_popper, reock, convex_hull, area_sqmi``. ``tables``: ``criteria`` in the statute's order, ``pieces``, ``splits``,
        ``straddlers``, ``blocks``. ``layers``: ``district``, ``apart`` (pieces cut off), ``straddler``.

    Raises
    ------
    AnalysisError
        If a column is not there, a block is named twice, or no block is in a district.
    CRSError
        If a layer is not in feet of one system.
    """
    pack = rule_pack("districts", city)
    given = {"district": None if assignment is not None else districts, "city_limit": city_limit}
    given |= {"neighbourhood": neighbourhoods, "water": water, "crossing": crossings}
    columns = {"block": [block_column, population_column], "neighbourhood": [neighbourhood_column]}
    require_layers({"block": blocks, **given}, columns)
    ground = measurable(blocks, "block", key=block_column)
    blocks = blocks.reset_index(drop=True)
    names = blocks[block_column].astype("str").to_numpy(dtype=object)
    twice = pd.Series(names)[pd.Series(names).duplicated()]
    if len(twice):
        raise AnalysisError(f"Block {twice.iloc[0]!r} is there more than once; {len(twice):,} such rows. Each block has one.")
    # An order of its own: no figure hangs on that of the layer.
    order = np.argsort(names[ground.rows], kind="stable")
    rows, shapes = ground.rows[order], ground.shapes[order]
    name = names[rows]
    everyone = pd.to_numeric(blocks[population_column], errors="coerce").to_numpy(dtype=float)
    people = everyone[rows]
    unknown = ~(people >= 0)
    people = np.where(unknown, 0, people).round().astype(np.int64)
    inside = share_of(shapes, city_limit) if city_limit is not None else np.ones(len(rows))

    plan = plan_of(
        blocks.iloc[rows],
        name,
        shapes,
        districts=districts,
        assignment=assignment,
        kind=kind,
        block_column=block_column,
        district_column=district_column,
    )
    held = (inside >= 0.5) & (plan.at >= 0)
    if not held.any():
        raise AnalysisError("No block is in a district. Look at the districts' system, or at how blocks are written in the plan.")
    of = np.where(held, plan.at, -1)
    count = len(plan.names)
    common, least_ft = borders(shapes), float(pack["least_border_ft"])
    plain = piece = pieces_by_water(shapes, of, people, common, least_ft=least_ft, water=None, crossings=None)
    if water is not None or crossings is not None:
        piece = pieces_by_water(shapes, of, people, common, least_ft=least_ft, water=water, crossings=crossings)
    pieces = piece_table(plan.names, of, piece, people, shapes)
    number = pd.Series(piece).map(pieces.set_index("head")["piece"]).astype("Int64").to_numpy()
    unions = [joined_ground(shapes[of == k]) for k in range(count)]
    measures = compactness(np.array(unions, dtype=object))
    table = _table(plan.names, of, people, pieces, unions, measures)
    straddles = held & ((plan.share < 1 - SAME) | ((inside < 1 - SAME) & (inside > SAME)))
    straddlers = pd.DataFrame(
        {
            "block": name[straddles],
            "district": plan.names[of[straddles]],
            "people": people[straddles],
            "share_in_district": plan.share[straddles].round(4),
            "share_in_city": inside[straddles].round(4),
        }
    )
    splits = _splits(shapes, of, people, plan.names, neighbourhoods, neighbourhood_column)
    away = inside < 0.5
    lost = [("block", n, "most of its ground lies outside the City") for n in name[away]]
    lost += [("block", n, plan.why_not) for n in name[~away & (plan.at < 0)]]
    lost += plan.left_out
    layers = _layers(table, unions, pieces, piece, of, shapes, straddles, name, blocks.crs)
    total = int(people[held].sum())
    facts = _Facts(
        int(people[away].sum()), int((~away & (plan.at < 0)).sum()), int(people[~away & (plan.at < 0)].sum()), int(unknown.sum())
    )
    return Answer(
        question="districts",
        title=f"Balance of {count} districts, {total:,} people",
        table=table,
        geometry=layers["district"],
        excluded=excluded([*ground.left_out, *lost]),
        method=Method(
            steps=_steps(plan, pack, city_limit, water, crossings),
            citations=pack.cited(),
            parameters={
                "plan": plan.said,
                "block_column": block_column,
                "population_column": population_column,
                "city_population": city_population,
            },
            sources=sources_of({"block": blocks, **given, "assignment": assignment}),
            remarks=(*ground.remarks, *_remarks(table, pack, straddlers, plan)),
        ),
        check=_checks(table, everyone, people, held, facts, ground.rows, shapes, of, plain, unions, city_population),
        unanswered=unanswered(_open(pack, plan, facts, water, crossings, neighbourhoods)),
        tables={
            "criteria": _criteria(pack, table, splits, measures),
            "pieces": pieces,
            "splits": splits,
            "straddlers": straddlers,
            "blocks": pd.DataFrame(
                {"block": name[held], "district": plan.names[of[held]], "people": people[held], "piece": number[held]}
            ),
        },
        layers=layers,
        map=_map(plan.names, table),
    )


class _Facts(NamedTuple):
    people_outside: int
    blocks_without: int
    people_without: int
    unknown: int


def _table(names, of, people, pieces: pd.DataFrame, unions, measures: Compactness) -> pd.DataFrame:
    held = of >= 0
    count = len(names)
    each = np.bincount(of[held], weights=people[held], minlength=count).round().astype(np.int64)
    ideal = each.sum() / count
    off = each - ideal
    parts = pieces.groupby("at").size().reindex(range(count), fill_value=0).to_numpy()
    return pd.DataFrame(
        {
            "district": names,
            "people": each,
            "ideal": np.full(count, round(ideal, 2)),
            "deviation": off.round(2),
            "deviation_pct": (100 * off / ideal).round(3) if ideal else np.full(count, np.nan),
            "blocks": np.bincount(of[held], minlength=count),
            "pieces": parts,
            "contiguous": parts == 1,
            "polsby_popper": measures.polsby_popper.round(3),
            "reock": measures.reock.round(3),
            "convex_hull": measures.convex_hull.round(3),
            "area_sqmi": (shapely.area(unions) / SQFT_PER_SQMI).round(4),
        }
    )


def _splits(shapes, of, people, names, layer: gpd.GeoDataFrame | None, column: str) -> pd.DataFrame:
    """A row per neighbourhood: the districts that its blocks, those with most of their ground in it, are of."""
    header = ["neighbourhood", "people", "districts", "is_split", "people_by_district", "largest_share_pct"]
    if layer is None:
        return pd.DataFrame(columns=header)
    found = by_ground(shapes, layer, "neighbourhood", column)
    rows = []
    for k, name in enumerate(found.names):
        at = (found.at == k) & (of >= 0)
        here = np.bincount(of[at], weights=people[at], minlength=len(names)).astype(int)
        among = np.unique(of[at])
        total = int(here.sum())
        said = ", ".join(f"{names[d]}: {here[d]:,}" for d in among)
        rows.append((name, total, len(among), len(among) > 1, said, round(100 * here.max() / total, 1) if total else np.nan))
    return pd.DataFrame(rows, columns=header)


def _checks(
    table, everyone, people, held, facts: _Facts, rows, shapes, of, plain, unions, city_population
) -> tuple[SecondWay, ...]:
    total = int(table["people"].sum())
    layer = np.zeros(len(everyone), dtype=bool)
    layer[rows] = True
    ideal = total / len(table)
    spread = float(100 * (table["people"].max() - table["people"].min()) / ideal) if ideal else 0.0
    sides = float(table["deviation_pct"].max() - table["deviation_pct"].min()) if ideal else 0.0
    joined = sum(len(shapely.get_parts(each)) for each in unions)
    checks = [
        second_way(
            "people of all districts, of blocks outside and of blocks in none",
            total + facts.people_outside + facts.people_without,
            "the column of the layer, added up",
            round(float(np.nansum(np.where(everyone >= 0, everyone, 0)[layer]))),
            unit="people",
        ),
        second_way(
            "range of deviations",
            round(spread, 3),
            "the largest deviation less the smallest",
            round(sides, 3),
            tolerance=0.0011,
            unit="%",
        ),
        second_way(
            "pieces by common lines, water aside",
            len(np.unique(plain[plain >= 0])),
            "parts of the districts' joined ground",
            joined,
        ),
        second_way(
            "ground of all districts",
            round(float(shapely.area(unions).sum()) / SQFT_PER_SQMI, 4),
            "that of their blocks, one by one",
            round(float(shapely.area(shapes[held]).sum()) / SQFT_PER_SQMI, 4),
            tolerance=0.001,
            unit="sq mi",
        ),
    ]
    if city_population is not None:
        checks.append(
            second_way("people of all districts", total, "the City's total as published", int(city_population), unit="people")
        )
    return tuple(checks)


def _open(pack: RulePack, plan: Plan, facts: _Facts, water, crossings, neighbourhoods) -> list[tuple[str, str, str]]:
    rows = pack.overdue()
    if facts.blocks_without:
        what = f"Who represents {facts.people_without:,} people of {facts.blocks_without:,} blocks"
        rows.append((what, f"The blocks are {plan.why_not}.", "Give each block a district."))
    if facts.unknown:
        rows.append(
            (f"How many live in {facts.unknown:,} blocks", "Their population is no number from 0 up.", "Look it up in the census.")
        )
    if plan.doubly:
        rows.append(
            (f"Of which district {plan.doubly:,} blocks are", "Two districts claim the same ground.", "Mend the districts' lines.")
        )
    if water is None:
        rows.append(("Whether water cuts a district", "No layer of water was given.", "Give water, and the bridges as crossings."))
    elif crossings is None:
        why = "No bridges, tunnels or ferries were given: all water cuts."
        rows.append(("Whether a bridge joins what water cuts", why, "Give crossings, as lines."))
    if neighbourhoods is None:
        why = "No layer of neighbourhoods or communities of interest was given."
        rows.append(("Which neighbourhoods are split", why, "Give neighbourhoods, as polygons with a name."))
    return rows


def _criteria(pack: RulePack, table: pd.DataFrame, splits: pd.DataFrame, measures: Compactness) -> pd.DataFrame:
    apart = ", ".join(table.loc[~table["contiguous"], "district"])
    low, high = np.nanmin(measures.polsby_popper), np.nanmax(measures.polsby_popper)
    found = {
        "contiguity": f"not in one piece: {apart}" if apart else "all in one piece",
        "neighbourhoods and communities of interest": f"{int(splits['is_split'].sum())} of {len(splits)} are split"
        if len(splits)
        else "not measured: no layer",
        "identifiable boundaries": "not measured: to be seen on the map",
        "compactness": f"Polsby-Popper {low:.2f} to {high:.2f}",
    }
    spread = table["deviation_pct"].max() - table["deviation_pct"].min()
    rows = [("equal population", f"range {spread:.2f} % of the ideal; guideline {pack['most_deviation_pct']} %")]
    rows += [(each, found.get(each, "not measured")) for each in pack["order"]]
    return pd.DataFrame(rows, columns=["criterion", "found"])


def _steps(plan: Plan, pack: RulePack, city_limit, water, crossings) -> tuple[str, ...]:
    steps = [f"The district of each block is that of {plan.said}."]
    if plan.said == "the districts' ground":
        steps[0] += " A block on several is of the one with most of its ground, with all its people."
    if city_limit is not None:
        steps.append("Blocks with less than half of their ground in the City were left out.")
    steps.append(
        "The deviation is a district's people less the ideal, the same number for each; the range is that of most to least."
    )
    steps.append(f"Blocks adjoin when they share {pack['least_border_ft']} ft of line or more; a corner is not enough.")
    if water is not None:
        steps.append("A common line in water does not count, and an empty block that is mostly water joins nothing.")
    if crossings is not None:
        steps.append("Blocks of one district that a bridge, tunnel or ferry meets are joined.")
    steps.append("Compactness is that of the blocks' joined ground.")
    return tuple(steps)


def _remarks(table: pd.DataFrame, pack: RulePack, straddlers: pd.DataFrame, plan: Plan) -> tuple[str, ...]:
    spread = table["deviation_pct"].max() - table["deviation_pct"].min()
    over = "above" if spread > pack["most_deviation_pct"] else "within"
    said = [f"The range of deviations is {spread:.2f} %, {over} the guideline of {pack['most_deviation_pct']} %."]
    if len(straddlers):
        said.append(
            f"{len(straddlers):,} blocks straddle a line, with {int(straddlers['people'].sum()):,} people: they are listed."
        )
    said.append(
        "Whether the counts leave out incarcerated persons as the statute asks, the layer does not say: ask where it came from."
    )
    said.append("Nothing here speaks to the Voting Rights Act, or to how a plan was drawn: that is for counsel.")
    return tuple(said)


def _layers(table, unions, pieces: pd.DataFrame, piece, of, shapes, straddles, name, crs) -> dict[str, gpd.GeoDataFrame]:
    apart = pieces[pieces["piece"] > 1]
    cut = [joined_ground(shapes[piece == head]) for head in apart["head"]]
    pieces.drop(columns=["at", "head"], inplace=True)
    small = table[["district", "people", "deviation_pct"]]
    return {
        "district": gpd.GeoDataFrame(small, geometry=gpd.GeoSeries(unions, crs=crs), crs=crs),
        "apart": gpd.GeoDataFrame(
            apart[["district", "piece", "people"]].reset_index(drop=True), geometry=gpd.GeoSeries(cut, crs=crs), crs=crs
        ),
        "straddler": gpd.GeoDataFrame({"block": name[straddles]}, geometry=gpd.GeoSeries(shapes[straddles], crs=crs), crs=crs),
    }


def _map(names: np.ndarray, table: pd.DataFrame) -> MapPlan:
    dark, red = "#4a3a5e", "#9c2f2f"
    classes = [
        {"values": [str(n)], "legend": f"District {n}", "fill": _TINTS[k % len(_TINTS)], "opacity": 0.7}
        for k, n in enumerate(names)
    ]
    rows = [
        {"text": "District {district}", "size_pt": 10.0, "font": "bold", "color": dark},
        {"text": "{people} people, {deviation_pct} %", "size_pt": 7.0, "color": dark},
    ]
    return MapPlan(
        "Council districts",
        f"{int(table['people'].sum()):,} people",
        {
            "district": {
                "title": "Districts",
                "field": "district",
                "classes": classes,
                "line": {"color": dark, "width_pt": 1.4},
                "label": {"placement": "inside", "priority": 40, "rows": rows},
            },
            "straddler": {
                "title": "Straddlers",
                "legend": "Block on a line between districts",
                "hatch": {"angle_deg": 45.0, "spacing_pt": 5.0, "line": {"color": dark, "width_pt": 0.3}},
            },
            "apart": {
                "title": "Apart",
                "legend": "Piece cut off from its district",
                "hatch": {"angle_deg": 135.0, "spacing_pt": 4.0, "line": {"color": red, "width_pt": 0.5}},
                "line": {"color": red, "width_pt": 1.2},
            },
        },
        base=("right_of_way",),
    )


QUESTIONS = (
    Question(
        name="districts",
        department="City clerk",
        summary="Whether council districts are balanced, contiguous and compact, and which neighbourhoods they split.",
        answer=district_balance,
        layers=(),
        optional={"districts": "district", "city_limit": "city_limit"},
        parameters=(
            Parameter("blocks", "layer", "A file of census blocks with their people.", required=True),
            Parameter("districts", "layer", "A file of districts, in place of the store's."),
            Parameter("assignment", "table", "A plan as a table of blocks and districts, in place of polygons."),
            Parameter("neighbourhoods", "layer", "A file of neighbourhoods that should not be split."),
            Parameter("water", "layer", "A file of water as polygons: it cuts."),
            Parameter("crossings", "layer", "A file of bridges, tunnels and ferries as lines: they join."),
            Parameter("kind", "text", "Kind of district in the City's layer; COUNCIL when not given."),
            Parameter("block_column", "text", "Column of the block's number; block_id when not given."),
            Parameter("population_column", "text", "Column of its people; population when not given."),
            Parameter(
                "district_column", "text", "Column of the district; district_id of a layer, district of a plan when not given."
            ),
            Parameter("neighbourhood_column", "text", "Column of the neighbourhood's name; name when not given."),
            Parameter("city_population", "integer", "The City's total as published, to hold the blocks against."),
        ),
    ),
)
