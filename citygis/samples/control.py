"""The City's control stations, and the ground they stand on: heights plausible for the valley that agree with each other."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from citygis.samples.fabric import on_ground
from citygis.samples.layers import Sources, city_layer
from citygis.units import US_SURVEY_FOOT

GEOID_SEPARATION_M = -31.7
"""Ellipsoid height less elevation, everywhere in the city. Invented, constant, and about that of the place (EGM96: -31.73 m)."""

GEOID_MODEL = "constant -31.7 m"

_STATIONS = (
    ("RIV-01", 2640.42 + 2639.63j, "Harvest and Orchard", "Brass disc in monument well, 0.6 ft below the pavement of the crossing"),
    ("RIV-02", 2640.17 + 0.28j, "Alder and Orchard", "Brass disc in monument well, middle of the crossing"),
    ("RIV-03", 2639.71 + 5280.35j, "Granary and Orchard", "Brass disc in monument well, middle of the crossing"),
    ("RIV-04", 5279.86 + 2640.51j, "Harvest and Meridian", "Brass disc in monument well, middle of the crossing"),
    ("RIV-05", 0.33 + 2640.22j, "Harvest and Levee", "Brass disc in monument well, middle of the crossing"),
    ("RIV-06", 151.27 + 2093.64j, "Landing Park", "Brass disc in concrete post, in the lawn"),
    ("RIV-07", 1263.48 + 1771.92j, "Founders Plaza", "Brass disc in concrete post, in the lawn"),
    ("RIV-08", 3463.15 + 4414.83j, "Grove Park", "Brass disc in concrete post, beside the path"),
)
"""Identifier, place in plan feet, name, where to find it."""


def elevation_ft(points: np.ndarray) -> np.ndarray:
    """
    Elevation of the ground: from 17 ft at the river to 28 ft in the east, with long swells of half a foot.

    Parameters
    ----------
    points : (n, 2) array of easting, northing in City feet

    Returns
    -------
    (n,) array of feet
    """
    easting, northing = (np.asarray(points) - (6_336_000, 2_122_000)).T
    return 17.0 + 0.002 * easting + 0.5 * np.sin(easting / 900) * np.cos(northing / 700)


def ellipsoid_height_ft(points: np.ndarray) -> np.ndarray:
    """Height of the ground above the ellipsoid of the City's frame, in feet: `elevation_ft` and the separation."""
    return elevation_ft(points) + GEOID_SEPARATION_M / float(US_SURVEY_FOOT)


def control_stations(sources: Sources) -> gpd.GeoDataFrame:
    """The control_station layer: brass discs at five crossings and in three parks, positions and heights true by definition."""
    points = on_ground([place for _, place, _, _ in _STATIONS])
    return city_layer(
        "control_station",
        {
            "pid": _column(0),
            "network": "CITY",
            "name": _column(2),
            "description": _column(3),
            "n_ft": points[:, 1],
            "e_ft": points[:, 0],
            "ellip_ht": ellipsoid_height_ft(points).round(3),
            "ortho_ht": elevation_ft(points).round(3),
            "geoid_model": GEOID_MODEL,
            "epoch": 2010.0,
            "published_accuracy": "0.02 ft horizontal, 0.04 ft vertical",
            "method": "GNSS_RTK",
            "h_accuracy_ft": 0.02,
            "accuracy_basis": "TESTED",
        },
        shapely.points(points),
        sources=sources,
    )


def _column(number: int) -> Sequence[str]:
    return [station[number] for station in _STATIONS]
