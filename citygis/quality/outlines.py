"""
Rules of one feature's outline: G09 to G12 and T26. They need no neighbour and no schema.
"""

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.shapes import strayed
from citygis.quality.subject import Subject, finding, no_findings


def outline_findings(about: Subject, city: City) -> Iterator[pd.DataFrame]:
    """
    What the rules of outlines find in one layer.

    Retired features are left alone, and so are those that lie wholly outside the extent: in the wrong units every length is wrong.

    Parameters
    ----------
    about : Subject
        In feet.
    city : City
        For its extent and its changes to the rules.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`; at most one of each rule for a feature, but for spikes.
    """
    if not (shapely.get_dimensions(about.place) > 0).any():
        return
    judged = about.current & ~strayed(about, city)
    yield _repeated(about, judged)
    yield _backward(about, judged)
    yield _multipart(about, judged)
    yield _thin(about, judged)
    yield _short(about, judged)
    yield _spikes(about, judged)


def _repeated(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    rule = about.rule("G09")
    found = topology.repeated_vertices(about.measured, tolerance_ft=rule.tolerance)
    rows, places, apart, count = _by_feature(found, found["distance_ft"], judged, np.fmax)
    stand = [_several(n, "vertex stands", "vertices stand") for n in count]
    message = [f"{some} where the one before stands (within {rule.tolerance:g} ft)." for some in stand]
    return finding(about, "G09", rule.name, rows, message, measure=apart, unit="ft", tolerance=rule.tolerance, geometry=places)


def _backward(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    found = topology.backward_rings(about.measured, shells=about.shells)
    rows, rings, _, count = _by_feature(found, found["area_sqft"], judged, np.fmax)
    message = [f"{_several(n, 'ring runs', 'rings run')} the other way round than most of the layer." for n in count]
    return finding(about, "G10", "ring_direction", rows, message, measure=count, unit="rings", geometry=rings)


def _multipart(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    found = topology.multiparts(about.measured)
    found = found[judged[found["feature"].to_numpy(dtype=int)]]
    rows = found["feature"].to_numpy(dtype=int)
    message = [
        f"The feature has {n} parts; the smallest has {sqft or ft:,.2f} {'sq ft' if sqft else 'ft'}, {share:.2%} of the whole."
        for n, sqft, ft, share in zip(found["parts"], found["smallest_sqft"], found["smallest_ft"], found["share"], strict=True)
    ]
    place = np.asarray(found.geometry.array, dtype=object)
    return finding(about, "G11", "multipart", rows, message, measure=found["parts"].to_numpy(), unit="parts", geometry=place)


def _thin(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    if not about.is_exclusive:
        return no_findings()
    rule = about.rule("G12")
    found = topology.slivers(about.measured, width_ft=rule.tolerance, most_thinness=rule.limit)
    found = found[judged[found["feature"].to_numpy(dtype=int)]]
    message = [
        f"The feature is {length:,.1f} ft long and nowhere wider than {width:,.2f} ft, with {area:,.1f} sq ft "
        f"(narrower than {rule.tolerance:g} ft is rarely meant)."
        for length, width, area in zip(found["length_ft"], found["width_ft"], found["area_sqft"], strict=True)
    ]
    return finding(
        about,
        "G12",
        rule.name,
        found["feature"].to_numpy(dtype=int),
        message,
        measure=found["width_ft"].to_numpy(),
        unit="ft",
        tolerance=rule.tolerance,
        geometry=np.asarray(found.geometry.array, dtype=object),
    )


def _short(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    rule = about.rule("T26", "short_segment")
    found = topology.short_edges(about.measured, tolerance_ft=rule.tolerance)
    rows, edges, length, count = _by_feature(found, found["length_ft"], judged, np.fmin)
    message = [
        f"{_several(n, 'segment is', 'segments are')} shorter than {rule.tolerance:g} ft, the shortest {ft:.4f} ft."
        for n, ft in zip(count, length, strict=True)
    ]
    return finding(about, "T26", rule.name, rows, message, measure=length, unit="ft", tolerance=rule.tolerance, geometry=edges)


def _spikes(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    rule = about.rule("T26", "spike")
    found = topology.spikes(about.measured, angle_deg=rule.tolerance, tip_ft=rule.limit)
    rows = found["feature"].to_numpy(dtype=int)
    folded = (shapely.get_dimensions(about.place[rows]) == 2) & (shapely.area(about.place[rows]) == 0)  # all of it is: G03 tells it
    found = found[judged[rows] & ~folded]
    message = [
        f"The boundary runs {high:,.2f} ft out and back at an angle of {angle:.3f} deg (tolerance {rule.tolerance:g} deg)."
        for high, angle in zip(found["height_ft"], found["angle_deg"], strict=True)
    ]
    return finding(
        about,
        "T26",
        rule.name,
        found["feature"].to_numpy(dtype=int),
        message,
        measure=found["angle_deg"].to_numpy(),
        unit="deg",
        tolerance=rule.tolerance,
        geometry=np.asarray(found.geometry.array, dtype=object),
    )


def _by_feature(found: gpd.GeoDataFrame, values, judged: np.ndarray, most) -> tuple[np.ndarray, ...]:
    """Places of one feature as one: its row, the places together, the least or greatest value, and how many there are."""
    feature, values = found["feature"].to_numpy(dtype=int), values.to_numpy(dtype=float)
    keep = judged[feature]
    feature, values, places = feature[keep], values[keep], np.asarray(found.geometry.array, dtype=object)[keep]
    order = np.argsort(feature, kind="stable")
    feature, values, places = feature[order], values[order], places[order]
    rows, first, count = np.unique(feature, return_index=True, return_counts=True)
    if not len(rows):
        return rows, places, values, count
    together = places[first]
    for k in np.flatnonzero(count > 1):
        some = places[first[k] : first[k] + count[k]]
        together[k] = shapely.multipoints(some) if shapely.get_type_id(some[0]) == 0 else shapely.multilinestrings(some)
    return rows, together, most.reduceat(values, first), count


def _several(n: int, one: str, many: str) -> str:
    return f"A {one}" if n == 1 else f"{n} {many}"
