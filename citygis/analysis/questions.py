"""
The questions there are: their names on the command line, the layers they need, and what they ask for.
"""

import importlib
from collections.abc import Callable
from typing import Literal, NamedTuple

from citygis.analysis.answer import Answer

HOME: dict[str, str] = {
    "hearing_notice": "notice",
    "lot_split_screening": "lot_split",
    "housing_sites": "site_inventory",
    "warehouse_distances": "warehouses",
    "acreage_by": "acreage",
    "easement_encroachments": "encroachments",
    "impervious_share": "impervious",
    "right_of_way_widths": "street_widths",
    "surface_areas": "surfaces",
    "vacant_land": "vacancy",
    "hydrant_coverage": "hydrants",
    "response_areas": "response",
    "hot_spots": "incident_hot_spots",
    "park_walk": "walking",
    "school_routes": "safe_routes",
    "annexation_package": "annexation",
    "district_balance": "council_districts",
    "address_check": "discrepancies",
    "meters_check": "meters",
    "join_by_apn": "apn_join",
    "join_by_address": "address_join",
    "geocode": "geocoder",
    "assessment_roll": "assessment",
    "impact_fees": "permit_fees",
    "flood_exposure": "flood",
}
"""The module of each question's function. A module tells its questions as ``QUESTIONS``."""


class Parameter(NamedTuple):
    """
    Something a question asks for by keyword.

    Parameters
    ----------
    name : str
        The keyword; on the command line ``--name``, with ``-`` for ``_``.
    kind : str
        ``text``, ``number``, ``integer``, ``date``, ``flag``; ``table``, a CSV or XLSX file, given to the function as a frame of
        text; ``layer``, a file of features, given in the City's system; ``file``, a path.
    help : str
    many : bool
        Given several times, as a list.
    required : bool
    option : str
        The command line's name for it, where it is another than the keyword's.
    """

    name: str
    kind: Literal["text", "number", "integer", "date", "flag", "table", "layer", "file"]
    help: str
    many: bool = False
    required: bool = False
    option: str = ""


class Question(NamedTuple):
    """
    A question.

    Parameters
    ----------
    name : str
        On the command line.
    department : str
        Who asks it.
    summary : str
        One sentence.
    answer : callable
        The function: layers first, by the names of `layers` and `optional`, the rest by keyword.
    layers : tuple of str
        City layers it needs; its function's positional parameters in their order.
    optional : dict of str to str
        City layers it uses when they are there, by the keyword it takes each under.
    parameters : tuple of Parameter
    """

    name: str
    department: str
    summary: str
    answer: Callable[..., Answer]
    layers: tuple[str, ...]
    optional: dict[str, str] = {}
    parameters: tuple[Parameter, ...] = ()


def questions() -> dict[str, Question]:
    """Every question by its name, in the order they are listed."""
    modules = [importlib.import_module(f"citygis.analysis.{module}") for module in dict.fromkeys(HOME.values())]
    return {each.name: each for module in modules for each in module.QUESTIONS}
