"""
A new tract from its file to the City's layers: read, placed, laid to its neighbours, converted; its parents retired.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.cogo import Closure
from citygis.convert import Conversion
from citygis.errors import ReadError
from citygis.findings import join_findings
from citygis.geodesy import Frame
from citygis.readers.source import source_document
from citygis.schema import feature_ids
from citygis.tracts.city_lines import LinesMet, lines_met
from citygis.tracts.fitting import Placement, place_plat
from citygis.tracts.layers import Rows, boundary_columns, converted, finite, lot_rows, new_corners, tract_code
from citygis.tracts.neighbours import Meeting, fabric_around, meet_neighbours, shared_chains
from citygis.tracts.parents import covered_parcels, parents_of
from citygis.tracts.plat import Plat, edge_chains, edge_courses, exact_areas_sqft, lot_polygons, record_closures, record_courses
from citygis.tracts.remarks import known_tract, lot_findings, placed_findings
from citygis.tracts.sources import read_plat
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, Unit

SNAP_FT = 0.10
"""How far a corner of the map may lie from the City's and still be the same corner: what a parcel's place is held to."""

HELD = ("parcel", "right_of_way", "tract", "boundary_line", "corner", "control_station", "source_document")
"""Layers of the City's that a tract is held against."""

_UNITS = {METRE: "M", US_SURVEY_FOOT: "FT_US", INTERNATIONAL_FOOT: "FT_INTL"}


class TractWork(NamedTuple):
    """
    What became of a map.

    Attributes
    ----------
    layers : dict of name to frame
        City layers: ``tract``, ``parcel`` (the lots, then the parents that are retired), ``right_of_way``, ``easement``,
        ``boundary_line`` (the courses, then the City's lines that they replace), ``corner``, ``apn_history``, ``source_document``.
        Those without rows are left out.
    quarantine : GeoDataFrame
        Figures that could not become rows, with ``layer`` and the columns of `citygis.convert.Conversion.quarantine`.
    lots : GeoDataFrame
        One row per figure: ``lot``, ``layer``, ``key``, ``kind``, ``area_sqft`` (of the grid, from its courses, exact on arcs),
        ``map_area_sqft`` (the same in the map's lengths), ``stated_area_sqft``, ``difference_sqft``, ``perimeter_ft``,
        ``misclosure_ft``, ``closure_ratio`` (of the record; infinite where it closes), ``source_ref``.
    displacement, ties, linework : GeoDataFrame
        Of the outer corners (`citygis.tracts.neighbours.Meeting`), of the ties (empty without), other lines of the map.
    retired : list of str
        ``apn`` of the parents that were retired.
    findings : GeoDataFrame
    plat : Plat
    placement : Placement
    """

    layers: dict[str, pd.DataFrame]
    quarantine: gpd.GeoDataFrame
    lots: gpd.GeoDataFrame
    displacement: gpd.GeoDataFrame
    ties: gpd.GeoDataFrame
    linework: gpd.GeoDataFrame
    retired: list[str]
    findings: gpd.GeoDataFrame
    plat: Plat
    placement: Placement


def tract_work(
    path: Path | str,
    tract: str,
    *,
    city: City,
    held: Mapping[str, pd.DataFrame] | None = None,
    frame: Frame | str | None = None,
    ties: Path | str | None = None,
    profile: str | None = None,
    unit: Unit | None = None,
    snap_ft: float = SNAP_FT,
    retire: bool = False,
) -> TractWork:
    """
    A recorded map as rows of the City's layers.

    Parameters
    ----------
    path : path
        As `citygis.tracts.sources.read_plat`.
    tract : str
        Its number.
    city : City
    held : mapping of layer name to frame, optional
        What the City has of `HELD`. Not modified.
    frame, ties
        As `citygis.tracts.fitting.place_plat`; one of them.
    profile, unit
        As `citygis.tracts.sources.read_plat`.
    snap_ft : float
        As `citygis.tracts.neighbours.meet_neighbours`.
    retire : bool
        Whether parcels that the tract covers are retired by it.

    Returns
    -------
    TractWork
        Nothing is written.

    Raises
    ------
    ReadError, CRSError, ValueError
        As the functions named.
    """
    code = tract_code(tract)
    plat = read_plat(path, city=city, unit=unit, profile=profile)
    held = {name: _before(frame, plat.source_id) for name, frame in (held or {}).items()}
    placed = place_plat(plat, city=city, frame=frame, ties=ties, held=held)
    own = edge_courses(plat.edges, plat.corners)
    records = record_courses(plat, own)
    # Radii come along in the scale of the map; what arcs turn follows from where their ends are.
    plat = plat._replace(edges=plat.edges.assign(radius_ft=plat.edges["radius_ft"] * placed.scale))
    first = edge_courses(plat.edges, placed.corners)
    rough = shapely.union_all(lot_polygons(plat, edge_chains(first, plat.edges, placed.corners)))
    covered = covered_parcels(rough, held.get("parcel"))
    fabric = fabric_around(held, placed.corners, parents=covered)
    met = meet_neighbours(plat, placed.corners, fabric, snap_ft=snap_ft, crs=city.crs)
    _require_ends_apart(plat, met)
    courses = edge_courses(plat.edges, met.corners)
    chains = shared_chains(plat, courses, met.corners, fabric, snap_ft=snap_ft)
    polygons = lot_polygons(plat, chains)
    ground = shapely.union_all(polygons)
    rows = lot_rows(plat, tract, polygons, city)
    areas = exact_areas_sqft(plat, courses)
    closures = record_closures(plat, records)
    lots = _lot_table(plat, rows, areas, closures, placed, polygons, city)
    boundary = boundary_columns(plat, tract, courses, records, rows, placed)
    lines = lines_met(plat, boundary, chains, held, ground=ground, parents=covered, crs=city.crs)
    made = _conversions(plat, tract, code, placed, rows, lots, polygons, ground, met, lines, held, city)
    parents = parents_of(
        ground,
        made["parcel"].layer if "parcel" in made else gpd.GeoDataFrame({"apn": []}, geometry=[], crs=city.crs),
        held,
        source_id=plat.source_id,
        retire=retire,
        crs=city.crs,
    )
    if len(parents.history):
        columns = {**parents.history, "doc_id": plat.source_id}
        made["apn_history"] = converted("apn_history", columns, None, city=city, plat=plat, refs=[plat.name] * len(parents.history))
    findings = join_findings(
        [
            placed_findings(plat, placed, city),
            placed.findings,
            met.findings,
            rows.findings,
            parents.findings,
            lines.findings,
            lot_findings(lots, plat, city),
            known_tract(tract, plat, held),
            *(one.findings[one.findings["code"] != "C08"] for one in made.values()),
        ],
        crs=city.crs,
    )
    return TractWork(
        _layers(made, {"parcel": parents.retired, "boundary_line": lines.retired}, path, tract, plat, placed, city),
        _quarantine(made, city),
        lots,
        met.displacement,
        placed.ties.ties if placed.ties else gpd.GeoDataFrame({"name": pd.Series(dtype="str")}, geometry=[], crs=city.crs),
        _moved_lines(plat, placed, city),
        parents.retired["apn"].tolist(),
        findings,
        plat,
        placed,
    )


def _before(frame: pd.DataFrame, source_id: str) -> pd.DataFrame:
    """A layer without what this very file brought in before: a map is laid to the City's, not to itself."""
    if not {"source_id", "status", "retired_by_record"} <= set(frame):
        return frame
    frame = frame[frame["source_id"].ne(source_id).fillna(True).to_numpy(dtype=bool)].reset_index(drop=True)
    ended = frame["retired_by_record"].eq(source_id).fillna(False).to_numpy(dtype=bool)
    if ended.any():
        frame.loc[ended, "status"] = "ACTIVE"
        frame.loc[ended, "retired_by_record"] = None
    return frame


def _require_ends_apart(plat: Plat, met: Meeting) -> None:
    a, b = (met.corners[plat.edges[name]] for name in ("start", "end"))
    short = np.flatnonzero(np.hypot(*(b - a).T) == 0)
    if len(short):
        raise ReadError(
            f"{plat.name}: a course would have no length once its ends took places of the City's. Snap less: --snap-ft."
        )


def _lot_table(
    plat: Plat, rows: Rows, areas: np.ndarray, closures: Sequence[Closure], placed: Placement, polygons: np.ndarray, city: City
) -> gpd.GeoDataFrame:
    of_map = areas / placed.scale**2
    table = pd.DataFrame(
        {
            "lot": plat.lots["lot"],
            "layer": rows.lots["layer"],
            "key": rows.lots["apn"].fillna(rows.lots["row_id"]),
            "kind": rows.lots["kind"],
            "area_sqft": areas,
            "map_area_sqft": of_map,
            "stated_area_sqft": plat.lots["stated_area_sqft"],
            "difference_sqft": of_map - plat.lots["stated_area_sqft"],
            "perimeter_ft": [one.perimeter_ft for one in closures],
            "misclosure_ft": [one.misclosure_ft for one in closures],
            "closure_ratio": [one.closure_ratio for one in closures],
            "source_ref": plat.lots["source_ref"],
        }
    )
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(polygons, crs=city.crs))


def _conversions(
    plat: Plat,
    tract: str,
    code: str,
    placed: Placement,
    rows: Rows,
    lots: gpd.GeoDataFrame,
    polygons: np.ndarray,
    ground,
    met: Meeting,
    lines: LinesMet,
    held: Mapping[str, pd.DataFrame],
    city: City,
) -> dict[str, Conversion]:
    """Each layer that the map has rows for, converted."""
    known = math.isfinite(placed.accuracy_ft) and placed.accuracy_ft > 0
    said = {
        "status": "ACTIVE",
        "method": plat.method,
        "accuracy_basis": "TESTED" if known and placed.ties else "STATED" if known else "UNKNOWN",
        "h_accuracy_ft": placed.accuracy_ft if known else None,
    }
    said = {name: value for name, value in said.items() if value is not None}
    is_parcel = rows.lots["layer"].eq("parcel").to_numpy()
    refs = plat.lots["source_ref"].fillna(plat.name)
    tract_id = feature_ids("tract", pd.Series([tract.strip()]))[0]
    made = {
        "tract": converted(
            "tract",
            {
                **said,
                "tract_no": tract.strip(),
                "map_kind": "PARCEL_MAP" if tract.strip().upper().startswith("PM") else "TRACT",
                "lots_found": int(is_parcel.sum()),
                "remainder": bool((rows.lots["kind"] == "REMAINDER").any()),
            },
            [ground],
            city=city,
            plat=plat,
            refs=[plat.name],
        ),
        "boundary_line": converted(
            "boundary_line",
            {**said, **lines.columns},
            [shapely.LineString(chain) for chain in lines.chains],
            city=city,
            plat=plat,
            refs=lines.refs,
        ),
    }
    if is_parcel.any():
        table = lots[is_parcel]
        columns = {
            **said,
            "apn": table["key"],
            "parcel_kind": table["kind"],
            "tract_id": tract_id,
            "lot": table["lot"],
            "stated_area": table["stated_area_sqft"],
            "stated_area_unit": table["stated_area_sqft"].map(lambda v: "SQFT" if v == v else None),
            "misclose_ft": table["misclosure_ft"],
            "misclose_ratio": table["closure_ratio"].map(finite),
        }
        made["parcel"] = converted("parcel", columns, polygons[is_parcel], city=city, plat=plat, refs=refs[is_parcel])
    if (~is_parcel).any():
        table = lots[~is_parcel]
        columns = {**said, "row_id": table["key"], "row_kind": table["kind"], "jurisdiction": "CITY", "doc_id": plat.source_id}
        made["right_of_way"] = converted("right_of_way", columns, polygons[~is_parcel], city=city, plat=plat, refs=refs[~is_parcel])
    if len(plat.easements):
        moved = shapely.transform(plat.easements.geometry.to_numpy(), placed.move)
        keys = [f"{code}-E{n + 1}" for n in range(len(moved))]
        columns = {**said, "easement_id": keys, "purpose": "OTHER", "doc_id": plat.source_id, "note": plat.easements["name"]}
        made["easement"] = converted("easement", columns, moved, city=city, plat=plat, refs=plat.easements["source_ref"])
    fresh = new_corners(plat, met.corners, held)
    if len(fresh):
        columns = {
            **said,
            "corner_id": [f"{code}-C{n + 1:04d}" for n in fresh.tolist()],
            "kind": "CALC",
            "datum": city.realization,
            "epoch": city.epoch,
        }
        places = shapely.points(met.corners[fresh])
        made["corner"] = converted(
            "corner", columns, places, city=city, plat=plat, refs=[f"{plat.name}#corner {n + 1}" for n in fresh]
        )
    return made


def _layers(
    made: dict[str, Conversion],
    retired: Mapping[str, gpd.GeoDataFrame],
    path: Path | str,
    tract: str,
    plat: Plat,
    placed: Placement,
    city: City,
) -> dict[str, pd.DataFrame]:
    layers = {name: one.layer for name, one in made.items() if len(one.layer)}
    for layer, rows in retired.items():
        if not len(rows):
            continue
        own = layers.get(layer, rows.iloc[:0])
        stacked = pd.concat([pd.DataFrame(own), pd.DataFrame(rows)[list(own.columns)]], ignore_index=True)
        stacked = stacked.astype({name: kind for name, kind in own.dtypes.items() if name != "geometry"})
        shapes = gpd.array.from_shapely(stacked.pop("geometry").to_numpy(dtype=object), crs=city.crs)
        layers[layer] = gpd.GeoDataFrame(stacked, geometry=shapes)
    factor = placed.scale if placed.is_ground and 0.99 <= placed.scale <= 1.01 else None
    layers["source_document"] = source_document(
        path,
        unit=_UNITS[plat.unit],
        doc_type="FINAL_MAP",
        doc_number=tract.strip(),
        combined_factor=factor,
        datum=None if placed.ties else placed.lineage.source[:20],
    )
    return layers


def _quarantine(made: dict[str, Conversion], city: City) -> gpd.GeoDataFrame:
    parts = [pd.DataFrame(one.quarantine).assign(layer=name) for name, one in made.items() if len(one.quarantine)]
    if not parts:
        return gpd.GeoDataFrame({"layer": pd.Series(dtype="str")}, geometry=[], crs=city.crs)
    table = pd.concat(parts, ignore_index=True)
    shapes = table.pop("geometry") if "geometry" in table else pd.Series(None, index=table.index, dtype=object)
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(shapes.to_numpy(dtype=object), crs=city.crs))


def _moved_lines(plat: Plat, placed: Placement, city: City) -> gpd.GeoDataFrame:
    moved = shapely.transform(np.asarray(plat.lines.geometry.array, dtype=object), placed.move) if len(plat.lines) else []
    return gpd.GeoDataFrame(
        {"role": plat.lines["role"], "source_ref": plat.lines["source_ref"]},
        geometry=gpd.array.from_shapely(np.asarray(moved, dtype=object), crs=city.crs),
    )
