"""
What a street is like to walk along: whether it has a sidewalk, and how much its traffic weighs.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.analysis.layers import without_ground
from citygis.analysis.network import Network, texts_in
from citygis.analysis.rulepack import RulePack

_HAS = {"BOTH", "LEFT", "RIGHT", "YES", "Y", "TRUE", "1", "1.0"}
_HAS_NOT = {"NONE", "NO", "N", "FALSE", "0", "0.0"}
_PLACE_FT = 20.0  # between the places of a street that a sidewalk is looked for beside


def sidewalks_of(
    network: Network, streets: gpd.GeoDataFrame, lines: gpd.GeoDataFrame | None, column: str, pack: RulePack
) -> np.ndarray:
    """
    Which edges have a sidewalk.

    Parameters
    ----------
    network : Network
        Of `streets`.
    streets : GeoDataFrame
    lines : GeoDataFrame, optional
        Sidewalks: asked where `column` does not say. One that is near enough along half of an edge is the edge's.
    column : str
        BOTH, LEFT, RIGHT or yes; NONE or no.
    pack : RulePack
        Rule ``sidewalk_ft``.

    Returns
    -------
    (n,) array of float
        1 where an edge has one, 0 where it has none, NaN where nobody says.
    """
    known = np.full(len(network.line), np.nan)
    said = np.char.upper(texts_in(streets, column).astype(str))[network.street]
    known[np.isin(said, list(_HAS))], known[np.isin(said, list(_HAS_NOT))] = 1.0, 0.0
    if lines is None:
        return known
    count = np.maximum(1, np.ceil(network.length_ft / _PLACE_FT)).astype(int)
    edge = np.repeat(np.arange(len(count)), count)
    along = (np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + 0.5) * (network.length_ft / count)[edge]
    points = shapely.line_interpolate_point(network.line[edge], along)
    shapes = np.asarray(lines.geometry.values, dtype=object)[~without_ground(lines).to_numpy()]
    near = np.zeros(len(points), dtype=bool)
    near[shapely.STRtree(shapes).query(points, predicate="dwithin", distance=float(pack["sidewalk_ft"]))[0]] = True
    beside = np.bincount(edge, weights=near) / count >= 0.5
    return np.where(np.isfinite(known), known, beside.astype(float))


def stress_of(network: Network, walked: np.ndarray, pack: RulePack) -> tuple[np.ndarray, list[tuple[str, str, str]]]:
    """
    What a foot of each edge counts as.

    Parameters
    ----------
    network : Network
    walked : (n,) array of float
        As `sidewalks_of` gives it; what nobody says counts as no sidewalk.
    pack : RulePack
        Rules ``stress_speed_mph, stress_factor, stress_factor_faster, no_sidewalk_factor``. The idea, not the figures, is that of
        M. Mekuria, P. Furth and H. Nixon, Low-Stress Bicycling and Network Connectivity (2012).

    Returns
    -------
    stress : (n,) array of float
    told : list of (str, str, str)
        Rows for `citygis.analysis.answer.unanswered`.
    """
    steps = np.asarray(pack["stress_speed_mph"], dtype=float)
    factors = np.r_[np.asarray(pack["stress_factor"], dtype=float), float(pack["stress_factor_faster"])]
    silent = ~np.isfinite(network.speed_mph)
    stress = factors[np.searchsorted(steps, np.where(silent, steps[0], network.speed_mph))]
    stress = stress * np.where(walked == 1.0, 1.0, float(pack["no_sidewalk_factor"]))
    if not silent.any():
        return stress, []
    told = (
        f"How fast traffic is on {len(set(network.street_id[silent])):,} streets",
        f"They do not say their SpeedLimit; they count as streets of {steps[0]:g} mph.",
        "Load their SpeedLimit.",
    )
    return stress, [told]
