"""
Tract No. 3999 as the design program exports it: LandXML 1.2, northing before easting, angles packed DD.MMSS.
"""

import math
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from citygis.publish import publish_text
from citygis.samples.tract_plan import TRACT_NAME, TRACT_NO, Figure, Tract, area_of, center_of, steps_of, turn_of

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<LandXML xmlns="http://www.landxml.org/schema/LandXML-1.2" version="1.2" date="2026-09-14" time="09:30:00">
  <Units>
    <Imperial areaUnit="squareFoot" linearUnit="USSurveyFoot" volumeUnit="cubicFeet" temperatureUnit="fahrenheit" \
pressureUnit="inHG" angularUnit="decimal dd.mm.ss" directionUnit="decimal dd.mm.ss"/>
  </Units>
  <CoordinateSystem desc="NAD83(2011) epoch 2010.00, California zone 3" epsgCode="6420"/>
  <Project name="Tract 3999" desc="fictional"/>
  <Application name="Riverbend Land Design (fictional)" version="1"/>
"""


def write_landxml_tract(path: Path, land: Tract) -> dict:
    """
    The tract as LandXML.

    Returns
    -------
    dict
        ``parcels`` (by kind), ``points``, ``monuments``, ``curves``: what a reader must find.
    """
    parts = [_HEAD, "  <CgPoints>\n"]
    for k, (easting, northing) in enumerate(land.corners, start=1):
        code = f" code={quoteattr(land.on_record[k - 1])}" if land.on_record[k - 1] else ""
        parts.append(f'    <CgPoint name="{k}"{code}>{northing:.6f} {easting:.6f}</CgPoint>\n')
    parts.append(f'  </CgPoints>\n  <Parcels name="Tract {TRACT_NO}">\n')
    parts += [_parcel(lot, land.corners, _name(lot), "lot") for lot in land.lots]
    parts.append(_parcel(land.street, land.corners, "STREETS", "road"))
    parts.append(_parcel(land.boundary, land.corners, f"TRACT {TRACT_NO}", "", desc=f"Boundary of {TRACT_NAME}"))
    for name, _, _, points in land.easements:
        parts.append(_easement(name, points))
    parts.append('  </Parcels>\n  <PlanFeatures name="easement lines">\n')
    for k, line in enumerate(land.frontage, start=1):
        parts.append(f'    <PlanFeature name="PUE {k}" desc="10 ft public utility easement">\n      <CoordGeom>\n')
        parts.append(f"{_line(*line)}      </CoordGeom>\n    </PlanFeature>\n")
    parts.append("  </PlanFeatures>\n  <Monuments>\n")
    found = [k for k, name in enumerate(land.on_record) if name]
    for k in found:
        parts.append(
            f'    <Monument name={quoteattr(land.on_record[k])} pntRef="{k + 1}" type="found" condition="good" state="found"/>\n'
        )
    parts.append("  </Monuments>\n</LandXML>\n")
    publish_text(path, "".join(parts), overwrite=True)
    figures = [*land.lots, land.street, land.boundary]
    return {
        "parcels": {"lot": len(land.lots), "road": 1, "outer_boundary": 1, "easement": len(land.easements)},
        "points": len(land.corners),
        "monuments": len(found),
        "curves": sum(1 for figure in figures for radius in figure.radii_ft if radius),
    }


def _name(lot: Figure) -> str:
    return lot.name if lot.name.isdigit() else f"LOT {lot.name}"


def _parcel(figure: Figure, corners: np.ndarray, name: str, kind: str, *, desc: str = "") -> str:
    said = (f' class="{kind}"' if kind else "") + (f" desc={quoteattr(desc)}" if desc else "")
    lines = [f'    <Parcel name="{name}" area="{area_of(figure, corners):.4f}"{said}>\n      <CoordGeom>\n']
    for a, b, radius in steps_of(figure):
        start, end = corners[a], corners[b]
        lines.append(_curve(start, end, radius) if radius else _line(start, end))
    return "".join([*lines, "      </CoordGeom>\n    </Parcel>\n"])


def _easement(name: str, points: np.ndarray) -> str:
    # The end of the sewer at the bulb is drawn straight across, as it is in the drawing.
    lines = [f'    <Parcel name="{name}" class="easement">\n      <CoordGeom>\n']
    lines += [_line(a, b) for a, b in zip(points, np.roll(points, -1, axis=0), strict=True)]
    return "".join([*lines, "      </CoordGeom>\n    </Parcel>\n"])


def _line(start: np.ndarray, end: np.ndarray) -> str:
    step = end - start
    said = f'dir="{_packed(math.degrees(math.atan2(*step)) % 360)}" length="{math.hypot(*step):.6f}"'
    return f"        <Line {said}><Start>{_place(start)}</Start><End>{_place(end)}</End></Line>\n"


def _curve(start: np.ndarray, end: np.ndarray, radius_ft: float) -> str:
    turned = abs(turn_of(start, end, radius_ft))
    rot, length = "cw" if radius_ft > 0 else "ccw", abs(radius_ft) * turned
    said = f'rot="{rot}" crvType="arc" radius="{abs(radius_ft):.6f}" length="{length:.6f}"'
    places = f"<Start>{_place(start)}</Start><Center>{_place(center_of(start, end, radius_ft))}</Center><End>{_place(end)}</End>"
    return f"        <Curve {said}>{places}</Curve>\n"


def _place(point: np.ndarray) -> str:
    return f"{point[1]:.6f} {point[0]:.6f}"


def _packed(azimuth_deg: float) -> str:
    """Degrees, minutes and seconds to a hundredth, run together behind the point."""
    total = round(azimuth_deg * 360_000) % (360 * 360_000)
    degrees, rest = divmod(total, 360_000)
    minutes, hundredths = divmod(rest, 6_000)
    return f"{degrees}.{minutes:02d}{hundredths:04d}"
