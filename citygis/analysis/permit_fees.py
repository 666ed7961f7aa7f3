"""
Which impact-fee zone a permit is in, and what it pays by the City's table of fees.
"""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, excluded, second_way, unanswered
from citygis.analysis.land_classes import palette
from citygis.analysis.layers import require_columns, require_layers, sources_of, without_ground
from citygis.analysis.membership import FILL_IN, land_of, positions_of, some_of
from citygis.analysis.overlay import measurable, overlaid_area
from citygis.analysis.parcels import bare
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import rule_pack
from citygis.analysis.shares import cents_of, dollars
from citygis.city import City
from citygis.errors import AnalysisError
from citygis.topology import polygon_parts

_RULES = ("lower", "higher")
_SLIVER_SQFT = 1.0
_AGAIN = 500
_NO_FEE = "no fee for {use!r} in zone {zone}"


def impact_fees(
    zones: gpd.GeoDataFrame,
    permits: pd.DataFrame,
    fees: pd.DataFrame,
    *,
    parcels: gpd.GeoDataFrame | None = None,
    zone_column: str = "zone",
    on_line: str | None = None,
    city: City | None = None,
) -> Answer:
    """
    The fee zone of each permit, and its fees.

    Parameters
    ----------
    zones : GeoDataFrame, polygons
        Column `zone_column`. In feet. Features of one zone count as one.
    permits : DataFrame or GeoDataFrame of points
        ``permit_id, land_use, quantity``, and where it is: a point, ``easting`` and ``northing`` in the City's system, or ``apn``.
    fees : DataFrame
        ``zone, land_use, fee`` (dollars for one unit), as far as there ``unit`` and ``program``: a permit pays every row of its
        zone and use.
    parcels : GeoDataFrame, optional
        For permits that are placed by parcel number.
    zone_column : str
        Where the layer says which zone it is.
    on_line : str, optional
        ``lower`` or ``higher``: which fee a permit pays that lies on the line between two zones. Rule ``on_line`` of pack
        ``impact_fees`` when not given.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per permit: ``permit_id, apn, land_use, quantity, zone, zones`` (all that claim it), ``located_by``
        (point, parcel), ``on_line, amount`` (dollars), ``amount_cents`` (exact). ``tables``: ``charges`` (one row per permit and
        row of the fee table), ``by_zone``. Permits without a place, a zone or a fee are in ``excluded``.

    Raises
    ------
    AnalysisError
        If a table lacks a column, or has one row twice, or a fee is no amount of money.
    CRSError
        If a layer is not in feet of one system.
    ValueError
        If `on_line` is neither ``lower`` nor ``higher``.
    """
    pack = rule_pack("impact_fees", city)
    rule = str(pack["on_line"] if on_line is None else on_line)
    if rule not in _RULES:
        raise ValueError(f"Invalid on_line {rule!r}. Must be one of: {', '.join(_RULES)}.")
    require_layers({"zones": zones, "parcel": parcels}, {"zones": [zone_column], "parcel": ["apn"]})
    require_columns(permits, ["permit_id", "land_use", "quantity"], "The table of permits", if_empty=FILL_IN)
    if isinstance(permits, gpd.GeoDataFrame):
        require_layers({"zones": zones, "permits": permits})
    tariff = _tariff(fees)
    ground = measurable(zones, "zones", key=zone_column)
    name = zones[zone_column].iloc[ground.rows].astype("str").str.strip().to_numpy(dtype=object)
    names = np.array(sorted(set(name)), dtype=object)
    shapes = np.array([shapely.union_all(ground.shapes[name == each]) for each in names], dtype=object)
    permits = permits.reset_index(drop=True)
    ids = permits["permit_id"].astype("str").to_numpy(dtype=object)
    if len(set(ids)) < len(ids):
        twice = sorted(pd.Series(ids)[pd.Series(ids).duplicated()].unique())
        raise AnalysisError(f"The table of permits has {some_of(twice)} more than once. Leave one row of each.")
    points = _points(permits)
    placed = _by_point(points, shapes, float(pack["line_tolerance_ft"]))
    by_parcel = _by_parcel(permits, points, parcels, shapes)
    rows, charges, left_out = [], [], list(ground.left_out)
    for k in np.argsort(ids, kind="stable"):
        where = placed[k] if k in placed else by_parcel[k]
        if where.reason:
            left_out.append(("permits", ids[k], where.reason))
            continue
        claims, told = [str(names[z]) for z in where.zones], ", ".join(str(names[z]) for z in where.touched)
        use, quantity = str(permits["land_use"].iloc[k]).strip(), _quantity(permits["quantity"].iloc[k])
        if quantity is None:
            left_out.append(("permits", ids[k], f"no quantity that can be used: {permits['quantity'].iloc[k]!r}"))
            continue
        bills = {zone: _bill(tariff, zone, use, quantity) for zone in claims}
        lacking = [zone for zone, bill in bills.items() if bill is None]
        if lacking:
            left_out.append(("permits", ids[k], _NO_FEE.format(use=use, zone=", ".join(lacking))))
            continue
        total = {zone: sum(cents for *_, cents in bill) for zone, bill in bills.items()}
        # Of two zones the fee decides; of two alike, the name.
        zone = min(claims, key=lambda each: (total[each] if rule == "lower" else -total[each], each))
        point = where.point
        rows.append((ids[k], use, float(quantity), zone, told, where.by, len(claims) > 1 or where.edge, total[zone], point))
        charges += [
            (ids[k], zone, program, fee / 100, unit, float(quantity), cents / 100, cents)
            for program, fee, unit, cents in bills[zone]
        ]
    head = ["permit_id", "land_use", "quantity", "zone", "zones", "located_by", "on_line", "amount_cents", "point"]
    table = pd.DataFrame(rows, columns=head).astype({"quantity": float, "on_line": bool, "amount_cents": "int64"})
    geometry_of = table.pop("point")
    numbers = permits["apn"] if "apn" in permits.columns else pd.Series("", index=permits.index)
    table.insert(1, "apn", table["permit_id"].map(dict(zip(ids, numbers.fillna("").astype("str"), strict=True))))
    table.insert(len(table.columns) - 1, "amount", table["amount_cents"] / 100)
    geometry = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(geometry_of.to_numpy(dtype=object), crs=zones.crs))
    bill_head = ["permit_id", "zone", "program", "fee", "unit", "quantity", "amount", "amount_cents"]
    charges = pd.DataFrame(charges, columns=bill_head)
    by_zone = (
        table.groupby("zone", sort=True).agg(permits=("permit_id", "size"), amount_cents=("amount_cents", "sum")).reset_index()
    )
    by_zone["amount"] = by_zone["amount_cents"] / 100
    total = int(table["amount_cents"].sum())
    lost = [feature for layer, feature, _ in left_out if layer == "permits"]
    open_ = pack.overdue()
    if lost:
        what = f"What {len(lost):,} permits pay ({some_of(lost)})"
        open_.append(
            (what, "They have no place, no single zone, or no row of fees: see what was left out.", "Complete them and ask again.")
        )
    lines = int(table["on_line"].sum())
    return Answer(
        question="impact_fees",
        title=f"Impact fees of {len(table):,} permits, ${total / 100:,.2f}",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=(
                "Features of one zone were joined.",
                f"A permit with a point is in the zone that the point lies in; within {pack['line_tolerance_ft']:g} ft of a zone's "
                "line it is on the line, and every zone there is told.",
                "A permit with a parcel number only is in the zone that holds most of the parcel, the line rule deciding "
                "between equal parts; every zone that holds more than a square foot of it is told.",
                f"On a line the {rule} fee is due.",
                "Each row of the fee table for the zone and use was multiplied by the quantity and rounded to the cent, half up.",
            ),
            citations=pack.cited(**({"on_line": on_line} if on_line else {})),
            parameters={"zone_column": zone_column, "on_line": rule},
            sources=sources_of({"zones": zones, "permits": permits, "fees": fees, "parcel": parcels}),
            remarks=(*ground.remarks, *([f"{lines:,} permits lie on a line or across it: both zones are told."] if lines else [])),
        ),
        check=_checks(table, charges, geometry, shapes, names, len(permits), len(lost), total),
        unanswered=unanswered(open_),
        tables={"charges": charges, "by_zone": by_zone},
        layers={
            "zones": gpd.GeoDataFrame({"zone": names}, geometry=gpd.GeoSeries(shapes, crs=zones.crs)),
            "permits": geometry[["permit_id", "zone", "on_line", "amount", "geometry"]],
        },
        map=MapPlan(
            "Impact-fee zones",
            f"{len(table):,} permits",
            {
                "zones": {
                    "title": "Zones",
                    "field": "zone",
                    "classes": palette(names),
                    "line": {"color": "#9c2f2f", "width_pt": 0.8},
                },
                "permits": {
                    "title": "Permits",
                    "legend": "Permit",
                    "marker": {"shape": "circle", "size_pt": 4.0, "fill": "#1a1a1a"},
                },
            },
            base=("right_of_way", "street_centerline"),
        ),
    )


class _Place(NamedTuple):
    zones: tuple[int, ...] = ()
    touched: tuple[int, ...] = ()
    by: str = ""
    edge: bool = False
    point: shapely.Point | None = None
    reason: str = ""


def _tariff(fees: pd.DataFrame) -> dict[tuple[str, str], list[tuple[str, int, str]]]:
    """Rows of the fee table by zone and use: program, cents for one, unit."""
    require_columns(fees, ["zone", "land_use", "fee"], "The table of fees", if_empty=FILL_IN)
    programs = fees["program"].fillna("").astype("str") if "program" in fees.columns else [""] * len(fees)
    units = fees["unit"].fillna("").astype("str") if "unit" in fees.columns else [""] * len(fees)
    out: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
    for zone, use, fee, program, unit in zip(fees["zone"], fees["land_use"], fees["fee"], programs, units, strict=True):
        row = (program.strip(), cents_of(fee, f"The fee of zone {zone}, {use}:"), unit.strip())
        held = out.setdefault((str(zone).strip(), str(use).strip().casefold()), [])
        if any(each[0] == row[0] for each in held):
            raise AnalysisError(f"The table of fees has zone {zone}, {use} {program} more than once. Leave one row of each.")
        held.append(row)
    return {key: sorted(rows) for key, rows in out.items()}


def _bill(tariff: dict, zone: str, use: str, quantity: Decimal) -> list[tuple[str, int, str, int]] | None:
    rows = tariff.get((zone, use.casefold()))
    if rows is None:
        return None
    cent = Decimal(1)
    return [(program, fee, unit, int((fee * quantity).quantize(cent, ROUND_HALF_UP))) for program, fee, unit in rows]


def _quantity(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


def _points(permits: pd.DataFrame) -> np.ndarray:
    """The point of each permit, None where it has none."""
    points = np.full(len(permits), None, dtype=object)
    if isinstance(permits, gpd.GeoDataFrame):
        there = (permits.geometry.geom_type == "Point").to_numpy() & ~without_ground(permits).to_numpy()
        points[there] = permits.geometry.values[there]
    elif {"easting", "northing"} <= set(permits.columns):
        both = permits[["easting", "northing"]].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
        there = np.isfinite(both).all(axis=1)
        points[there] = shapely.points(both[there])
    return points


def _by_point(points: np.ndarray, shapes: np.ndarray, tolerance_ft: float) -> dict[int, _Place]:
    """Where the permits lie that have a point."""
    at = np.flatnonzero(~shapely.is_missing(points))
    one, zone = shapely.STRtree(shapes).query(points[at], predicate="dwithin", distance=tolerance_ft)
    to_line = shapely.distance(points[at][one], shapely.boundary(shapes)[zone])
    deep = shapely.intersects(shapes[zone], points[at][one]) & (to_line > tolerance_ft)
    found: dict[int, _Place] = {}
    for k, row in enumerate(at):
        own = one == k
        claim, inside = tuple(sorted(zone[own].tolist())), int(deep[own].sum())
        if not claim:
            found[int(row)] = _Place(reason="outside every zone")
        elif len(claim) > 1 and inside:
            found[int(row)] = _Place(reason="inside several zones: they overlap here, and must be mended first")
        else:
            found[int(row)] = _Place(claim, claim, "point", not inside, points[row])
    return found


def _by_parcel(
    permits: pd.DataFrame, points: np.ndarray, parcels: gpd.GeoDataFrame | None, shapes: np.ndarray
) -> dict[int, _Place]:
    """Where the permits lie that have a parcel number only."""
    at = np.flatnonzero(shapely.is_missing(points))
    if "apn" not in permits.columns:
        return {int(k): _Place(reason="no place: no point, no easting and northing, no parcel number") for k in at}
    key = bare(permits["apn"]).fillna("").to_numpy(dtype=object)
    if parcels is None:
        return {int(k): _Place(reason="placed by parcel number, and no parcels were given") for k in at}
    land = land_of(parcels)
    row = positions_of(permits["apn"].iloc[at], land)
    wanted = np.unique(row[row >= 0])
    met = overlaid_area(land.shapes[wanted], shapes)
    met = met[met["area_sqft"] > _SLIVER_SQFT]
    first, zone, area = wanted[met["left"].to_numpy()], met["right"].to_numpy(), met["area_sqft"].to_numpy()
    found: dict[int, _Place] = {}
    for k, here in zip(at, row, strict=True):
        own = np.flatnonzero(first == here)
        if not key[k]:
            found[int(k)] = _Place(reason="no place: no point, no easting and northing, no parcel number")
        elif here < 0:
            found[int(k)] = _Place(reason=f"no parcel {permits['apn'].iloc[k]} in force")
        elif not len(own):
            found[int(k)] = _Place(reason="its parcel is outside every zone")
        else:
            most = area[own] >= area[own].max() - _SLIVER_SQFT
            spot = shapely.point_on_surface(land.shapes[here])
            edge = len(own) > 1 or area[own].sum() < land.area[here] - _SLIVER_SQFT
            found[int(k)] = _Place(tuple(zone[own[most]].tolist()), tuple(zone[own].tolist()), "parcel", edge, spot)
    return found


def _checks(table, charges, geometry, shapes, names, asked: int, lost: int, total: int) -> tuple:
    checks = [
        second_way("permits asked for", asked, "rows of the list and permits left out", len(table) + lost),
        second_way(
            "fees in dollars", dollars(total), "the sum of the table of charges", dollars(int(charges["amount_cents"].sum()))
        ),
    ]
    sure = np.flatnonzero(~table["on_line"])[:_AGAIN]
    if len(sure):
        places = shapely.get_coordinates(geometry.geometry.values[sure])
        again = np.array([_crossed(places, shape) for shape in shapes])
        held = again[np.searchsorted(names, table["zone"].to_numpy()[sure]), np.arange(len(sure))]
        same = int((held & (again.sum(axis=0) == 1)).sum())
        checks.append(
            second_way(
                f"zones of {len(sure):,} permits away from the lines", len(sure), "edges that a ray to the east crosses", same
            )
        )
    return tuple(checks)


def _crossed(points: np.ndarray, shape: shapely.Geometry) -> np.ndarray:
    """Which points lie within a polygon, by the number of its edges that a ray to the east crosses: odd within."""
    rings = shapely.get_rings(polygon_parts(np.array([shape], dtype=object))[0])
    corner, ring = shapely.get_coordinates(rings, return_index=True)
    whole = ring[:-1] == ring[1:]
    low, high = corner[:-1][whole], corner[1:][whole]
    count = np.zeros(len(points), dtype=int)
    for k, (e, n) in enumerate(points):
        spans = (low[:, 1] <= n) != (high[:, 1] <= n)
        a, b = low[spans], high[spans]
        count[k] = (a[:, 0] + (n - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1]) > e).sum()
    return count % 2 == 1


QUESTIONS = (
    Question(
        name="impact_fees",
        department="Finance",
        summary="Which impact-fee zone each permit is in and what it pays, permits on a zone's line told with both zones.",
        answer=impact_fees,
        layers=(),
        optional={"parcels": "parcel"},
        parameters=(
            Parameter("zones", "layer", "The fee zones.", required=True),
            Parameter(
                "permits",
                "table",
                "The permits: permit_id, land_use, quantity, and easting and northing or apn.",
                required=True,
            ),
            Parameter("fees", "table", "The City's fees: zone, land_use, fee, as far as there unit and program.", required=True),
            Parameter("zone_column", "text", "Column of the layer that names the zone; zone when not given."),
            Parameter("on_line", "text", "lower or higher: the fee due on the line between two zones."),
        ),
    ),
)
