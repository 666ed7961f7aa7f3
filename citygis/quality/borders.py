"""
Rules of the lines between neighbours of one layer: T31 misaligned corners, T32 missing vertices, T33 slivers.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.shapes import stacked, strayed
from citygis.quality.subject import Subject, exempt, finding


def border_findings(about: Subject, city: City) -> Iterator[pd.DataFrame]:
    """
    What the rules of shared lines find in one layer of features that share the ground among them.

    Parameters
    ----------
    about : Subject
        In feet. Retired features, those that may lie on others, those that are broken and those that lie wholly outside the extent
        have no neighbours.
    city : City
        For its extent.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`. A misaligned corner is one row for its place, however many lots meet there, with
        the line from the corner of the odd one out to that of the other.
    """
    if not about.is_exclusive:
        return
    judged = about.current & ~exempt(about) & ~strayed(about, city) & ~about.broken
    yield _misaligned(about, judged)
    yield _missing(about, judged)
    yield _slivers(about, judged)


def _misaligned(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    rule = about.rule("T31")
    found = topology.misaligned_corners(about.measured, tolerance_ft=rule.tolerance, same_ft=rule.limit)
    left, right = found["left"].to_numpy(dtype=int), found["right"].to_numpy(dtype=int)
    keep = judged[left] & judged[right] & ~stacked(about, left, right)
    found, left, right = found[keep], left[keep], right[keep]
    # The odd one out has its corner to itself, or shares it with the fewest; else it is the western one, for rows have no order.
    involved, at = np.unique(np.concatenate([left, right]), return_inverse=True)
    west = np.argsort(np.lexsort(about.bounds[involved].T[::-1]))[at]
    west_left, west_right = west[: len(left)], west[len(left) :]
    left_uses, right_uses = found["left_uses"].to_numpy(), found["right_uses"].to_numpy()
    odd = (left_uses < right_uses) | ((left_uses == right_uses) & (west_left < west_right))
    apart, place = found["distance_ft"].to_numpy(), found["place"].to_numpy()
    one, other = np.where(odd, left, right), np.where(odd, right, left)
    west_one, west_other = np.where(odd, west_left, west_right), np.where(odd, west_right, west_left)
    order = np.lexsort((west_other, west_one, np.minimum(left_uses, right_uses), -apart, place))
    first = order[np.flatnonzero(np.r_[True, np.diff(place[order]) != 0])] if len(order) else order
    met = pd.DataFrame({"place": np.r_[place, place], "feature": np.r_[left, right]}).groupby("place")["feature"].nunique()
    lines = np.asarray(found.geometry.array, dtype=object)
    lines = np.where(odd, lines, shapely.reverse(lines))[first]
    message = [
        f"A corner of {about.feature[a]} lies {ft:.4f} ft from one of {about.feature[b]}"
        + (f", and {_others(n - 2)} in the same place" if n > 2 else "")
        + f" (corners within {rule.tolerance:g} ft of each other are taken to be meant as one)."
        for a, b, ft, n in zip(one[first], other[first], apart[first], met.loc[place[first]], strict=True)
    ]
    return finding(
        about,
        "T31",
        rule.name,
        one[first],
        message,
        other=about.feature[other[first]],
        measure=apart[first],
        unit="ft",
        tolerance=rule.tolerance,
        geometry=lines,
    )


def _missing(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    rule, corner = about.rule("T32"), about.rule("T31").tolerance
    found = topology.missing_vertices(about.measured, tolerance_ft=rule.tolerance, corner_ft=max(corner, rule.tolerance))
    rows, other = found["feature"].to_numpy(dtype=int), found["other"].to_numpy(dtype=int)
    keep = judged[rows] & judged[other] & ~stacked(about, rows, other)
    found, rows, other = found[keep], rows[keep], other[keep]
    message = [
        f"{about.feature[a]} has no vertex where a corner of {about.feature[b]} lies on its edge, {ft:.4f} ft off the line "
        f"(tolerance {rule.tolerance:g} ft)."
        for a, b, ft in zip(rows, other, found["off_ft"], strict=True)
    ]
    return finding(
        about,
        "T32",
        rule.name,
        rows,
        message,
        other=about.feature[other],
        measure=found["off_ft"].to_numpy(),
        unit="ft",
        tolerance=rule.tolerance,
        geometry=np.asarray(found.geometry.array, dtype=object),
    )


def _slivers(about: Subject, judged: np.ndarray) -> pd.DataFrame:
    rule = about.rule("T33")
    found = topology.strips(about.measured, width_ft=rule.limit, tolerance_ft=rule.tolerance)
    left, right = found["left"].to_numpy(dtype=int), found["right"].to_numpy(dtype=int)
    sure = ~found["beside_invalid"].to_numpy(dtype=bool)
    keep = judged[left] & judged[right] & sure & ~stacked(about, left, right)
    found, left, right = found[keep], left[keep], right[keep]
    message = [
        f"Between {about.feature[a]} and {about.feature[b]}"
        + (f" and {len(beside) - 2} more" if len(beside) > 2 else "")
        + f" a strip {ft:,.2f} ft wide and {length:,.0f} ft long, {sqft:,.2f} sq ft, is covered by nothing "
        f"(told from {rule.tolerance:g} ft; from {rule.limit:g} ft on it may be a way)."
        for a, b, beside, ft, length, sqft in zip(
            left, right, found["beside"], found["width_ft"], found["length_ft"], found["area_sqft"], strict=True
        )
    ]
    return finding(
        about,
        "T33",
        rule.name,
        left,
        message,
        other=about.feature[right],
        measure=found["width_ft"].to_numpy(),
        unit="ft",
        tolerance=rule.tolerance,
        geometry=np.asarray(found.geometry.array, dtype=object),
    )


def _others(n: int) -> str:
    return "one more feature has a corner" if n == 1 else f"{n} more features have corners"
