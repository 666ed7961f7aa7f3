"""A new tract into the City's fabric: its map in any form, placed, laid to its neighbours, its parents retired."""

from citygis.tracts.fitting import Placement, place_plat
from citygis.tracts.neighbours import Meeting, displacement_counts, fabric_around, meet_neighbours
from citygis.tracts.parents import Parents, parents_of
from citygis.tracts.plat import Plat
from citygis.tracts.sources import read_plat
from citygis.tracts.ties import TieFit, fit_ties, read_ties
from citygis.tracts.work import HELD, SNAP_FT, TractWork, tract_work

__all__ = [
    "HELD",
    "SNAP_FT",
    "Meeting",
    "Parents",
    "Placement",
    "Plat",
    "TieFit",
    "TractWork",
    "displacement_counts",
    "fabric_around",
    "fit_ties",
    "meet_neighbours",
    "parents_of",
    "place_plat",
    "read_plat",
    "read_ties",
    "tract_work",
]
