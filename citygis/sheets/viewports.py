"""
Map frames as coordinates in a PDF: geospatial measures (ISO 32000-2, 12.10), from which a reader takes CRS and scale.
"""

from typing import NamedTuple

import numpy as np
import pikepdf
import pyproj

from citygis.sheets.frame import Frame
from citygis.units import US_SURVEY_FOOT, unit_of


class Viewport(NamedTuple):
    """A map frame on the page, to be written with its coordinates, and what to call it."""

    frame: Frame
    name: str


def viewport_object(pdf: pikepdf.Pdf, viewport: Viewport) -> pikepdf.Object:
    """
    A map frame as an object of `pdf`, for a page's ``/VP``.

    The measure holds the ground at the frame's own four corners, so a turned frame is as exact as an upright one.
    """
    frame = viewport.frame
    # Clockwise from the lower left, beside the unit square in the same order.
    corners = frame.corners[[0, 3, 2, 1]]
    unit_square = [0, 0, 0, 1, 1, 1, 1, 0]
    to_degrees = pyproj.Transformer.from_crs(frame.crs, frame.crs.geodetic_crs, always_xy=True)
    # ISO 32000-2, table 269: latitude before longitude.
    degrees = np.column_stack(to_degrees.transform(*corners.T)[::-1])
    system = pikepdf.Dictionary(Type=pikepdf.Name.PROJCS, WKT=pikepdf.String(frame.crs.to_wkt("WKT1_ESRI")))
    if frame.crs.to_epsg():
        system["/EPSG"] = frame.crs.to_epsg()
    foot = pikepdf.Name("/USFT" if unit_of(frame.crs) is US_SURVEY_FOOT else "/FT")
    measure = pikepdf.Dictionary(
        Type=pikepdf.Name.Measure,
        Subtype=pikepdf.Name.GEO,
        Bounds=pikepdf.Array(unit_square),
        GPTS=pikepdf.Array([_real(v) for v in degrees.ravel()]),
        LPTS=pikepdf.Array(unit_square),
        GCS=pdf.make_indirect(system),
        PDU=pikepdf.Array([foot, pikepdf.Name("/A"), pikepdf.Name("/DEG")]),
    )
    return pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Viewport,
            BBox=pikepdf.Array([_real(v) for v in frame.box_pt]),
            Name=pikepdf.String(viewport.name),
            Measure=pdf.make_indirect(measure),
        )
    )


def _real(value: float) -> pikepdf.Object:
    """With twelve decimals, which hold 4e-7 ft in degrees."""
    return pikepdf.Object.parse(f"{value:.12f}".encode())
