"""
The survey documents of the sample: Tract No. 3999 as a drawing, as LandXML and as the tables of its map, with its truth.

The three are written from the plan of the tract each by a way of its own, and by nothing that citygis reads or writes such files
with, so that what they agree in was not agreed on before.
"""

import json
from pathlib import Path

import numpy as np

from citygis.publish import publish_text
from citygis.samples.riverbend import SEED, Riverbend
from citygis.samples.tract_drawing import write_clean_drawing, write_dirty_drawing
from citygis.samples.tract_landxml import write_landxml_tract
from citygis.samples.tract_plan import TRACT_NAME, TRACT_NO, Figure, Tract, area_of, steps_of, tract, turn_of
from citygis.samples.tract_plat import PLAT_TEXT, write_plat

CLEAN_DXF, DIRTY_DXF, TRACT_XML = "tract_3999_clean.dxf", "tract_3999_dirty.dxf", "tract_3999.xml"
SURVEY_TRUTH = "truth.json"


def write_tract(folder: Path, city: Riverbend, *, seed: int = SEED) -> Path:
    """
    The files of the tract, and ``truth.json``.

    Parameters
    ----------
    folder : Path
        Made when missing; files in it are replaced.
    city : Riverbend
    seed : int
        Of the dirt in the dirty drawing.

    Returns
    -------
    Path
        ``truth.json``: ``tract`` (number, name, frame, the parcel it divides, areas), ``corners`` (City feet, with the City's
        number where it has one), ``lots`` (by name: area, corners in order clockwise, each curve), ``easements``, and ``files``:
        what is in each.
    """
    land = tract(city.layers["corner"])
    rng = np.random.default_rng([seed, 3999])
    files = {
        CLEAN_DXF: write_clean_drawing(folder / CLEAN_DXF, land),
        DIRTY_DXF: write_dirty_drawing(folder / DIRTY_DXF, land, rng),
        TRACT_XML: write_landxml_tract(folder / TRACT_XML, land),
        PLAT_TEXT: write_plat(folder, land),
    }
    text = json.dumps({**_truth(land, city), "files": files}, indent=1) + "\n"
    return publish_text(folder / SURVEY_TRUTH, text, overwrite=True)


def _truth(land: Tract, city: Riverbend) -> dict:
    parcel = city.layers["parcel"]
    parent = parcel[parcel["parcel_kind"] == "REMAINDER"].iloc[0]
    total, street = area_of(land.boundary, land.corners), area_of(land.street, land.corners)
    return {
        "tract": {
            "tract_no": TRACT_NO,
            "tract_name": TRACT_NAME,
            "crs": "EPSG:6420",
            "frame": "NAD83(2011)@2010.00",
            "parent_apn": parent["apn"],
            "lots": len(land.lots),
            "area_sqft": round(total, 3),
            "streets_sqft": round(street, 3),
            "boundary": list(land.boundary.corners),
        },
        "corners": [
            {"corner": k, "easting": e, "northing": n, "on_record": name or None}
            for k, ((e, n), name) in enumerate(zip(land.corners.tolist(), land.on_record, strict=True))
        ],
        "lots": {lot.name: _lot_truth(lot, land) for lot in land.lots},
        "easements": [{"name": name, "purpose": purpose, "width_ft": width} for name, purpose, width, _ in land.easements],
    }


def _lot_truth(lot: Figure, land: Tract) -> dict:
    curves = [
        {
            "from": a,
            "to": b,
            "radius_ft": abs(radius),
            "hand": "R" if radius > 0 else "L",
            "delta_deg": round(float(np.degrees(abs(turn_of(land.corners[a], land.corners[b], radius)))), 7),
        }
        for a, b, radius in steps_of(lot)
        if radius
    ]
    return {"area_sqft": round(area_of(lot, land.corners), 3), "corners": list(lot.corners), "curves": curves}
