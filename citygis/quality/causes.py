"""
Findings gathered by what probably caused them, so that a person works through dozens of causes and not through thousands of rows.

A lot that is drawn 0.05 ft off has a finding at every corner; moving the lot mends them all. What one act mends is one cause.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City, default_city
from citygis.cogo import format_angle
from citygis.quality.drifts import Drift, blocks, coarseness_ft, drifts
from citygis.quality.rules import CATALOGUE, RULES
from citygis.quality.subject import subject
from citygis.topology import connected
from citygis.units import US_SURVEY_FOOT, unit_of

COLUMNS = (
    "cause",
    "said",
    "findings",
    "errors",
    "rules",
    "layer",
    "features",
    "feature_names",
    "block",
    "finding_ids",
    "geometry",
)
"""The columns of a frame of causes, in order."""

BORDER = ("T01", "T02", "T31", "T32", "T33")
"""Rules of the line between two features of one layer: what goes wrong along it has one cause."""

GAPS_BETWEEN = "parcel"
"""A gap (T02) is a finding about a tract; the line that it opens along is one of this layer's."""

BESIDE_FT = 0.02
"""A gap bounds the features that are this near to it."""

FARTHEST_FT = 6.0
"""A lot that lies farther off than this is misplaced, not shifted."""

NAMED = 6
"""So many features are named in a sentence; ``feature_names`` has all of them."""

PARENT_SHARE = 0.5
"""A parcel is taken for an un-retired parent when the ones inside it make up this part of it."""

INSIDE_SHARE = 0.9
"""A parcel is inside another when this part of it is."""


class _Cause(NamedTuple):
    """A cause: which rows of the findings, what is said of it, and the features it is about where they are not all of theirs."""

    kind: str
    said: str
    rows: np.ndarray
    features: tuple[str, ...] = ()
    block: str | None = None


def causes(
    findings: gpd.GeoDataFrame, layers: Mapping[str, pd.DataFrame], *, city: City | None = None, key: str | None = None
) -> gpd.GeoDataFrame:
    """
    The likely causes of findings, worst first.

    Parameters
    ----------
    findings : findings frame
        Of `citygis.validate` on these layers. Not modified.
    layers : dict of name to frame
        As `citygis.validate` was given them. Findings of a layer that is not here are gathered by their rule.
    city, key
        As `citygis.validate` was given them.

    Returns
    -------
    GeoDataFrame
        `COLUMNS`, fresh index. Each finding belongs to exactly one cause. ``cause``: a word for it; ``said``: in a sentence;
        ``findings``, ``errors``: how many, and how many of them of severity error; ``rules``: codes with counts; ``features``: how
        many features are concerned, ``feature_names`` (list) which; ``block``: where; ``finding_ids`` (list); ``geometry``: the
        box around the findings, null where none has a place. Ordered by errors, then findings, then what is said. CRS of
        `findings`.

    Notes
    -----
    In turn, each from what those before it leave: a pile of features on one ground; a parent among its children; a figure that
    lies beside its neighbours as a whole, by a shift or a turn (least squares of its corners on theirs); features rounded to
    another decimal than those around them; a line between two features with several findings; the rest of the lines of a block.
    What is wrong with a feature by itself is gathered by rule, because one act mends it everywhere.
    """
    table = pd.DataFrame(findings.drop(columns="geometry")).reset_index(drop=True)
    place = np.asarray(findings.geometry.array, dtype=object)
    left = np.ones(len(table), dtype=bool)
    told: list[tuple[str, _Cause]] = []
    drawn = set(table.loc[table["code"].isin((*BORDER, "G04")), "layer"])
    for name in sorted(drawn | ({GAPS_BETWEEN} if table["code"].eq("T02").any() else set())):
        if name not in layers or not isinstance(layers[name], gpd.GeoDataFrame):
            continue
        fabric = _Fabric(name, layers[name], table, place, city or default_city(), key)
        for search in (_piles, _parents, _claims, _moved, _rounded, _lines, _rest):
            for cause in search(fabric, left):
                left[cause.rows] = False
                told.append((name, cause))
    for (name, code, rule), rows in table[left].groupby(["layer", "code", "rule"], sort=True).groups.items():
        rows = np.asarray(rows)
        told.append((name, _Cause("rule", _by_rule(name, code, rule, table.loc[rows]), rows)))
    return _frame(told, table, place, findings.crs)


class _Fabric:
    """A layer of polygons and the findings along its lines: their two features by row, and the blocks they stand in."""

    def __init__(self, name: str, layer: gpd.GeoDataFrame, table: pd.DataFrame, place: np.ndarray, city: City, key: str | None):
        about = subject(name, layer, city.schema.layers.get(name), key=key if key in layer else None)
        feet = _per_foot(layer.crs)
        self.frame, self.names = about.frame, about.feature
        self.drawn = np.where(shapely.get_dimensions(about.place) == 2, about.place, None)
        self.polygons = self.drawn if feet == 1 else shapely.transform(self.drawn, lambda points: points / feet)
        self.table = table
        is_gap = table["code"].eq("T02")
        own = table["layer"].eq(name) & table["code"].isin((*BORDER, "G04")) & ~is_gap
        self.rows = np.flatnonzero(own | is_gap if name == GAPS_BETWEEN else own)
        self.place = place if feet == 1 else shapely.transform(place, lambda points: points / feet)
        self.one, self.other = self._sides()
        known = np.concatenate([self.one, self.other])
        self.members, block = blocks(self.polygons, np.unique(known[known >= 0]))
        self.block = np.full(len(self.polygons), -1)
        self.block[self.members] = block

    def of(self, left: np.ndarray, *codes: str) -> np.ndarray:
        """Positions in ``rows`` of findings of these codes that are still without a cause."""
        return np.flatnonzero(left[self.rows] & self.table["code"].isin(codes).to_numpy()[self.rows])

    def named(self, rows: np.ndarray) -> tuple[str, ...]:
        """The names of features, each once, in the order of the layer."""
        return tuple(dict.fromkeys(str(self.names[row]) for row in np.unique(rows)))

    def where(self, row: int) -> str:
        """The block of a feature, by how many stand in it and the first of them."""
        stand = self.members[self.block[self.members] == self.block[row]]
        return f"the block of {self.names[stand[0]]} ({len(stand):,} {'feature' if len(stand) == 1 else 'features'})"

    def _sides(self) -> tuple[np.ndarray, np.ndarray]:
        """The two features of each finding by their rows, -1 for none: as they are named, or those that a gap lies between."""
        said = self.table.iloc[self.rows][["feature", "other"]]
        wanted = np.flatnonzero(pd.Series(self.names).isin({*said["feature"], *said["other"]}).to_numpy(dtype=bool))
        rows_of: dict[str, list[int]] = {}
        for row, name in zip(wanted, self.names[wanted], strict=True):
            rows_of.setdefault(name, []).append(int(row))
        tree = shapely.STRtree(self.polygons)
        sides = np.full((2, len(self.rows)), -1)
        some = self.table.iloc[self.rows]
        for n, (row, code, *names) in enumerate(zip(self.rows, some["code"], some["feature"], some["other"], strict=True)):
            place = self.place[row]
            if code == "T02":
                near = np.sort(tree.query(place, predicate="dwithin", distance=BESIDE_FT))
                beside = shapely.intersection(shapely.boundary(self.polygons[near]), shapely.buffer(place, BESIDE_FT))
                most = near[np.argsort(-shapely.length(beside), kind="stable")][:2]
                sides[: len(most), n] = most
                continue
            for side, name in enumerate(names):
                held = () if pd.isna(name) else rows_of.get(name, ())
                held = np.array([each for each in held if each != sides[0, n]], dtype=int)
                if len(held):  # of several of one name the nearest to the place
                    apart = np.nan_to_num(shapely.distance(self.polygons[held], place), nan=np.inf)
                    sides[side, n] = held[int(apart.argmin())]
        return sides[0], sides[1]


def _piles(fabric: _Fabric, left: np.ndarray) -> Iterator[_Cause]:
    """Features that lie on the same ground."""
    at = fabric.of(left, "G04")
    for rows, features in _joined(fabric, at):
        names = fabric.named(features)
        said = f"{len(features):,} features on one ground, {_listed(names)}: a stack that is not declared, or copies."
        yield _Cause("pile", said, rows, names, fabric.where(features[0]))


def _parents(fabric: _Fabric, left: np.ndarray) -> Iterator[_Cause]:
    """A feature that still stands over those it was split into."""
    at = fabric.of(left, "T01")
    at = at[(fabric.one[at] >= 0) & (fabric.other[at] >= 0)]
    shared = shapely.area(fabric.place[fabric.rows[at]])
    area = shapely.area(fabric.polygons)
    pairs = []
    for big, small in ((fabric.one[at], fabric.other[at]), (fabric.other[at], fabric.one[at])):
        inside = (shared >= INSIDE_SHARE * area[small]) & (area[big] > area[small])
        pairs.append(np.stack([at[inside], big[inside], small[inside]], axis=1))
    pairs = np.concatenate(pairs)
    for parent in np.unique(pairs[:, 1]):
        mine = pairs[pairs[:, 1] == parent]
        mine = mine[left[fabric.rows[mine[:, 0]]]]
        children = np.unique(mine[:, 2])
        if len(children) >= 2 and area[children].sum() >= PARENT_SHARE * area[parent]:
            names = fabric.named(children)
            said = f"{fabric.names[parent]} still stands over {_listed(names)}: a parent that was split and not retired."
            yield _Cause("parent", said, fabric.rows[mine[:, 0]], (str(fabric.names[parent]), *names), fabric.where(parent))


def _claims(fabric: _Fabric, left: np.ndarray) -> Iterator[_Cause]:
    """Features that claim so much of each other's ground that no line between them is off."""
    at = fabric.of(left, "T01")
    at = at[fabric.table["measure"].to_numpy(dtype=float)[fabric.rows[at]] > FARTHEST_FT]
    for rows, features in _joined(fabric, at):
        names = fabric.named(features)
        ground = float(shapely.area(fabric.place[rows]).sum())
        said = f"{_listed(names)} claim the same ground, {ground:,.0f} sq ft of it: one was replaced, or is misplaced."
        yield _Cause("claim", said, rows, names, fabric.where(features[0]))


def _moved(fabric: _Fabric, left: np.ndarray) -> Iterator[_Cause]:
    """Parcels that are off as a whole from those around them."""
    at = fabric.of(left, *BORDER)
    if not len(at):
        return
    # Only as far as the findings say: a wider look would take the next corner for the one that is meant.
    worst = fabric.table["measure"].to_numpy(dtype=float)[fabric.rows[at]]
    in_feet = fabric.table["unit"].eq("ft").to_numpy()[fabric.rows[at]] & np.isfinite(worst)
    reach = min(max(1.2 * worst[in_feet].max(initial=0.0), 0.12), FARTHEST_FT)
    within = np.isin(fabric.block[fabric.members], np.unique(fabric.block[np.r_[fabric.one[at], fabric.other[at]]]))
    members = fabric.members[within]
    for drift in drifts(fabric.polygons, members, fabric.block[members], reach_ft=reach):
        crossing = at[left[fabric.rows[at]]]
        crossing = crossing[np.isin(fabric.one[crossing], drift.rows) != np.isin(fabric.other[crossing], drift.rows)]
        if len(crossing):
            names = fabric.named(drift.rows)
            kind, said = _drifted(drift, names)
            yield _Cause(kind, said, fabric.rows[crossing], names, fabric.where(drift.rows[0]))


def _rounded(fabric: _Fabric, left: np.ndarray) -> Iterator[_Cause]:
    """Features drawn to a coarser decimal than those beside them."""
    at = fabric.of(left, *BORDER)
    at = at[(fabric.one[at] >= 0) & (fabric.other[at] >= 0)]
    if not len(at):
        return
    concerned = np.unique(np.r_[fabric.one[at], fabric.other[at]])
    step = np.zeros(len(fabric.polygons))
    step[concerned] = coarseness_ft(fabric.drawn[concerned])
    one, other = step[fabric.one[at]], step[fabric.other[at]]
    coarse = np.maximum(one, other)
    measure = fabric.table["measure"].to_numpy(dtype=float)[fabric.rows[at]]
    # Half a step on each axis is the most that rounding moves a corner.
    explained = (coarse > 0) & (one != other) & (measure <= coarse * np.sqrt(0.5) + 0.001)
    for size in np.unique(coarse[explained]):
        mine = at[explained & (coarse == size)]
        names = fabric.named(np.where(step[fabric.one[mine]] == size, fabric.one[mine], fabric.other[mine]))
        if len(mine) > 1:
            said = f"{_listed(names)} are drawn to {size:g}, and those beside them to a finer decimal."
            yield _Cause("rounded", said, fabric.rows[mine], names)


def _lines(fabric: _Fabric, left: np.ndarray) -> Iterator[_Cause]:
    """A line between two features with several findings along it."""
    at = fabric.of(left, *BORDER)
    at = at[(fabric.one[at] >= 0) & (fabric.other[at] >= 0)]
    low, high = np.minimum(fabric.one[at], fabric.other[at]), np.maximum(fabric.one[at], fabric.other[at])
    for (a, b), some in pd.Series(at).groupby([low, high], sort=True):
        rows = fabric.rows[some.to_numpy()]
        if len(rows) > 1:
            said = f"The line between {fabric.names[a]} and {fabric.names[b]} was drawn twice{_apart(fabric.table.loc[rows])}."
            if fabric.table.loc[rows, "code"].eq("T32").all():
                said = (
                    f"{fabric.names[a]} and {fabric.names[b]} have {len(rows):,} corners on one line that only one of them knows."
                )
            yield _Cause("line", said, rows, fabric.named(np.array([a, b])), fabric.where(a))


def _rest(fabric: _Fabric, left: np.ndarray) -> Iterator[_Cause]:
    """What is left along the lines of each block."""
    at = fabric.of(left, *BORDER)
    at = at[fabric.one[at] >= 0]
    for _, some in pd.Series(at).groupby(fabric.block[fabric.one[at]], sort=True):
        some = some.to_numpy()
        features = np.unique(np.r_[fabric.one[some], fabric.other[some]])
        names, where = fabric.named(features[features >= 0]), fabric.where(fabric.one[some[0]])
        rows = fabric.rows[some]
        what = "lack vertices" if fabric.table.loc[rows, "code"].eq("T32").all() else "do not fit"
        said = f"Lines of {_listed(names)} {what}: {len(rows):,} {_places(len(rows))} in {where}{_apart(fabric.table.loc[rows])}."
        yield _Cause("block", said, rows, names, where)


def _joined(fabric: _Fabric, at: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Findings that are connected through their features: rows of findings, and the features of each group."""
    at = at[(fabric.one[at] >= 0) & (fabric.other[at] >= 0)]
    n = int(max(fabric.one[at].max(initial=-1), fabric.other[at].max(initial=-1))) + 1
    heads = connected(n, fabric.one[at], fabric.other[at])[fabric.one[at]]
    for head in np.unique(heads):
        mine = at[heads == head]
        yield fabric.rows[mine], np.unique(np.r_[fabric.one[mine], fabric.other[mine]])


def _drifted(drift: Drift, names: tuple[str, ...]) -> tuple[str, str]:
    one = len(names) == 1
    corners = f"{drift.corners:,} corners, {drift.rms_ft:,.3f} ft left over"
    if drift.rotation_deg:
        way = "clockwise" if drift.rotation_deg > 0 else "counterclockwise"
        angle = format_angle(abs(drift.rotation_deg), decimals=1)
        said = f"{_listed(names)} {'is' if one else 'are'} turned as a whole by {angle} {way}, up to {drift.most_ft:,.2f} ft off"
        return "turned", f"{said} from the neighbours ({corners})."
    east = f"{abs(drift.easting_ft):,.3f} ft {'east' if drift.easting_ft > 0 else 'west'}"
    north = f"{abs(drift.northing_ft):,.3f} ft {'north' if drift.northing_ft > 0 else 'south'}"
    said = f"{_listed(names)} {'lies' if one else 'lie'} as a whole {east} and {north} of where the neighbours have the corners"
    return "shifted", f"{said} ({corners})."


def _by_rule(layer: str, code: str, name: str, rows: pd.DataFrame) -> str:
    known = CATALOGUE.get((code, name), RULES.get(code))
    title = known.title if known is not None else name.replace("_", " ").capitalize()
    return f"{title}: {len(rows):,} {_places(len(rows))} in layer {layer}."


def _places(n: int) -> str:
    return "place" if n == 1 else "places"


def _apart(rows: pd.DataFrame) -> str:
    """How far apart lines are, at most, where the findings measure it."""
    most = rows.loc[rows["unit"].eq("ft"), "measure"].max()
    return "" if pd.isna(most) else f", up to {most:,.{4 if most < 0.01 else 3 if most < 0.1 else 2}f} ft apart"


def _listed(names: tuple[str, ...]) -> str:
    if len(names) > NAMED:
        return f"{len(names):,} features ({', '.join(names[:NAMED])} and others)"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _per_foot(crs) -> float:
    """How many units of a projected CRS are in a US survey foot, 1 for the feet themselves."""
    unit = unit_of(crs)
    return 1.0 if float(unit) < 1 else float(US_SURVEY_FOOT)


def _frame(told: list[tuple[str, _Cause]], table: pd.DataFrame, place: np.ndarray, crs) -> gpd.GeoDataFrame:
    made = []
    wanted = ("finding_id", "code", "severity", "feature", "other")
    ids, code, severity, feature, other = (table[name].to_numpy(dtype=object) for name in wanted)
    for layer, cause in told:
        rows = np.sort(cause.rows)
        names = cause.features or tuple(sorted({str(name) for name in (*feature[rows], *other[rows]) if not pd.isna(name)}))
        counts = sorted(Counter(code[rows]).items(), key=lambda each: (-each[1], each[0]))
        made.append(
            {
                "cause": cause.kind,
                "said": cause.said,
                "findings": len(rows),
                "errors": int((severity[rows] == "error").sum()),
                "rules": ", ".join(f"{code} {n:,}" for code, n in counts),
                "layer": layer,
                "features": len(names),
                "feature_names": list(names),
                "block": cause.block,
                "finding_ids": ids[rows].tolist(),
                "geometry": _around(place[rows]),
            }
        )
    made.sort(key=lambda each: (-each["errors"], -each["findings"], each["layer"], each["said"]))
    frame = pd.DataFrame(made, columns=[*COLUMNS])
    for name in ("cause", "said", "rules", "layer", "block"):
        frame[name] = frame[name].astype("str").where(frame[name].notna(), None)
    geometry = np.array([each["geometry"] for each in made], dtype=object)
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=gpd.array.from_shapely(geometry, crs=crs))


def _around(places: np.ndarray) -> shapely.Polygon | None:
    bounds = shapely.total_bounds(places)
    return None if np.isnan(bounds).any() else shapely.box(*bounds)
