"""
The plan of Riverbend in local feet, before it is laid on the ground.

Four quarter sections between arterials half a mile apart, as the Central Valley is laid out, and a river along the west.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from citygis.samples.drafting import Curve, Line
from citygis.samples.lots import Site, Width
from citygis.samples.names import street_names
from citygis.samples.quarters import EAST, HALF_MILE_FT, NORTH, TractPlan, almond_grove, canal_quarter, heron_landing, old_town
from citygis.samples.streets import Street, path_from


class Plan(NamedTuple):
    """What is drawn: streets in order of rank, rear lines, the river bank, sites kept whole, lot widths, recorded maps."""

    streets: tuple[Street, ...]
    rear_lines: tuple[Curve, ...]
    banks: tuple[Curve, ...]
    sites: tuple[Site, ...]
    widths: tuple[Width, ...]
    tracts: tuple[TractPlan, ...]


def plan(rng: np.random.Generator) -> Plan:
    """
    The plan of the city.

    Parameters
    ----------
    rng : Generator
        Names the streets and chooses the widths of the old town's lots.
    """
    names = street_names(rng)
    far = 2 * HALF_MILE_FT
    streets = [
        Street("Orchard Avenue", "arterial", path_from(HALF_MILE_FT - 60j, NORTH, far + 120), 50),
        Street("Harvest Boulevard", "arterial", path_from(HALF_MILE_FT * 1j, EAST, far + 60), 50),
        Street("Alder Road", "arterial", path_from(0j, EAST, far + 60), 42),
        Street("Granary Road", "arterial", path_from(far * 1j, EAST, far + 60), 42),
        Street("Meridian Road", "arterial", path_from(far - 60j, NORTH, far + 120), 42),
        Street("Levee Road", "collector", path_from(-60j, NORTH, far + 120), 33),
    ]
    quarters = [draw(names, rng) for draw in (old_town, heron_landing, almond_grove, canal_quarter)]
    return Plan(
        streets=(*streets, *(street for quarter in quarters for street in quarter.streets)),
        rear_lines=(*_river_partings(), *(line for quarter in quarters for line in quarter.rear_lines)),
        banks=tuple(Line(a, b) for a, b in itertools.pairwise(_bank_points())),
        sites=tuple(site for quarter in quarters for site in quarter.sites),
        widths=tuple(width for quarter in quarters for width in quarter.widths),
        tracts=tuple(tract for quarter in quarters for tract in quarter.tracts),
    )


def _bank_points() -> list[complex]:
    """The natural bank west of Levee Road, from south to north."""
    ordinates = np.linspace(-42, 2 * HALF_MILE_FT + 42, 61)
    return [complex(-330 + 90 * math.sin(n / 700) + 40 * math.sin(n / 190), n) for n in ordinates]


def _river_partings() -> list[Curve]:
    """The lines between the road and the bank that close and part the river lands."""
    bank = _bank_points()
    return [Line(bank[k], complex(-33.0, bank[k].imag)) for k in (0, 14, 30, 45, 60)]
