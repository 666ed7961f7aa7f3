"""
Layers in metres: they are worked on in feet, and handed back in metres without a vertex that was left alone being another.
"""

from collections.abc import Mapping

import numpy as np
import shapely

from citygis.repairs.grounds import Ground
from citygis.units import METRE, US_SURVEY_FOOT

FEET_PER_METRE = float(METRE) / float(US_SURVEY_FOOT)
"""US survey feet: 3937 / 1200."""


def drawn_in_metres(
    grounds: Mapping[str, Ground], sent: Mapping[str, np.ndarray], shapes: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """
    Shapes in metres.

    Parameters
    ----------
    grounds : mapping of name to Ground
        In feet.
    sent : mapping of name to array
        The geometry of each layer as sent, in metres.
    shapes : mapping of name to array of geometries
        In feet: features of `grounds` that were changed.

    Returns
    -------
    dict of name to array
        A vertex that stands where some vertex stood before has the very coordinates which that one was sent with; any other is
        scaled.
    """
    together = np.concatenate([np.empty(0, dtype=object), *shapes.values()])
    feet, metres = [np.empty((0, 2))], [np.empty((0, 2))]
    for name, ground in grounds.items():
        near = ground.near(together)
        feet.append(shapely.get_coordinates(ground.about.geometry[near]))
        metres.append(shapely.get_coordinates(sent[name][near]))
    known, at = np.unique(_one(np.concatenate(feet)), return_index=True)
    as_sent = np.concatenate(metres)[at]

    def drawn(coordinates: np.ndarray) -> np.ndarray:
        wanted = _one(coordinates)
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where((known[place] == wanted)[:, None], as_sent[place], coordinates / FEET_PER_METRE)

    return {name: shapely.transform(each, drawn) for name, each in shapes.items()}


def _one(coordinates: np.ndarray) -> np.ndarray:
    """Easting and northing as one complex number."""
    return np.ascontiguousarray(coordinates).view(np.complex128).ravel()
