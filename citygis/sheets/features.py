"""
A style's features as batches: chosen, placed on the page, cut to the frame, sorted into symbols.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from citygis.errors import SheetError
from citygis.sheets import prep
from citygis.sheets.expressions import as_numbers
from citygis.sheets.frame import Extent, Frame
from citygis.sheets.furniture import Entry
from citygis.sheets.painting import Motif, painted
from citygis.sheets.scene import Paths
from citygis.sheets.style import Style, Symbol, classified, nearest, symbol_of

_KINDS = {0: "point", 1: "line", 2: "line", 3: "area", 4: "point", 5: "line", 6: "area"}


class Features(NamedTuple):
    """
    What one style draws.

    Parameters
    ----------
    name : str
        Of the style.
    style : Style
    table : DataFrame, n rows
        The columns the style reads, with the index of the layer.
    shapes : array, n
        In page points, cut to the frame.
    kind : str
        ``area``, ``line`` or ``point``.
    symbols : array of int, n
        Which symbol draws each: 0 the style's own, i the i-th class.
    without_geometry : int
        Features of the layer that have none, or one whose coordinates are not finite, and so cannot be drawn.
    invalid : int
        Features in the frame whose geometry is invalid, as a polygon that crosses itself. They are drawn mended.
    """

    name: str
    style: Style
    table: pd.DataFrame
    shapes: np.ndarray
    kind: str
    symbols: np.ndarray
    without_geometry: int
    invalid: int = 0

    @property
    def title(self) -> str:
        """What its layer in the PDF is called."""
        return self.style.title or self.style.layer.replace("_", " ").capitalize()

    @property
    def unclassed(self) -> int:
        """Features that no class of the style names, where it has classes: the style's own symbol draws them."""
        return int((self.symbols == 0).sum()) if self.style.classes else 0


def require_drawable(layer: gpd.GeoDataFrame, name: str, crs: pyproj.CRS) -> None:
    """
    Refuse a layer that cannot lie on the sheet.

    Raises
    ------
    SheetError
        If it has no geometry column, no CRS, or another CRS than the City.
    """
    if not isinstance(layer, gpd.GeoDataFrame):
        raise SheetError(f"Layer {name!r} has no geometry column. Give a GeoDataFrame, or leave its style off the sheet.")
    if layer.crs is None:
        raise SheetError(f"Layer {name!r} has no CRS. Ask its maker, then state it with --source-crs. citygis never guesses.")
    if not layer.crs.equals(crs, ignore_axis_order=True):
        raise SheetError(
            f"Layer {name!r} is in {layer.crs.name}, the City in {crs.name}. Bring it over first: citygis convert FILE --to {name}."
        )


def kept(style: Style, layer: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """
    The features a style keeps, with the columns it reads and, where they are there, ``global_id`` and
    ``source_id``.

    Raises
    ------
    SheetError
        If the layer lacks one of them.
    """
    for column in style.columns:
        if column not in layer.columns:
            raise SheetError(f"Style {name!r} reads {column!r} of layer {style.layer!r}{nearest(column, list(layer.columns))}")
    origin = [name for name in ("global_id", "source_id") if name in layer.columns and name not in style.columns]
    return layer.loc[style.keeps(layer), [*style.columns, *origin, layer.geometry.name]]


def in_frame(name: str, style: Style, layer: gpd.GeoDataFrame, frame: Frame) -> Features:
    """The features of a style that can be seen in the frame, in the layer's order."""
    layer = kept(style, layer, name)
    geometries = np.asarray(layer.geometry.values)
    nothing = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    if not np.isfinite(shapely.get_coordinates(geometries)).all():
        points, owner = shapely.get_coordinates(geometries, return_index=True)
        nothing[owner[~np.isfinite(points).all(axis=1)]] = True
    near = ~nothing & overlapping(geometries, frame.extent)
    placed = prep.on_page(geometries[near], frame)
    bad = prep.invalid(placed)
    mended = prep.sound(placed, bad)
    # An area whose corners are all one point has nothing left once it is mended.
    collapsed = bad & (shapely.is_missing(mended) | shapely.is_empty(mended))
    shapes = prep.clipped(mended, frame.box_pt)
    seen = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    table = pd.DataFrame(layer.drop(columns=layer.geometry.name))[near][seen]
    shapes = shapes[seen]
    kinds = {_KINDS.get(kind) for kind in np.unique(shapely.get_type_id(geometries[near][seen]))}
    if len(kinds) > 1 or None in kinds:
        raise SheetError(
            f"Layer {style.layer!r} mixes kinds of geometry, so style {name!r} cannot draw it. Validate the layer first."
        )
    # Cutting an area along the frame can leave a point or a line of it behind, which is no area.
    kind = kinds.pop() if kinds else "area"
    whole = np.array([_KINDS.get(i, kind) == kind for i in shapely.get_type_id(shapes)], dtype=bool)
    table = table[whole]
    invalid = int(bad[seen][whole].sum())
    return Features(
        name, style, table, shapes[whole], kind, classified(style, table), int(nothing.sum() + collapsed.sum()), invalid
    )


def overlapping(geometries: np.ndarray, extent: Extent) -> np.ndarray:
    """Whose box meets an extent."""
    bounds = shapely.bounds(geometries)
    with np.errstate(invalid="ignore"):
        return (
            (bounds[:, 0] <= extent.easting_max)
            & (bounds[:, 2] >= extent.easting_min)
            & (bounds[:, 1] <= extent.northing_max)
            & (bounds[:, 3] >= extent.northing_min)
        )


def batches(features: Features, label_boxes: np.ndarray, frame: Frame) -> tuple[Paths, ...]:
    """
    The paths of a style, bottom-up: fills, hatches, casings, lines, point symbols; each look at once.

    Lines that say ``break_at_labels`` leave out what lies under `label_boxes`.
    """
    looks = _looks(features)
    azimuths = {}
    for number, look in looks.items():
        if look.marker and look.marker.azimuth_field:
            field = features.table[look.marker.azimuth_field][features.symbols == number]
            azimuths[number] = as_numbers(field, f"The marker of style {features.name!r}").to_numpy()
    motif = Motif(features.shapes, features.kind, features.symbols, looks, _inner(frame), azimuths)
    return painted(motif, frame, label_boxes)


def marker_boxes(features: Features) -> np.ndarray:
    """What the point symbols of a style cover, for labels to keep clear of."""
    boxes = [np.array([], dtype=object)]
    for number, look in _looks(features).items() if features.kind == "point" else ():
        if look.marker:
            points = shapely.get_coordinates(features.shapes[features.symbols == number])
            half = look.marker.size_pt / 2
            boxes.append(shapely.box(points[:, 0] - half, points[:, 1] - half, points[:, 0] + half, points[:, 1] + half))
    return np.concatenate(boxes)


def drawn(features: Features, frame: Frame) -> np.ndarray:
    """
    Which features leave ink in the frame: they have a symbol for their kind of geometry, and an area without fill has some of
    its boundary there. A city limit around the whole frame draws nothing in it.
    """
    needs = {"area": ("fill", "hatch", "casing", "strokes"), "line": ("casing", "strokes"), "point": ("marker",)}[features.kind]
    looks = [symbol_of(features.style, i) for i in range(len(features.style.classes) + 1)]
    shows = np.array([any(getattr(look, need) for need in needs) for look in looks])[features.symbols]
    if features.kind == "area":
        hollow = np.flatnonzero(~np.array([bool(look.fill or look.hatch) for look in looks])[features.symbols])
        shows[hollow] &= shapely.intersects(shapely.boundary(features.shapes[hollow]), shapely.box(*_inner(frame)))
    return shows


def entries(features: Features, frame: Frame) -> list[Entry]:
    """The legend of a style: its named symbols that are on the map, classes in the order of the file."""
    shown = np.unique(features.symbols[drawn(features, frame)])
    return [Entry(look.legend, look, features.kind) for number, look in _looks(features).items() if number in shown and look.legend]


def _looks(features: Features) -> dict[int, Symbol]:
    """The symbols that draw a feature of these, by number."""
    return {int(number): symbol_of(features.style, int(number)) for number in np.unique(features.symbols)}


def _inner(frame: Frame) -> tuple[float, float, float, float]:
    """The frame less a hair, so that the cut edges of areas, which lie on the frame itself, are not drawn as their lines."""
    left, bottom, right, top = frame.box_pt
    hair = 2 * prep.QUANTUM_PT
    return left + hair, bottom + hair, right - hair, top - hair
