"""
Which columns of a layer are the City's to say, so that no delivery overwrites them: ``city_owned.toml``, and a City's own.
"""

from functools import cache
from importlib import resources
from typing import NamedTuple

from citygis.city import City
from citygis.settings import Settings, load


class Owned(NamedTuple):
    """
    The City's columns of a layer.

    ``columns`` are never taken from a delivery. ``inherited`` ones, some of them, pass to the features that a feature becomes.
    """

    columns: frozenset[str]
    inherited: frozenset[str]


def city_owned(layer: str, city: City) -> Owned:
    """
    The columns of a layer that no delivery may change.

    Parameters
    ----------
    layer : str
    city : City
        What its ``city_owned`` says of the layer stands instead of the packaged list; what passes to children stays as packaged.
    """
    packaged = _packaged()
    said = packaged.layers.get(layer, _Columns())
    columns = frozenset(city.city_owned.get(layer, (*packaged.every_layer.columns, *said.columns)))
    return Owned(columns, columns & frozenset(said.inherited))


class _Columns(Settings):
    columns: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()


class _Ownership(Settings):
    every_layer: _Columns
    layers: dict[str, _Columns]


@cache
def _packaged() -> _Ownership:
    with resources.as_file(resources.files("citygis.changes") / "city_owned.toml") as path:
        return load(path, _Ownership)
