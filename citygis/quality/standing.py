"""
A layer that stays checked while it is edited: only the neighbourhood of an edit is looked at again.

What the rules of one layer say of a place depends on what lies within `REACH_FT` of it. So after an edit the features near what was
there before and what is there now are held to the rules again, among all of their neighbours, and what was said of them is
replaced. The result is that of a full run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis import topology
from citygis.city import City, default_city
from citygis.errors import CRSError, SchemaError
from citygis.findings import join_findings
from citygis.quality.network import network_findings
from citygis.quality.subject import Subject, subject
from citygis.quality.validation import as_sent, in_feet, own_findings, require_frame, settled
from citygis.units import METRE, unit_of

REACH_FT = 8.0
"""More than any rule of one layer looks beyond a feature: a sliver is up to 6 ft wide, a corner meant as another 0.12 ft away."""


@dataclass(frozen=True, eq=False)
class Standing:
    """
    A layer held to the geometry rules, and what they find. `standing` makes the first; each edit gives a new one.

    Attributes
    ----------
    city : City
    crs : CRS
        Of the layer and of its edits.
    labels : Index
        The label of each row: those of the frame first given, then those of rows that were added.
    """

    city: City
    crs: CRS
    labels: pd.Index
    _key: str | None
    _first: Subject
    _edited: pd.DataFrame
    _geometry: np.ndarray
    _feature: np.ndarray
    _gone: np.ndarray
    _clockwise: int
    _places: "_Places"
    _names: "_Names"
    _findings: gpd.GeoDataFrame

    @property
    def findings(self) -> gpd.GeoDataFrame:
        """What is wrong now: what `citygis.quality.validate` of the whole layer finds with ``only="geometry"``."""
        return as_sent(self._findings, self.crs) if unit_of(self.crs) is METRE else self._findings

    def after(self, edited: gpd.GeoDataFrame | None = None, *, removed: Iterable = ()) -> "Standing":
        """
        The layer after an edit, checked where it was edited.

        Parameters
        ----------
        edited : GeoDataFrame, optional
            Whole rows. One whose label the layer has takes the place of that row; the others are added.
        removed : labels
            Rows to take away.

        Returns
        -------
        Standing
            This one stays as it is.

        Raises
        ------
        CRSError
            If the edited rows are in another CRS.
        SchemaError
            If a label is given twice, or one to remove is not there.
        """
        about, at, labels = self._placed(edited)
        gone_at = self._positions_of(removed)
        changed = np.concatenate([at, gone_at])
        if not len(changed):
            return self
        there = changed[changed < len(self.labels)]
        geometry, feature = _longer(self._geometry, len(labels), None), _longer(self._feature, len(labels), None)
        gone = _longer(self._gone, len(labels), False)
        geometry[at], feature[at], gone[at] = about.geometry, about.feature, False
        geometry[gone_at], gone[gone_at] = None, True
        kept = self._edited[~self._edited.index.isin(changed)]
        now = replace(
            self,
            labels=labels,
            _edited=pd.concat([kept, about.frame.set_index(at)]) if len(at) else kept,
            _geometry=geometry,
            _feature=feature,
            _gone=gone,
            _clockwise=self._clockwise + _clockwise(about.geometry) - _clockwise(self._geometry[there]),
            _places=self._places.after(changed, geometry),
            _names=self._names.after(changed, feature),
        )
        if (now._clockwise > 0) != (self._clockwise > 0):  # what runs backward is now what ran as most did
            return replace(now, _findings=now._found(np.flatnonzero(~gone)))
        dirty = _boxes(np.concatenate([self._geometry[there], about.geometry]))
        return replace(now, _findings=now._findings_after(dirty, {*self._feature[there], *about.feature}))

    def _findings_after(self, dirty: np.ndarray, names: set) -> gpd.GeoDataFrame:
        """
        The findings with those replaced that concern features in the dirty boxes, or lie there.

        The neighbourhood grows until each finding that is told anew lies inside it with all of its surroundings: a strip between
        two lots may go on along the whole block.
        """
        old = self._findings
        near = _lies_in(old, dirty)
        names = names | {*self._feature[self._places.meeting(dirty)]} | _names_in(old[near])
        rows = self._names.rows(names)
        looked = [dirty]
        while True:
            dropped = near | _concerns(old, names)
            looked += [_boxes(self._geometry[self._names.rows(names)]), _boxes(np.asarray(old.geometry.array)[dropped])]
            rows = np.union1d(rows, self._places.meeting(np.concatenate(looked)))
            rows = rows[~self._gone[rows]]
            found = self._found(rows)
            ours = _lies_in(found, dirty) | _concerns(found, names)
            more = _names_in(found[_lies_in(found, dirty)]) - names
            looked = [_boxes(np.asarray(found.geometry.array)[ours])]
            beyond = np.setdiff1d(self._places.meeting(looked[0]), rows)
            if not more and not len(beyond):
                return join_findings([old[~dropped], found[ours]], crs=old.crs)
            names, rows = names | more, np.union1d(rows, beyond)

    def _found(self, rows: np.ndarray) -> gpd.GeoDataFrame:
        """What the rules find among some rows."""
        about = self._subject(rows)
        found = chain(own_findings(about, self.city), network_findings({about.name: about}, self.city))
        return settled(found, {about.name: about}, self.city, crs=about.crs)

    def _subject(self, rows: np.ndarray) -> Subject:
        first = self._first
        changed = np.isin(rows, self._edited.index)
        frame = pd.concat([first.frame.iloc[rows[~changed]].set_axis(rows[~changed]), self._edited.loc[rows[changed]]])
        frame = frame.loc[rows].reset_index(drop=True)
        refs = frame["source_ref"].to_numpy(dtype=object) if "source_ref" in frame else np.full(len(frame), None, dtype=object)
        shells = "clockwise" if self._clockwise > 0 else "counterclockwise"
        return Subject(
            first.name, first.layer, frame, self._feature[rows], refs, self._geometry[rows], first.crs, self.city, shells=shells
        )

    def _placed(self, edited: gpd.GeoDataFrame | None) -> tuple[Subject, np.ndarray, pd.Index]:
        """Edited rows as a subject, their positions, and all labels with those that are new."""
        if edited is None:
            edited = gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=self.crs))
        if edited.crs is None or not edited.crs.equals(self.crs, ignore_axis_order=True):
            raise CRSError(
                f"The edited rows are in {edited.crs.name if edited.crs else 'no CRS'}, the layer is in {self.crs.name}."
            )
        if not edited.index.is_unique:
            raise SchemaError(f"The row {edited.index[edited.index.duplicated()][0]!r} is edited twice. Give each label once.")
        at = self.labels.get_indexer(edited.index)
        new = edited.index[at < 0]
        at[at < 0] = len(self.labels) + np.arange(len(new))
        about = subject(self._first.name, in_feet(edited), self._first.layer, key=self._key, city=self.city)
        nameless = np.array([str(name).startswith("#") for name in about.feature], dtype=bool)
        about.feature[nameless] = [f"#{row + 1}" for row in at[nameless]]
        return about, at, self.labels.append(new) if len(new) else self.labels

    def _positions_of(self, removed: Iterable) -> np.ndarray:
        labels = pd.Index(list(removed))
        at = self.labels.get_indexer(labels) if len(labels) else np.zeros(0, dtype=int)
        for label in labels[(at < 0) | self._gone[at]] if len(at) else ():
            raise SchemaError(f"There is no row {label!r} to remove.")
        return at


def standing(layer: gpd.GeoDataFrame, name: str, *, city: City | None = None, key: str | None = None) -> Standing:
    """
    A layer held to the geometry rules, ready to be checked again wherever it is edited.

    Parameters
    ----------
    layer : GeoDataFrame
        In any projected system. Its index labels its rows and must be unique. Not modified.
    name : str
        Of the City layer; one that the schema does not know is held to the catalogue's tolerances.
    city : City, optional
        The packaged defaults where it is not given.
    key : str, optional
        The column that names features, instead of the schema's key. Rows without a name keep the number of their place.

    Raises
    ------
    CRSError, SchemaError
        As `citygis.quality.validate`.
    """
    city = city or default_city()
    if not layer.index.is_unique:
        raise SchemaError(f"Layer {name} has the label {layer.index[layer.index.duplicated()][0]!r} twice. Reset its index first.")
    if key and key not in layer:
        raise SchemaError(f"Layer {name} has no column {key!r}. It has: {', '.join(map(str, layer.columns))}.")
    require_frame(name, layer.crs, city, "geometry")
    about = subject(name, in_feet(layer), city.schema.layers.get(name), key=key, city=city)
    blank = Standing(
        city=city,
        crs=layer.crs,
        labels=layer.index,
        _key=key,
        _first=about,
        _edited=about.frame.iloc[:0],
        _geometry=about.geometry,
        _feature=about.feature,
        _gone=np.zeros(len(about.frame), dtype=bool),
        _clockwise=topology.clockwise_surplus(about.measured),
        _places=_Places(about.geometry),
        _names=_Names(about.feature),
        _findings=settled((), {}, city, crs=about.crs),
    )
    found = chain(own_findings(about, city), network_findings({name: about}, city))
    return replace(blank, _findings=settled(found, {name: about}, city, crs=about.crs))


class _Places:
    """Where rows lie: a tree of them as they were first, and the boxes of those that were edited since."""

    def __init__(self, geometry: np.ndarray) -> None:
        self.tree = shapely.STRtree(geometry)
        self.edited = np.zeros(0, dtype=int)
        self.boxes = np.zeros(0, dtype=object)

    def after(self, changed: np.ndarray, geometry: np.ndarray) -> "_Places":
        """The same with some rows elsewhere."""
        now = object.__new__(_Places)
        now.tree = self.tree
        now.edited = np.union1d(self.edited, changed)
        now.boxes = shapely.envelope(geometry[now.edited])
        return now

    def meeting(self, boxes: np.ndarray) -> np.ndarray:
        """Rows whose bounds meet one of some boxes, ascending."""
        rows = np.unique(self.tree.query(boxes)[1])
        moved = self.edited[np.unique(shapely.STRtree(self.boxes).query(boxes)[1])]
        return np.union1d(np.setdiff1d(rows, self.edited, assume_unique=True), moved)


class _Names:
    """Which rows have a name: an index of the names as they were first, and those of edited rows."""

    def __init__(self, feature: np.ndarray) -> None:
        codes, names = pd.factorize(feature)
        self.names, self.order = pd.Index(names, dtype=object), np.argsort(codes, kind="stable")
        self.names.get_indexer(self.names[:1])  # the index is made when it is first asked, which had better not be after an edit
        self.starts = np.searchsorted(codes[self.order], np.arange(len(names) + 1))
        self.edited = np.zeros(0, dtype=int)
        self.called: dict[str, list[int]] = {}

    def after(self, changed: np.ndarray, feature: np.ndarray) -> "_Names":
        """The same with some rows called otherwise."""
        now = object.__new__(_Names)
        now.names, now.order, now.starts = self.names, self.order, self.starts
        now.edited = np.union1d(self.edited, changed)
        now.called = {}
        for row in now.edited.tolist():
            now.called.setdefault(feature[row], []).append(row)
        return now

    def rows(self, names: set) -> np.ndarray:
        """Rows with one of some names, ascending."""
        at = self.names.get_indexer(pd.Index(list(names), dtype=object))
        first = [self.order[self.starts[i] : self.starts[i + 1]] for i in at[at >= 0]]
        rows = np.setdiff1d(np.concatenate(first), self.edited) if first else np.zeros(0, dtype=int)
        return np.union1d(rows, [row for name in names for row in self.called.get(name, ())]).astype(int)


def _clockwise(geometry: np.ndarray) -> int:
    return topology.clockwise_surplus(gpd.GeoSeries(geometry)) if len(geometry) else 0


def _longer(values: np.ndarray, n: int, filler) -> np.ndarray:
    longer = np.full(n, filler, dtype=values.dtype)
    longer[: len(values)] = values
    return longer


def _boxes(geometry: np.ndarray) -> np.ndarray:
    """The bounds of geometries with `REACH_FT` around them; none for what has no place."""
    bounds = shapely.bounds(geometry).reshape(-1, 4)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    return shapely.box(*(bounds + [-REACH_FT, -REACH_FT, REACH_FT, REACH_FT]).T)


def _lies_in(findings: gpd.GeoDataFrame, boxes: np.ndarray) -> np.ndarray:
    """Which findings have a place in one of some boxes."""
    inside = np.zeros(len(findings), dtype=bool)
    if len(findings) and len(boxes):
        inside[shapely.STRtree(boxes).query(shapely.envelope(np.asarray(findings.geometry.array)))[0]] = True
    return inside


def _concerns(findings: gpd.GeoDataFrame, names: set) -> np.ndarray:
    """Which findings name one of some features."""
    return (findings["feature"].isin(names) | findings["other"].isin(names)).to_numpy()


def _names_in(findings: gpd.GeoDataFrame) -> set:
    return {*findings["feature"].dropna(), *findings["other"].dropna()}
