"""
What unit a LandXML file is in, settled or left open with its cost.

``linearUnit="foot"`` is written for both feet. Within a lot the two are the same; at State Plane coordinates they are 13 ft apart.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pyproj import CRS

from citygis.cogo import document_foot
from citygis.errors import CRSError, ReadError
from citygis.readers.landxml_document import FEET_PER_METRE, LINEAR, Document
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, Unit, unit_of

FOOT_DIFFERENCE = float(1 - INTERNATIONAL_FOOT.metres / US_SURVEY_FOOT.metres)
"""What a coordinate changes by, as a share of it, when one foot is taken for the other: 2 parts per million."""


class SettledUnit(NamedTuple):
    """
    The unit of a file: null where it is one of the two feet and nothing tells which. ``evidence`` says what told; ``cost_ft`` is
    how far the farthest point moves if the wrong foot is taken.
    """

    unit: Unit | None
    evidence: str
    cost_ft: float

    @property
    def feet(self) -> float:
        """Feet in one unit: the file's own foot, or US survey feet of a metre."""
        return FEET_PER_METRE if self.unit is METRE else 1.0


def settled_unit(document: Document, values: Sequence[float], given: Unit | None, crs: CRS | None) -> SettledUnit:
    """
    The unit of a document.

    Parameters
    ----------
    document : Document
    values : sequence of float
        All its coordinates, as written.
    given : Unit, optional
        What the sender says.
    crs : CRS, optional
        The system the coordinates are said to be in.

    Raises
    ------
    CRSError
        If no unit is stated anywhere, or the file's, the given and the system's unit are not the same.
    ReadError
        If the file's unit is one that is not read.
    """
    said = document.units.linear
    if said is not None and said not in LINEAR:
        raise ReadError(f"{document.name} is in {said!r}, which is not read. Ask for it in {', '.join(LINEAR)}.")
    if said is None and given is None:
        raise CRSError(f"{document.name} does not say its unit. Ask the sender, then state it with unit=. citygis never guesses.")
    system = unit_of(crs) if crs is not None and crs.is_projected else None
    fits = {None: (given,), "meter": (METRE,), "USSurveyFoot": (US_SURVEY_FOOT,), "foot": (US_SURVEY_FOOT, INTERNATIONAL_FOOT)}[
        said
    ]
    for unit, who in ((given, "unit="), (system, crs.name if crs is not None else "")):
        if unit is not None and unit not in fits:
            raise CRSError(
                f"{document.name} says it is in {said or fits[0].name}, but {who} says {unit.name}. Ask the sender which is true."
            )
    cost = max(map(abs, values), default=0.0) * FOOT_DIFFERENCE if METRE not in fits else 0.0
    shown = document_foot(values) if METRE not in fits else None
    taken = given or system or (fits[0] if len(fits) == 1 else None)
    if taken is not None:
        who = "stated by the caller" if given else "of its coordinate system" if system else "stated by the file"
        if shown is not None and shown is not taken:
            who += f", though its round coordinates are round in the {shown.name}"
        return SettledUnit(taken, who, cost if "though" in who else 0.0)
    if shown is not None:
        return SettledUnit(shown, "a coordinate is a round number of metres in it, and not in the other foot", 0.0)
    return SettledUnit(None, "the file says foot and nothing tells which", cost)
