"""
What the rules say after a repair: which findings are gone, and which would be new.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.findings import findings_frame
from citygis.quality import validate
from citygis.repairs.grounds import Ground, differing

WORSE = 0.001
"""A measure that grows by no more than this, in its own unit, has not grown: coordinates are rounded."""

SAME_PLACE_FT = 1.0
"""Two findings about the same features are one when they lie no farther apart."""

_CALLED = "citygis_called"
_NEW = "it would give a new finding: "
_FAMILY = dict.fromkeys(("T01", "T02", "T31", "T32", "T33", "T26", "G03", "G09"), "line")


class Aftermath:
    """
    The rules, asked of the neighbourhood of what changed, or of everything where several layers are judged together.

    Parameters
    ----------
    layers : mapping of name to frame
        As given.
    grounds : mapping of name to Ground
    findings : findings frame or None
        All that the rules said of `layers` before, where that is known.
    start : dict of name to array
        The shapes before.
    city : City
    only, key
        As in `citygis.quality.validate`.
    """

    def __init__(
        self,
        layers: Mapping[str, pd.DataFrame],
        grounds: Mapping[str, Ground],
        findings: gpd.GeoDataFrame | None,
        start: dict[str, np.ndarray],
        *,
        city: City,
        only: str | None,
        key: str | None,
    ) -> None:
        self.layers, self.grounds, self.findings, self.start = layers, grounds, findings, start
        self.city, self.only, self.key = city, only, key
        self.before = self.after = findings_frame()
        self.touched: dict[str, np.ndarray] = {}
        self.edited = shapely.STRtree([])
        self.state: dict[str, np.ndarray] = {}

    def harm(self, state: dict[str, np.ndarray], touched: dict[str, np.ndarray], edited: np.ndarray) -> list[tuple[str, int, str]]:
        """
        The features that changed and that the rules find more wrong than before: layer, row, and the words.

        Parameters
        ----------
        state : dict of name to array
            The shapes after.
        touched : dict of name to array of int
            The rows that changed.
        edited : array of geometries
            Where: points, and the spikes taken out.
        """
        self.touched, self.state, self.edited = touched, state, shapely.STRtree(edited)
        self.before = self.after = findings_frame()
        if not touched:
            return []
        if len(self.layers) == 1:
            ((name, rows),) = touched.items()
            near = self.grounds[name].near(state[name][rows])
            self.before = self.findings if self.findings is not None else self._of_part(name, near, self.start[name])
            self.after = self._of_part(name, near, state[name])
        else:
            if self.findings is None:
                self.findings = self._of_all(self.start)
            self.before, self.after = self.findings, self._of_all(state)
        return _harmed(_numbered(self.before, self.grounds), _numbered(self.after, self.grounds), touched, state)

    def stays(self, findings: gpd.GeoDataFrame) -> np.ndarray:
        """Which findings, after what `harm` was told last, are still there and measure no less."""
        numbered, after = _numbered(findings, self.grounds), _numbered(self.after, self.grounds)
        partner = _partner(numbered, after)
        there = partner >= 0
        less = numbered["measure"].to_numpy(dtype=float)[there] - after["measure"].to_numpy(dtype=float)[partner[there]] > WORSE
        there[there] = ~less
        return there

    def settled(self, findings: gpd.GeoDataFrame) -> tuple[np.ndarray, gpd.GeoDataFrame]:
        """
        The findings on what changed, as `harm` was told last, before and after.

        Parameters
        ----------
        findings : findings frame
            Those that were to be mended, with any columns beside.

        Returns
        -------
        array of bool
            Which of `findings` are about what changed: they are to be replaced by the frame.
        GeoDataFrame
            What the rules say of it now, with the further columns of the one it was before; null for what comes to light because
            another told more of the same place. What was not among `findings`, though the rules told it before, is left out.
        """
        was_told, is_told = _numbered(findings, self.grounds), _numbered(self.after, self.grounds)
        concerned = self._concerned(was_told) & (findings["code"] != "G10").to_numpy(dtype=bool)
        about = self._concerned(is_told) & (self.after["code"] != "G10").to_numpy(dtype=bool)
        was = _partner(is_told, was_told)
        about &= (was >= 0) | (_partner(is_told, _numbered(self.before, self.grounds)) < 0)
        now = self.after[about].reset_index(drop=True)
        was = was[about]
        for column in findings.columns.difference(now.columns):
            values = np.full(len(now), None, dtype=object)
            values[was >= 0] = findings[column].to_numpy(dtype=object)[was[was >= 0]]
            now[column] = values
        return concerned, now

    def _concerned(self, numbered: gpd.GeoDataFrame) -> np.ndarray:
        """Findings about a feature that changed, gaps beside one, and what lies where something was changed."""
        concerned = np.zeros(len(numbered), dtype=bool)
        place = np.asarray(numbered.geometry.array, dtype=object)
        gaps = np.flatnonzero(~shapely.is_missing(place) & (numbered["code"] == "T02").to_numpy(dtype=bool))
        placed = np.flatnonzero(~shapely.is_missing(place))
        concerned[placed[self.edited.query(place[placed], predicate="dwithin", distance=SAME_PLACE_FT)[0]]] = True
        for name, rows in self.touched.items():
            own = (numbered["layer"] == name).to_numpy(dtype=bool)
            concerned |= own & (numbered["feature"].isin(rows) | numbered["other"].isin(rows)).to_numpy(dtype=bool)
            changed = shapely.STRtree(self.state[name][rows])
            concerned[gaps[changed.query(place[gaps], predicate="dwithin", distance=SAME_PLACE_FT)[0]]] = True
        return concerned

    def _of_all(self, shapes: dict[str, np.ndarray]) -> gpd.GeoDataFrame:
        """The findings on all layers together."""
        frames = {name: with_shapes(frame, self.grounds.get(name), shapes.get(name)) for name, frame in self.layers.items()}
        return validate(frames, city=self.city, only=self.only, key=self.key)

    def _of_part(self, name: str, rows: np.ndarray, shapes: np.ndarray) -> gpd.GeoDataFrame:
        """The findings on some rows of a layer alone, called as in the whole layer."""
        ground = self.grounds[name]
        frame = ground.frame.iloc[rows].assign(**{_CALLED: pd.array(ground.feature[rows], dtype="str")})
        frame = frame.set_geometry(gpd.GeoSeries(shapes[rows], index=frame.index, crs=frame.crs))
        return validate({name: frame}, city=self.city, only="geometry", key=_CALLED)


def with_shapes(frame: pd.DataFrame, ground: Ground | None, shapes: np.ndarray | None) -> pd.DataFrame:
    """A frame with the shapes that were mended; the frame itself where none was."""
    if ground is None or shapes is None:
        return frame
    differs = differing(ground.shapes, shapes)
    if not len(differs):
        return frame
    geometry = np.asarray(frame.geometry.array, dtype=object).copy()
    geometry[differs] = shapes[differs]
    return frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs))


def _numbered(findings: gpd.GeoDataFrame, grounds: Mapping[str, Ground]) -> gpd.GeoDataFrame:
    """Findings with the first row of each name instead of the name; null where there is none."""
    table = findings.copy()
    for column in ("feature", "other"):
        numbers = pd.Series(pd.NA, index=table.index, dtype="Int64")
        for name, ground in grounds.items():
            own = (table["layer"] == name).to_numpy(dtype=bool)
            if own.any():
                numbers[own] = pd.array([ground.row_of.get(each, pd.NA) for each in table.loc[own, column]], dtype="Int64")
        table[column] = numbers
    return table


def _harmed(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, touched: dict[str, np.ndarray], state: dict[str, np.ndarray]
) -> list[tuple[str, int, str]]:
    table = pd.DataFrame(after)
    # Which way a ring runs is judged by the most of a layer, which a part of it need not have; and no repair turns one.
    new = (_partner(_by_family(after), _by_family(before), worse=WORSE) < 0) & (after["code"] != "G10").to_numpy(dtype=bool)
    harmed = []
    for name, rows in touched.items():
        mine = table[new & (table["layer"] == name).to_numpy(dtype=bool)]
        for column in ("feature", "other"):
            hit = mine[mine[column].isin(rows).to_numpy(dtype=bool)]
            harmed += [(name, int(row), f"{_NEW}{said}") for row, said in zip(hit[column], hit["message"], strict=True)]
    told = {(name, row) for name, row, _ in harmed}
    apart = table[new & table["feature"].isna().to_numpy(dtype=bool) | (new & ~table["layer"].isin(touched).to_numpy(dtype=bool))]
    for place, said in zip(apart["geometry"], apart["message"], strict=True):
        if not isinstance(place, shapely.Geometry):
            continue
        for name, rows in touched.items():
            near = rows[shapely.dwithin(state[name][rows], place, SAME_PLACE_FT)]
            harmed += [(name, int(row), f"{_NEW}{said}") for row in near if (name, int(row)) not in told]
    return harmed


def _partner(findings: pd.DataFrame, others: pd.DataFrame, *, worse: float | None = None) -> np.ndarray:
    """For each finding another of the same code, features and place, and, if asked, no less bad: its position, else -1."""
    partner = np.full(len(findings), -1)
    if not len(findings) or not len(others):
        return partner
    keys, other_keys = _pairs(findings), _pairs(others)
    both = keys.assign(at=np.arange(len(keys))).merge(other_keys.assign(on=np.arange(len(other_keys))), on=list(keys.columns))
    at, on = both["at"].to_numpy(), both["on"].to_numpy()
    one = np.asarray(findings.geometry.array, dtype=object)[at]
    other = np.asarray(others.geometry.array, dtype=object)[on]
    same = shapely.is_missing(one) | shapely.is_missing(other) | shapely.dwithin(one, other, SAME_PLACE_FT)
    if worse is not None:
        grown = findings["measure"].to_numpy(dtype=float)[at] - others["measure"].to_numpy(dtype=float)[on]
        alike = findings["rule"].to_numpy(dtype=object)[at] == others["rule"].to_numpy(dtype=object)[on]
        same &= ~(alike & (grown > worse))
    partner[at[same][::-1]] = on[same][::-1]
    return partner


def _by_family(findings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Findings with one code for all that one line drawn twice may be told as: the rules tell a place by the one that says most."""
    return findings.assign(rule=findings["code"], code=findings["code"].map(lambda code: _FAMILY.get(code, code)))


def _pairs(findings: pd.DataFrame) -> pd.DataFrame:
    """What a finding is about, the lesser row first."""
    feature, other = (findings[c].astype("Float64").fillna(-1).to_numpy(dtype=float) for c in ("feature", "other"))
    table = {"code": findings["code"].to_numpy(dtype=object), "layer": findings["layer"].to_numpy(dtype=object)}
    return pd.DataFrame({**table, "low": np.minimum(feature, other), "high": np.maximum(feature, other)})
