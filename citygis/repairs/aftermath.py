"""
What the rules say after a repair: which findings are gone, and which would be new.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.city import City
from citygis.findings import findings_frame
from citygis.quality.network import network_findings
from citygis.quality.subject import Subject
from citygis.quality.validation import Only, findings_on, own_findings, settled
from citygis.repairs.grounds import Ground

WORSE = 0.001
"""A measure that grows by no more than this, in its own unit, has not grown: coordinates are rounded."""

SAME_PLACE_FT = 1.0
"""Two findings about the same features are one when they lie no farther apart."""

_NEW = "it would give a new finding: "
_FAMILY = dict.fromkeys(("T01", "T02", "T31", "T32", "T33", "T26", "G03", "G09"), "line")


class Aftermath:
    """
    The rules, asked of the neighbourhood of what changed, or of everything where several layers or attributes are judged as well.

    Parameters
    ----------
    subjects : mapping of name to Subject
        All layers, as given.
    grounds : mapping of name to Ground
    findings : findings frame or None
        All that the rules said of them before, in feet, where that is known.
    start : dict of name to array
        The shapes before.
    city : City
    only, key
        As in `citygis.quality.validate`.
    """

    def __init__(
        self,
        subjects: Mapping[str, Subject],
        grounds: Mapping[str, Ground],
        findings: gpd.GeoDataFrame | None,
        start: dict[str, np.ndarray],
        *,
        city: City,
        only: Only | None,
        key: str | None,
    ) -> None:
        self.subjects, self.grounds, self.findings, self.start = subjects, grounds, findings, start
        self.city, self.only, self.key = city, only, key
        self.before = self.after = findings_frame()
        self._was = self._is = _told(self.after, grounds)
        self.touched: dict[str, np.ndarray] = {}
        self.edited = shapely.STRtree([])
        self.state: dict[str, np.ndarray] = {}

    def harm(
        self,
        state: dict[str, np.ndarray],
        touched: dict[str, np.ndarray],
        edited: np.ndarray,
        around: Subject | None = None,
    ) -> list[tuple[str, int, str]]:
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
        around : Subject, optional
            The neighbourhood of the rows that changed, as it is after, where only one layer did and it was looked at already.
        """
        self.touched, self.state, self.edited = touched, state, shapely.STRtree(edited)
        self.before = self.after = findings_frame()
        self._was = self._is = _told(self.after, self.grounds)
        if not touched:
            return []
        if len(self.subjects) == 1 and self.only == "geometry":
            ((name, rows),) = touched.items()
            ground = self.grounds[name]
            near = ground.near(state[name][rows]) if around is None or self.findings is None else np.empty(0, dtype=np.intp)
            self.before = self.findings
            if self.before is None:
                self.before = self._of_part(ground.excerpt(near, self.start[name]))
            self.after = self._of_part(around if around is not None else ground.excerpt(near, state[name]))
        else:
            if self.findings is None:
                self.findings = self._of_all(self.start)
            self.before, self.after = self.findings, self._of_all(state)
        self._is = _told(self.after, self.grounds)
        self._was = _told(self.before, self.grounds)
        return _harmed(self._was, self._is, touched, state)

    def stays(self, findings: gpd.GeoDataFrame) -> np.ndarray:
        """Which findings, after what `harm` was told last, are still there and measure no less."""
        told = _told(findings, self.grounds)
        partner = _partner(told, self._is)
        there = partner >= 0
        there[there] = told.measure[there] - self._is.measure[partner[there]] <= WORSE
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
        told = _told(findings, self.grounds)
        concerned = self._concerned(told) & (told.code != "G10")
        about = self._concerned(self._is) & (self._is.code != "G10")
        was = _partner(self._is, told)
        about &= (was >= 0) | (_partner(self._is, self._was) < 0)
        now = self.after[about].reset_index(drop=True)
        was = was[about]
        for column in findings.columns.difference(now.columns):
            values = np.full(len(now), None, dtype=object)
            values[was >= 0] = findings[column].to_numpy(dtype=object)[was[was >= 0]]
            now[column] = values
        return concerned, now

    def _concerned(self, told: "_Told") -> np.ndarray:
        """Findings about a feature that changed, gaps beside one, and what lies where something was changed."""
        concerned = np.zeros(len(told.code), dtype=bool)
        placed = np.flatnonzero(~shapely.is_missing(told.place))
        gaps = placed[told.code[placed] == "T02"]
        concerned[placed[self.edited.query(told.place[placed], predicate="dwithin", distance=SAME_PLACE_FT)[0]]] = True
        for name, rows in self.touched.items():
            concerned |= (told.layer == name) & (np.isin(told.feature, rows) | np.isin(told.other, rows))
            changed = shapely.STRtree(self.state[name][rows])
            concerned[gaps[changed.query(told.place[gaps], predicate="dwithin", distance=SAME_PLACE_FT)[0]]] = True
        return concerned

    def _of_all(self, shapes: dict[str, np.ndarray]) -> gpd.GeoDataFrame:
        """The findings on all layers together."""
        now = {name: self.grounds[name].after(shapes[name]) for name in self.grounds}
        return findings_on({**self.subjects, **now}, self.city, only=self.only, key=self.key)

    def _of_part(self, about: Subject) -> gpd.GeoDataFrame:
        """The findings on some rows of a layer alone, called as in the whole layer."""
        part = {about.name: about}
        found = [*own_findings(about, self.city), *network_findings(part, self.city)]
        return settled(found, part, self.city, crs=about.crs)


class _Told(NamedTuple):
    """Findings by column, with the first row of each name instead of the name: -1 where there is none."""

    code: np.ndarray
    rule: np.ndarray
    layer: np.ndarray
    feature: np.ndarray
    other: np.ndarray
    measure: np.ndarray
    message: np.ndarray
    place: np.ndarray


def _told(findings: gpd.GeoDataFrame, grounds: Mapping[str, Ground]) -> _Told:
    code, rule, layer, message = (findings[name].to_numpy(dtype=object) for name in ("code", "rule", "layer", "message"))
    rows = []
    for column in ("feature", "other"):
        numbers, names = np.full(len(findings), -1), findings[column].to_numpy(dtype=object)
        for name, ground in grounds.items():
            own = layer == name
            numbers[own] = [ground.row_of.get(each, -1) for each in names[own]]
        rows.append(numbers)
    place = np.asarray(findings.geometry.array, dtype=object)
    return _Told(code, rule, layer, *rows, findings["measure"].to_numpy(dtype=float), message, place)


def _harmed(
    before: _Told, after: _Told, touched: dict[str, np.ndarray], state: dict[str, np.ndarray]
) -> list[tuple[str, int, str]]:
    # Which way a ring runs is judged by the most of a layer, which a part of it need not have; and no repair turns one.
    new = (_partner(_by_family(after), _by_family(before), worse=WORSE) < 0) & (after.code != "G10")
    harmed = []
    for name, rows in touched.items():
        for features in (after.feature, after.other):
            hit = np.flatnonzero(new & (after.layer == name) & np.isin(features, rows))
            harmed += [(name, int(features[at]), f"{_NEW}{after.message[at]}") for at in hit]
    told = {(name, row) for name, row, _ in harmed}
    apart = new & ((after.feature < 0) | ~np.isin(after.layer.astype(str), list(touched))) & ~shapely.is_missing(after.place)
    for at in np.flatnonzero(apart):
        for name, rows in touched.items():
            near = rows[shapely.dwithin(state[name][rows], after.place[at], SAME_PLACE_FT)]
            harmed += [(name, int(row), f"{_NEW}{after.message[at]}") for row in near if (name, int(row)) not in told]
    return harmed


def _partner(findings: _Told, others: _Told, *, worse: float | None = None) -> np.ndarray:
    """For each finding another of the same code, features and place, and, if asked, no less bad: its position, else -1."""
    partner = np.full(len(findings.code), -1)
    alike: dict[tuple, list[int]] = {}
    for n, key in enumerate(_keys(others)):
        alike.setdefault(key, []).append(n)
    pairs = [(n, other) for n, key in enumerate(_keys(findings)) for other in alike.get(key, ())]
    if not pairs:
        return partner
    at, on = np.array(pairs).T
    one, other = findings.place[at], others.place[on]
    same = shapely.is_missing(one) | shapely.is_missing(other) | shapely.dwithin(one, other, SAME_PLACE_FT)
    if worse is not None:
        same &= ~((findings.rule[at] == others.rule[on]) & (findings.measure[at] - others.measure[on] > worse))
    partner[at[same][::-1]] = on[same][::-1]
    return partner


def _by_family(told: _Told) -> _Told:
    """Findings with one code for all that one line drawn twice may be told as: the rules tell a place by the one that says most."""
    return told._replace(rule=told.code, code=np.array([_FAMILY.get(code, code) for code in told.code], dtype=object))


def _keys(told: _Told) -> Iterator[tuple]:
    """What each finding is about, the lesser row first."""
    low, high = np.minimum(told.feature, told.other), np.maximum(told.feature, told.other)
    return zip(told.code, told.layer, low.tolist(), high.tolist(), strict=True)
