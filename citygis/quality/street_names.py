"""
Names of streets, so that those of addresses and of centrelines can be compared.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.quality.columns import texts

PARTS = ("St_PreMod", "St_PreDir", "St_PreTyp", "St_PreSep", "St_Name", "St_PosTyp", "St_PosDir", "St_PosMod")
"""The elements of a street name in the order they are said (NENA-STA-004.1, United States Civic Location Data Exchange Format)."""

_DIRECTIONS = {
    "N": "NORTH",
    "S": "SOUTH",
    "E": "EAST",
    "W": "WEST",
    "NE": "NORTHEAST",
    "NW": "NORTHWEST",
    "SE": "SOUTHEAST",
    "SW": "SOUTHWEST",
}
# The street types that are met most often, as USPS Publication 28, appendix C1, shortens them; a few other common ways too.
_TYPES = {
    "ALY": "ALLEY",
    "AV": "AVENUE",
    "AVE": "AVENUE",
    "BLVD": "BOULEVARD",
    "CIR": "CIRCLE",
    "CMN": "COMMON",
    "COR": "CORNER",
    "CRES": "CRESCENT",
    "CT": "COURT",
    "CTR": "CENTER",
    "CV": "COVE",
    "DR": "DRIVE",
    "EXPY": "EXPRESSWAY",
    "EXT": "EXTENSION",
    "FWY": "FREEWAY",
    "GDNS": "GARDENS",
    "GLN": "GLEN",
    "GRN": "GREEN",
    "HTS": "HEIGHTS",
    "HWY": "HIGHWAY",
    "LN": "LANE",
    "LNDG": "LANDING",
    "LP": "LOOP",
    "MDWS": "MEADOWS",
    "PKWY": "PARKWAY",
    "PL": "PLACE",
    "PLZ": "PLAZA",
    "PT": "POINT",
    "RD": "ROAD",
    "RDG": "RIDGE",
    "SQ": "SQUARE",
    "ST": "STREET",
    "STA": "STATION",
    "TER": "TERRACE",
    "TRCE": "TRACE",
    "TRL": "TRAIL",
    "VLY": "VALLEY",
    "VW": "VIEW",
    "XING": "CROSSING",
}
_WORDS = _DIRECTIONS | _TYPES


class StreetNames(NamedTuple):
    """
    The streets that the rows of a layer name.

    Attributes
    ----------
    full : (n,) array of str
        All elements, in capitals and written out; empty where there is no name.
    base : (n,) array of str
        ``St_Name`` alone, in the same way.
    said : (n,) array of str
        All elements as they stand, for a message.
    """

    full: np.ndarray
    base: np.ndarray
    said: np.ndarray


def street_names(frame: pd.DataFrame) -> StreetNames:
    """
    The street of each row of an address or centreline layer.

    Parameters
    ----------
    frame : DataFrame
        With any of `PARTS`; without ``St_Name`` no row has a name.

    Notes
    -----
    Directions and types are written out (``N`` is ``NORTH``, ``ST`` is ``STREET``: USPS Publication 28, appendices B and C1), dots
    and doubled blanks dropped, so that only what differs on the ground differs here. A layer with the whole name in ``St_Name``
    compares equal in full with one that holds its elements.
    """
    names = texts(frame, "St_Name")
    held = [texts(frame, part) for part in PARTS if part in frame]
    joined = [" ".join(filter(None, each)) for each in zip(*held, strict=True)] if held else [""] * len(frame)
    said = np.where(names == "", "", np.array(joined, dtype=object)).astype(object)
    return StreetNames(_written_out(said), _written_out(names), said)


def _written_out(values: np.ndarray) -> np.ndarray:
    known = {each: _spelt(each) for each in pd.unique(pd.Series(values, dtype=object))}
    return np.array([known[each] for each in values], dtype=object)


def _spelt(name: str) -> str:
    return " ".join(_WORDS.get(word, word) for word in name.upper().replace(".", " ").split())
