"""
citygis: the open toolkit that a City's GIS office runs on.

::

    import citygis as cg

    city     = cg.open_city("riverbend/")
    cg.inspect("county_parcels.zip")
    raw      = cg.read("county_parcels.zip")
    parcels  = cg.convert(raw, "parcel", crosswalk="county_assessor", city=city)    # .layer .quarantine .coverage
    findings = cg.validate({"parcel": parcels.layer}, city=city)
    with cg.store(city) as db:
        db.load({"parcel": parcels.layer}, source="county_parcels.zip")
    cg.draw(cg.Sheet.from_file("sheets/parcel_map.toml"), {"parcel": parcels.layer}, city=city).save("map.pdf")

Importing this package does nothing else: each name below is fetched when it is first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from citygis import analysis as analysis
    from citygis import convert, store
    from citygis import sync as sync
    from citygis.captures import field_work
    from citygis.changes import compare
    from citygis.city import City, default_city, open_city
    from citygis.convert import draft_crosswalk
    from citygis.quality import validate
    from citygis.readers import inspect, read
    from citygis.readers.deed import describe, read_deed
    from citygis.repairs import repair
    from citygis.sheets import Sheet, draw

__version__ = "0.1.0"

_HOME = {
    "City": "citygis.city",
    "Sheet": "citygis.sheets",
    "compare": "citygis.changes",
    "default_city": "citygis.city",
    "describe": "citygis.readers.deed",
    "draft_crosswalk": "citygis.convert",
    "draw": "citygis.sheets",
    "field_work": "citygis.captures",
    "inspect": "citygis.readers",
    "open_city": "citygis.city",
    "read": "citygis.readers",
    "read_deed": "citygis.readers.deed",
    "repair": "citygis.repairs",
    "validate": "citygis.quality",
}
# Packages that are also what they do: cg.convert(raw, ...) and cg.store(city) call the function of the same name inside.
_CALLABLE_PACKAGES = ("convert", "store")

# Packages with a door of their own: cg.sync.plan(local, remote, base).
_PACKAGES = ("analysis", "sync")

__all__ = [
    "City",
    "Sheet",
    "compare",
    "convert",
    "default_city",
    "describe",
    "draft_crosswalk",
    "draw",
    "field_work",
    "inspect",
    "open_city",
    "read",
    "read_deed",
    "repair",
    "store",
    "validate",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _CALLABLE_PACKAGES or name in _PACKAGES:
        return importlib.import_module(f"citygis.{name}")
    raise AttributeError(f"module 'citygis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
