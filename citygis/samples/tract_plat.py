"""
Tract No. 3999 as its map says it: a table of lines and curves, and for each lot the list of its courses.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from citygis.publish import publish_text
from citygis.samples.survey import bearing, dms
from citygis.samples.tract_plan import TRACT_NO, Figure, Side, Tract, steps_of, turn_of

PLAT_TABLE, PLAT_LOTS = "tract_3999_lines_curves.csv", "tract_3999_lots.txt"
PLAT_TEXT, PLAT_TIES = "tract_3999_plat.txt", "tract_3999_ties.csv"

_BEGINS = "M-01333"
"""The City's corner at the south-east of the tract."""


def write_plat(folder: Path, land: Tract) -> dict:
    """
    The tables of the map as CSV, the lists of the lots as text, both in one text, and ties of its corners to the City's.

    Bearings and angles are rounded to the second, lengths to a thousandth of a foot. The first list is the tract itself, which
    begins at the corner that is the City's south-east monument; the text of both has the lots only.

    Returns
    -------
    dict
        ``lines``, ``curves``, ``lists``, ``ties``: how many; ``begins``: the City's number of the corner where the tract's list
        begins.
    """
    numbers: dict[tuple[int, int], str] = {}
    rows = {"L": ["Line #,Bearing,Distance"], "C": ["Curve #,Radius,Delta,Arc Length,Chord Bearing,Chord"]}
    for side in land.sides:
        kind = "C" if side.radius_ft else "L"
        name = f"{kind}{len(rows[kind])}"
        numbers[side.start, side.end] = name
        rows[kind].append(f"{name},{_stated(side, land)}")
    table = "\n".join([*rows["L"], "", *rows["C"]]) + "\n"
    first = land.on_record.index(_BEGINS)
    whole = f"Tract {TRACT_NO}: {_list(land.boundary, numbers, first)}"
    lists = [f"Lot {lot.name}: {_list(lot, numbers, lot.corners[0])}" for lot in land.lots]
    # Without the street, nothing would say where the lots inside its loop lie.
    lists.append(f"Streets: {_list(land.street, numbers, land.street.corners[0])}")
    ties = [f"{lot.name}/{lot.corners.index(land.on_record.index(name)) + 1},{name}" for lot, name in _tied(land)]
    publish_text(folder / PLAT_TABLE, table, overwrite=True)
    publish_text(folder / PLAT_LOTS, "\n".join([whole, *lists]) + "\n", overwrite=True)
    publish_text(folder / PLAT_TEXT, table + "\n" + "\n".join(lists) + "\n", overwrite=True)
    publish_text(folder / PLAT_TIES, "\n".join(["name,control", *ties]) + "\n", overwrite=True)
    counts = {"lines": len(rows["L"]) - 1, "curves": len(rows["C"]) - 1, "lists": len(lists) + 1}
    return {**counts, "begins": _BEGINS, "ties": len(ties)}


def _tied(land: Tract) -> Iterator[tuple[Figure, str]]:
    """Outer corners that the City has on record, each with the lot that it is named by."""
    for name in sorted(filter(None, land.on_record)):
        yield next(lot for lot in land.lots if land.on_record.index(name) in lot.corners), name


def _stated(side: Side, land: Tract) -> str:
    start, end = land.corners[side.start], land.corners[side.end]
    azimuth = math.degrees(math.atan2(*(end - start))) % 360
    chord = math.dist(start, end)
    if not side.radius_ft:
        return f"{_quoted(bearing(azimuth))},{chord:.3f}"
    turned = abs(turn_of(start, end, side.radius_ft))
    radius = abs(side.radius_ft)
    return f"{radius:.3f},{_quoted(dms(math.degrees(turned)))},{radius * turned:.3f},{_quoted(bearing(azimuth))},{chord:.3f}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _list(figure: Figure, numbers: dict[tuple[int, int], str], first: int) -> str:
    steps = list(steps_of(figure))
    at = next(k for k, (a, _, _) in enumerate(steps) if a == first)
    told = []
    for a, b, radius in steps[at:] + steps[:at]:
        sign, name = ("", numbers[a, b]) if (a, b) in numbers else ("-", numbers[b, a])
        told.append(f"{sign}{name}" + (f" {'R' if radius > 0 else 'L'}" if radius else ""))
    return ", ".join(told)
