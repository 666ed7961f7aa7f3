"""Defects planted in the county's parcels, each alone in its own block, and written down where they are."""

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.samples.edits import Side, backs, crossed_corner, cut_corner, joined, moved_side, plain_sides
from citygis.samples.riverbend import Riverbend
from citygis.samples.truth import Defect, defect

LONG_SITUS = "BEHIND THE OLD PACKING SHED, NORTH OF THE CANAL BRIDGE, "
"""Put before a situs address, it no longer fits the City's 80 characters."""


class Bed:
    """The county's table while defects are planted: blocks are used once, extra rows are kept until the end."""

    def __init__(self, city: Riverbend, table: gpd.GeoDataFrame, delivery: str, rng: np.random.Generator) -> None:
        self.city, self.delivery = city, delivery
        self.table = table.copy()
        self.extra: list[pd.Series] = []
        self.truth: list[Defect] = []
        self.used: set[int] = set()
        self.sign_lost: list[int] = []
        self._sides, self._backs = ([sides[k] for k in rng.permutation(len(sides))] for sides in (plain_sides(city), backs(city)))

    def take(self, *, back: bool = False) -> Side:
        """A side line (or a rear line on an arterial) in a block that has not been used."""
        for side in self._backs if back else self._sides:
            if side.block not in self.used:
                self.used.add(side.block)
                return side
        raise ValueError("The city has no block left. Must plant fewer defects, or draw a larger city.")

    def lot(self, row: int) -> shapely.Polygon:
        """A parcel's polygon in feet."""
        return self.city.layers["parcel"].geometry.iloc[row]

    def apn(self, row: int) -> str:
        """A parcel's number, run together."""
        return self.city.layers["parcel"]["apn"].iloc[row]

    def set(self, row: int, column: str, value: Any) -> None:
        """One value of the table."""
        self.table.iloc[row, self.table.columns.get_loc(column)] = value

    def add(self, row: int, geometry: shapely.Polygon, apn: str, **values: Any) -> int:
        """An extra row, like `row` but for what is given; its position in the file."""
        record = self.table.iloc[row].copy()
        record["AIN"], record["geometry"] = f"{apn}0000", geometry
        for name, value in values.items():
            record[name] = value
        self.extra.append(record)
        return len(self.table) + len(self.extra) - 1

    def unused_apn(self, row: int) -> str:
        """A number on a page that the book does not have."""
        return f"{self.apn(row)[:3]}990{len(self.extra) + 1:02d}"

    def note(self, kind: str, code: str, row: int, where: shapely.Geometry, **more: Any) -> None:
        """Write a defect down; `row` is the position in the file."""
        key = self.apn(row) if row < len(self.table) else None
        self.truth.append(defect(self.delivery, "parcel", kind, code, row, where, **{"key": key, **more}))

    def planted(self) -> gpd.GeoDataFrame:
        """A copy of the table with the extra rows at its end."""
        if not self.extra:
            return self.table.copy()
        extra = pd.DataFrame(self.extra).astype(self.table.drop(columns="geometry").dtypes.to_dict())
        extra = gpd.GeoDataFrame(extra, geometry="geometry", crs=self.table.crs)
        return pd.concat([self.table, extra], ignore_index=True)


def plant(bed: Bed) -> None:
    """All kinds of defects a county parcel file is known for."""
    for width_ft in (0.05, 0.5, 5.0):
        _overlap(bed, width_ft)
    for width_ft in (0.1, 1.0):
        _gap(bed, width_ft)
    for sow in (_bowtie, _duplicate_apn, _undeclared_stack, _unretired_parent, _tiny, _out_of_tract):
        sow(bed)
    _value(bed, "apn_free_text", "C03", "AIN", lambda _: "SEE MAP BOOK", also=["T02"])
    _value(bed, "apn_missing", "C05", "AIN", lambda _: None, also=["T02"])
    _value(bed, "unknown_code", "C01", "PARTYPE", lambda _: "77", also=["T02"])
    _value(bed, "text_too_long", "C04", "SITUS_ADDR", lambda text: LONG_SITUS + LONG_SITUS + text, also=["T02"])
    _value(bed, "tra_not_six_digits", "A05", "TRA", lambda text: text[2:])
    _value(bed, "tract_not_there", "A08", "TRACT", lambda _: "9999")
    _null_geometry(bed)
    _far_away(bed)


def _overlap(bed: Bed, width_ft: float) -> None:
    side = bed.take()
    moved = moved_side(bed.lot(side.row), side, width_ft)
    bed.set(side.row, "geometry", moved)
    where = shapely.intersection(moved, bed.lot(side.other))
    bed.note("overlap", "T01", side.row, where, other=bed.apn(side.other), size=width_ft, unit="ft", also=["T22"])


def _gap(bed: Bed, width_ft: float) -> None:
    side = bed.take()
    moved = moved_side(bed.lot(side.row), side, -width_ft)
    bed.set(side.row, "geometry", moved)
    bed.note("gap", "T02", side.row, shapely.difference(bed.lot(side.row), moved), size=width_ft, unit="ft", also=["T22"])


def _bowtie(bed: Bed) -> None:
    side = bed.take()
    bed.set(side.row, "geometry", crossed_corner(bed.lot(side.row), side.start, 4.0))
    bed.note("bowtie", "G03", side.row, shapely.Point(side.start), also=["T02", "T22"])


def _null_geometry(bed: Bed) -> None:
    side = bed.take()
    bed.set(side.row, "geometry", None)
    bed.note("null_geometry", "C06", side.row, bed.lot(side.row), also=["T02"])


def _duplicate_apn(bed: Bed) -> None:
    side = bed.take()
    bed.set(side.row, "AIN", f"{bed.apn(side.other)}0000")
    bed.note("duplicate_apn", "A06", side.row, bed.lot(side.row), key=bed.apn(side.other), other=bed.apn(side.other))


def _undeclared_stack(bed: Bed) -> None:
    side = bed.take()
    apn = bed.unused_apn(side.row)
    row = bed.add(side.row, bed.lot(side.row), apn, LOT="1A")
    bed.note("undeclared_stack", "G04", row, bed.lot(side.row), key=apn, other=bed.apn(side.row), also=["T01"])


def _unretired_parent(bed: Bed) -> None:
    side = bed.take()
    parent = joined(bed.lot(side.row), bed.lot(side.other))
    apn = bed.unused_apn(side.row)
    row = bed.add(side.row, parent, apn, ACRES=round(parent.area / 43_560, 3))
    for child in (side.row, side.other):
        size = round(bed.lot(child).area, 1)
        bed.note("unretired_parent", "T01", row, bed.lot(child), key=apn, other=bed.apn(child), size=size, unit="sq ft")


def _tiny(bed: Bed) -> None:
    side = bed.take()
    rest, corner = cut_corner(bed.lot(side.row), side.start, 4.0)
    bed.set(side.row, "geometry", rest)
    apn = bed.unused_apn(side.row)
    row = bed.add(side.row, corner, apn, ACRES=0.0)
    bed.note("tiny", "G05", row, corner, key=apn, size=round(corner.area, 2), unit="sq ft", also=["T22", "T32"])


def _out_of_tract(bed: Bed) -> None:
    side = bed.take(back=True)
    moved = moved_side(bed.lot(side.row), side, 3.0)
    bed.set(side.row, "geometry", moved)
    bed.note(
        "out_of_tract", "T07", side.row, shapely.difference(moved, bed.lot(side.row)), size=3.0, unit="ft", also=["T10", "T22"]
    )


def _far_away(bed: Bed) -> None:
    """The longitude without its minus sign, as in a file that left a spreadsheet; done when the file is put in degrees."""
    side = bed.take()
    bed.sign_lost.append(side.row)
    bed.note("longitude_sign_lost", "G06", side.row, bed.lot(side.row), also=["T02", "T07"])


def _value(bed: Bed, kind: str, code: str, column: str, change: Callable[[str], str | None], **more: Any) -> None:
    side = bed.take()
    value = change(bed.table[column].iloc[side.row])
    bed.set(side.row, column, value)
    bed.note(kind, code, side.row, bed.lot(side.row), field=column, value=value, **more)
