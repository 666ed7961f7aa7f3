"""
Positions of a receiver's table: longitude and latitude, or the easting and northing of a stated system; why a row has none; and how
far two statements of one place lie apart.
"""

import numpy as np
import pandas as pd
import shapely
from pyproj import Geod

from citygis.readers.receiver_values import Frames, numbers_of
from citygis.readers.stated_systems import stated_offsets_ft
from citygis.units import US_SURVEY_FOOT

OFFSET_ALLOWED_FT = 0.05
"""
Longitude and latitude that lie further from the row's own easting and northing are noted. Eight decimals of a degree are 0.004 ft,
so this is no rounding; a site calibration can explain it.
"""


def positions(
    cells: pd.DataFrame, found: dict[str, str], *, in_degrees: bool
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str] | None]]:
    """
    Easting and northing as sent, and for every row why it has none (a key of `captures.REASONS`, and the message), or None.

    Parameters
    ----------
    cells : DataFrame of text
    found : dict
        As `found_titles` gives it, with a pair of columns, or ``position`` (WKT).
    in_degrees : bool
        Whether longitude and latitude are taken, rather than easting and northing. Their range is looked at.
    """
    reasons: list[tuple[str, str] | None] = [None] * len(cells)
    if in_degrees and not {"longitude", "latitude"} <= set(found):
        names = [found["position"]]
        easting, northing, unread = _from_wkt(cells[names[0]])
    else:
        names = [found[column] for column in (("longitude", "latitude") if in_degrees else ("easting", "northing"))]
        (easting, one), (northing, other) = (numbers_of(cells, name) for name in names)
        unread = one | other
    blank = cells[names].isna().any(axis=1).to_numpy()
    for row in np.flatnonzero(unread).tolist():
        sent = ", ".join(f"{name} = {cells[name].iat[row]!r}" for name in names)
        reasons[row] = "not_a_number", f"The position is not in numbers: {sent}."
    for row in np.flatnonzero(blank & ~unread).tolist():
        reasons[row] = "no_position", f"{' or '.join(names)} is blank."
    if in_degrees:
        for row in np.flatnonzero((np.abs(easting) > 180) | (np.abs(northing) > 90)).tolist():
            sent = f"longitude {easting[row]:.10g}, latitude {northing[row]:.10g}"
            if 90 < abs(northing[row]) <= 180 and abs(easting[row]) <= 90:
                reasons[row] = "order_contradicts", f"The two are exchanged, or latitude is no latitude: {sent}."
            elif abs(northing[row]) > 90 and _is_in_minutes(easting[row], 180) and _is_in_minutes(northing[row], 90):
                reasons[row] = "ddmm_as_degrees", f"These look like degrees and minutes run together (ddmm.mmm): {sent}."
            else:
                reasons[row] = "out_of_range", f"No place on earth has {sent}."
    return easting, northing, reasons


def stated_offsets(
    cells: pd.DataFrame, found: dict[str, str], frames: Frames, longitude: np.ndarray, latitude: np.ndarray
) -> tuple[np.ndarray | None, list[str]]:
    """
    How far each row's longitude and latitude lie from its own easting and northing in the stated system, and a note of it.

    Returns
    -------
    array of n in US survey feet, notes
        None and no note where the table has not both, or states no system that is known.
    """
    projected = {
        text: one.horizontal for text, one in frames.systems.items() if one.horizontal is not None and one.unit is not None
    }
    if not projected or not {"easting", "northing"} <= set(found):
        return None, []
    easting, northing = (numbers_of(cells, found[column])[0] for column in ("easting", "northing"))
    offsets = np.full(len(cells), np.nan)
    for text, system in projected.items():
        rows = (frames.stated == text).fillna(False).to_numpy(dtype=bool)
        offsets[rows] = stated_offsets_ft(longitude[rows], latitude[rows], easting[rows], northing[rows], system=system)
    compared, apart = np.isfinite(offsets), offsets > OFFSET_ALLOWED_FT
    if not compared.any():
        return offsets, []
    worst = np.nanmax(offsets)
    if not apart.any():
        return offsets, [f"Longitude and latitude agree with the stated easting and northing within {worst:.3f} ft."]
    return offsets, [
        f"In {int(apart.sum()):,} of {int(compared.sum()):,} rows, longitude and latitude lie up to {worst:,.2f} ft from the row's "
        "own easting and northing (stated_offset_ft). A site calibration can do that; ask which of the two is meant."
    ]


def geometry_notes(cells: pd.DataFrame, found: dict[str, str], longitude: np.ndarray, latitude: np.ndarray) -> list[str]:
    """How far the receiver's positions lie from the features' own geometry, in feet, where that is in degrees too."""
    if not {"geometry_easting", "geometry_northing"} <= set(found):
        return []
    names = found["geometry_easting"], found["geometry_northing"]
    east, north = (numbers_of(cells, name)[0] for name in names)
    rows = np.isfinite(east) & np.isfinite(north) & (np.abs(longitude) <= 180) & (np.abs(latitude) <= 90)
    if not rows.any():
        return []
    if (np.abs(east[rows]) > 180).any() or (np.abs(north[rows]) > 90).any():
        return [f"The features' geometry ({', '.join(names)}) is in a system that the table does not name; it was left apart."]
    _, _, apart_m = Geod(ellps="GRS80").inv(longitude[rows], latitude[rows], east[rows], north[rows])
    apart_ft = apart_m / float(US_SURVEY_FOOT)
    return [
        f"The features' geometry ({', '.join(names)}) lies {np.median(apart_ft):.2f} ft from the receiver's positions (at most "
        f"{apart_ft.max():,.2f} ft). Those were taken, and the geometry was left apart."
    ]


def _from_wkt(column: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    made = shapely.from_wkt(column.to_numpy(dtype=object, na_value=None), on_invalid="ignore")
    made = np.where((shapely.get_type_id(made) == 0) & ~shapely.is_empty(made), made, None)
    easting, northing = shapely.get_x(made), shapely.get_y(made)
    return easting, northing, column.notna().to_numpy() & ~(np.isfinite(easting) & np.isfinite(northing))


def _is_in_minutes(value: float, most_degrees: int) -> bool:
    """Whether a number could be degrees times 100 plus minutes, as NMEA 0183 writes them."""
    return abs(value) % 100 < 60 and abs(value) // 100 <= most_degrees
