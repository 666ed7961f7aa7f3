"""
What was taken from a CAD drawing as plain frames.
"""

from collections import Counter
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from ezdxf.document import Drawing as Document
from ezdxf.math import Vec3

from citygis.cogo import arc_vertices
from citygis.readers.cad_contents import Place
from citygis.readers.cad_primitives import SAGITTA, Primitive
from citygis.readers.cad_texts import Wording

_PLACE = ("layer", "handle", "part", "block")
_SAMPLES = 3
_SAMPLE_LETTERS = 40


def line_frame(lines: list[tuple[Primitive, Place]], name: str) -> gpd.GeoDataFrame:
    """Lines and arcs as in `citygis.readers.dxf.Drawing.lines`."""
    table = _table([one for one, _ in lines], Primitive._fields, text=("kind", "hand"))
    table["is_approximate"] = table["is_approximate"].astype(bool)
    return _framed(table, [place for _, place in lines], name, line_geometry(table))


def line_geometry(table: pd.DataFrame, *, sagitta: float = SAGITTA) -> np.ndarray:
    """
    LineStrings of rows with the columns of `Primitive`: straight ones between their ends, arcs as chords within `sagitta`, the same
    vertices for the same arc whichever way it is drawn.
    """
    ends = table[["start_easting", "start_northing", "end_easting", "end_northing"]].to_numpy(dtype=float).reshape(-1, 2, 2)
    geometry = shapely.linestrings(ends) if len(ends) else np.empty(0, dtype=object)
    arcs = np.flatnonzero((table["kind"] == "arc").to_numpy(dtype=bool))
    delta, hand = table["delta_deg"].to_numpy(dtype=float), table["hand"].to_numpy(dtype=object)
    for row in arcs:
        geometry[row] = shapely.linestrings(arc_vertices(*ends[row], delta[row], hand[row], sagitta_ft=sagitta))
    return geometry


def text_frame(texts: list[tuple[str, str, Wording, Place]], name: str) -> gpd.GeoDataFrame:
    """Texts as in `citygis.readers.dxf.Drawing.texts`."""
    table = _table(
        [(kind, tag, *wording) for kind, tag, wording, _ in texts], ("kind", "tag", *Wording._fields), ("kind", "tag", "text")
    )
    table["is_repaired"] = table["is_repaired"].astype(bool)
    return _framed(table, [place for *_, place in texts], name, _points(table))


def point_frame(points: list[tuple[Vec3, Place]], name: str) -> gpd.GeoDataFrame:
    """Points as in `citygis.readers.dxf.Drawing.points`."""
    table = _table([at.xyz for at, _ in points], ("easting", "northing", "elevation"), ())
    return _framed(table, [place for _, place in points], name, _points(table))


def insert_frame(inserts: list[tuple[str, Vec3, float, float, str, Place]], name: str) -> gpd.GeoDataFrame:
    """Block references as in `citygis.readers.dxf.Drawing.inserts`."""
    columns = ("name", "easting", "northing", "elevation", "azimuth_deg", "scale", "attributes")
    rows = [(block, *at.xyz, azimuth, scale, attributes) for block, at, azimuth, scale, attributes, _ in inserts]
    table = _table(rows, columns, ("name", "attributes"))
    return _framed(table, [place for *_, place in inserts], name, _points(table))


def leader_frame(leaders: list[tuple[Vec3, Vec3, Place]], name: str) -> gpd.GeoDataFrame:
    """Leaders as in `citygis.readers.dxf.Drawing.leaders`."""
    columns = ("tip_easting", "tip_northing", "tail_easting", "tail_northing")
    table = _table([(tip.x, tip.y, tail.x, tail.y) for tip, tail, _ in leaders], columns, ())
    ends = table.to_numpy(dtype=float).reshape(-1, 2, 2)
    geometry = shapely.linestrings(ends) if len(ends) else np.empty(0, dtype=object)
    return _framed(table, [place for *_, place in leaders], name, geometry)


def tally_frame(tally: Counter) -> pd.DataFrame:
    """Every entity once, as in `citygis.readers.dxf.Drawing.tally`, in a stable order."""
    columns = ("space", "layer", "type", "fate", "count")
    table = _table([(*key, count) for key, count in sorted(tally.items())], columns, columns[:4])
    return table.astype({"count": "int64"})


def layer_frame(
    document: Document, lines: pd.DataFrame, texts: pd.DataFrame, points: pd.DataFrame, inserts: pd.DataFrame
) -> pd.DataFrame:
    """
    One row per layer that is in the layer table or holds something, as in `citygis.readers.dxf.Drawing.layers`; ``samples`` shows
    the first different texts.
    """
    kinds = lines["kind"]
    counts = {
        "lines": lines.loc[kinds == "line", "layer"].value_counts(),
        "arcs": lines.loc[kinds == "arc", "layer"].value_counts(),
        "texts": texts["layer"].value_counts(),
        "points": points["layer"].value_counts(),
        "inserts": inserts["layer"].value_counts(),
    }
    states = {layer.dxf.name: (layer.is_frozen(), layer.is_off()) for layer in document.layers}
    known = {name.casefold() for name in states}
    states |= {name: (False, False) for count in counts.values() for name in count.index if name.casefold() not in known}
    shown = {layer: list(dict.fromkeys(group))[:_SAMPLES] for layer, group in texts.groupby("layer")["text"]}
    rows = []
    for layer in sorted(states):
        samples = " | ".join(text.replace("\n", " / ")[:_SAMPLE_LETTERS] for text in shown.get(layer, ()))
        rows.append((layer, *states[layer], *(int(count.get(layer, 0)) for count in counts.values()), samples))
    table = _table(rows, ("layer", "is_frozen", "is_off", *counts, "samples"), ("layer", "samples"))
    return table.astype({"is_frozen": bool, "is_off": bool} | dict.fromkeys(counts, "int64"))


def _table(rows: Sequence[Sequence], columns: Sequence[str], text: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(columns)) if rows else pd.DataFrame({name: [] for name in columns}, dtype=object)
    for name in columns:
        if name in text:
            table[name] = table[name].astype("str")
        elif not rows:
            table[name] = table[name].astype(float)
    return table


def _framed(table: pd.DataFrame, places: list[Place], name: str, geometry: np.ndarray) -> gpd.GeoDataFrame:
    where = _table(places, _PLACE, ("layer", "handle", "block")).astype({"part": "int64"})
    table = pd.concat([table, where], axis=1)
    refs = [f"{name}#{place.handle}{f'.{place.part}' if place.part > 1 else ''}" for place in places]
    table["source_ref"] = pd.Series(refs, dtype="str")
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(geometry))


def _points(table: pd.DataFrame) -> np.ndarray:
    return shapely.points(table[["easting", "northing"]].to_numpy(dtype=float)) if len(table) else np.empty(0, dtype=object)
