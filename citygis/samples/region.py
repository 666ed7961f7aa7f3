"""
The sample city at any size, for benchmarks: districts, each a Riverbend of its own, side by side and streamed to disk.

A few cities are drawn and then laid down again and again, moved by whole feet so that vertices stay shared bit for bit, and
renumbered so that no parcel number, tract or right of way comes twice.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.gpkg import write_geopackage
from citygis.samples.county import write_county_file
from citygis.samples.deliveries import CITY_BASE, COUNTY_Q3, county_bed, in_file
from citygis.samples.layers import CITY_CRS
from citygis.samples.riverbend import riverbend
from citygis.samples.truth import Defect
from citygis.schema import feature_ids, geom_hashes, schema

PATTERNS = 4
"""How many cities are drawn; further districts repeat them."""
PITCH_FT = 7000.0
"""From one district to the next."""
MOST_DISTRICTS = 999
"""One assessor's book each, of three digits."""


class District(NamedTuple):
    """One district: the county's table (feet, defects planted), rows that lost a sign, defects, tracts, rights of way."""

    table: gpd.GeoDataFrame
    sign_lost: list[int]
    defects: list[Defect]
    tract: gpd.GeoDataFrame
    right_of_way: gpd.GeoDataFrame


def districts(parcels: int, *, seed: int, defects: bool = True) -> Iterator[District]:
    """
    Districts until there are `parcels` parcels; the last one is whole, so a few more come.

    Parameters
    ----------
    parcels : int
    seed : int
    defects : bool
        Whether each district has the defects of the county's delivery.

    Raises
    ------
    ValueError
        If there would be more districts than assessor's books.
    """
    patterns: list[_Pattern] = []
    columns = max(1, math.ceil(math.sqrt(parcels / 2050)))
    number = made = 0
    while made < parcels:
        if number == MOST_DISTRICTS:
            raise ValueError(
                f"Invalid number of parcels {parcels:,}. Must be at most about {made:,}: the county has no more books."
            )
        if number < PATTERNS:
            patterns.append(_pattern(seed + number, defects))
        shift = np.array([number % columns, number // columns]) * PITCH_FT
        district = _laid_down(patterns[number % PATTERNS], number, shift, made)
        made += len(district.table)
        number += 1
        yield district


def write_districts(folder: Path, parcels: int, *, seed: int, defects: bool = True) -> dict[str, int]:
    """
    The county's file, the City's tracts and rights of way, and the truth of the defects, for a city of any size.

    Returns
    -------
    dict of str to int
        Rows of ``parcel``, ``tract`` and ``right_of_way``, and ``defects``.
    """
    (folder / "deliveries").mkdir(parents=True, exist_ok=True)
    (folder / "city").mkdir(parents=True, exist_ok=True)
    tracts, ways, truth = [], [], []

    def tables() -> Iterator[gpd.GeoDataFrame]:
        for district in districts(parcels, seed=seed, defects=defects):
            tracts.append(district.tract)
            ways.append(district.right_of_way)
            truth.extend(district.defects)
            yield in_file(district.table, district.sign_lost)

    rows = write_county_file(folder / "deliveries" / COUNTY_Q3, tables())
    layers = {"tract": pd.concat(tracts, ignore_index=True), "right_of_way": pd.concat(ways, ignore_index=True)}
    tracts.clear()
    ways.clear()
    write_geopackage(folder / "city" / CITY_BASE, layers, schema=schema(), overwrite=True)
    text = json.dumps({"defects": truth, "changes": []}, indent=1) + "\n"
    (folder / "deliveries" / "truth.json").write_text(text, encoding="utf-8", newline="\n")
    return {"parcel": rows, "tract": len(layers["tract"]), "right_of_way": len(layers["right_of_way"]), "defects": len(truth)}


class _Pattern(NamedTuple):
    """What is kept of a city that is laid down again and again: its county table and its own layers."""

    table: gpd.GeoDataFrame
    sign_lost: list[int]
    defects: list[Defect]
    tract: gpd.GeoDataFrame
    right_of_way: gpd.GeoDataFrame


def _pattern(seed: int, defects: bool) -> _Pattern:
    city = riverbend(seed=seed)
    bed = county_bed(city, COUNTY_Q3, seed=seed, defects=defects)
    return _Pattern(bed.planted(), bed.sign_lost, bed.truth, city.layers["tract"], city.layers["right_of_way"])


def _laid_down(pattern: _Pattern, number: int, shift: np.ndarray, rows_before: int) -> District:
    table = pattern.table.copy()
    numbers = _Numbers(table["AIN"], number)
    table["AIN"] = numbers.new(table["AIN"])
    tract_no = {old: f"{number + 1:03d}.{k + 1}" for k, old in enumerate(pattern.tract["tract_no"])}
    table["TRACT"] = table["TRACT"].map(lambda old: tract_no.get(old, old), na_action="ignore").astype("str")
    table["CONDO_ID"] = table["CONDO_ID"] + f"-{number + 1:03d}"
    table = table.set_geometry(_moved(table.geometry.to_numpy(), shift), crs=CITY_CRS)
    defects = [
        defect
        | {
            "key": numbers.new_key(defect["key"]),
            "other": numbers.new_key(defect["other"]),
            "row": defect["row"] + rows_before,
            "where": [round(w + s, 2) for w, s in zip(defect["where"], shift, strict=True)],
        }
        for defect in pattern.defects
    ]
    tract = _renamed(pattern.tract, "tract", shift, tract_no=list(tract_no.values()))
    ways = [f"RW-{number + 1:03d}-{old[3:]}" for old in pattern.right_of_way["row_id"]]
    return District(table, pattern.sign_lost, defects, tract, _renamed(pattern.right_of_way, "right_of_way", shift, row_id=ways))


class _Numbers:
    """The parcel numbers of a district: one book, its pages in the order of the pages they come from."""

    def __init__(self, sent: pd.Series, district: int) -> None:
        pages = sorted(sent[sent.str.fullmatch(r"\d{12}").fillna(False)].str[:6].unique())
        self._page = {page: f"{district + 1:03d}{10 * k + 10:03d}" for k, page in enumerate(pages)}

    def new(self, sent: pd.Series) -> pd.Series:
        """Numbers as sent; what is no number stays as it is."""
        page = sent.str[:6].map(self._page)
        return (page + sent.str[6:]).where(page.notna(), sent)

    def new_key(self, apn: str | None) -> str | None:
        """One number run together."""
        return apn and self._page.get(apn[:6], apn[:6]) + apn[6:]


def _renamed(layer: gpd.GeoDataFrame, name: str, shift: np.ndarray, **keys: list[str]) -> gpd.GeoDataFrame:
    """A layer moved, with new keys and what follows from place and key."""
    layer = layer.set_geometry(_moved(layer.geometry.to_numpy(), shift), crs=CITY_CRS)
    for column, values in keys.items():
        layer[column] = pd.Series(values, index=layer.index, dtype="str")
        layer["global_id"] = pd.Series(feature_ids(name, layer[column]), dtype="str")
    layer["geom_hash"] = pd.Series(geom_hashes(layer.geometry.to_numpy()), dtype="str")
    return layer


def _moved(geometry: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return shapely.transform(geometry, lambda en: np.round(en + shift, 4))
