"""
What a person should know of a conversion, as findings: how the frame was reached, what was dropped, what nobody reads.

Codes: C00 crosswalk_drafted, C01 to C07 rows quarantined (a count; the quarantine holds the rows), C08 columns_unused,
C09 source_unknown, C10 time_of_day_dropped, C11 heights_dropped, D01 frame_stated_by_draft, D02 frame_same_by_statement,
D03 outside_area_of_use, R02 curve_linearised, R04 value_lost.
"""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from citygis.city import City
from citygis.convert.crosswalk import DRAFT, Crosswalk
from citygis.convert.fields import Filled, Problem
from citygis.convert.place import Placed
from citygis.findings import findings_frame, join_findings
from citygis.geodesy import Lineage, grid_scale_factor
from citygis.schema import Layer

QUARANTINE_RULES = {
    "C01": "value_not_in_domain",
    "C02": "cast_failed",
    "C03": "apn_not_recognised",
    "C04": "text_too_long",
    "C05": "required_missing",
    "C06": "geometry_unusable",
    "C07": "wrong_geometry_type",
}
"""What each quarantine code is called."""


def remarks(
    made: pd.DataFrame,
    layer: Layer,
    table: pd.DataFrame,
    walk: Crosswalk,
    lineage: Lineage | None,
    filled: dict[str, Filled],
    placed: Placed | None,
    problems: list[Problem],
    kept: np.ndarray,
    city: City,
) -> gpd.GeoDataFrame:
    """
    The findings of a conversion.

    Returns
    -------
    GeoDataFrame
        As `citygis.findings.findings_frame`, in the City's system. What concerns the whole layer stands at its middle.
    """
    middle = _middle(made)
    rows = [
        *_drafted(walk),
        *_frame(lineage, middle, city),
        *_quarantined(problems, walk),
        *_dropped(layer, filled, placed, kept),
        *_unread(table, walk, made),
    ]
    whole = findings_frame([{"layer": layer.layer, "geometry": middle, **row} for row in rows], crs=city.crs)
    return join_findings([whole, _as_read(made, layer, table, kept, city)], crs=city.crs)


def _drafted(walk: Crosswalk) -> list[dict]:
    if not walk.is_draft:
        return []
    pairs = [f"{field} from {', '.join(rule.columns)}" for field, rule in walk.fields.items() if rule.columns]
    return [
        {
            "code": "C00",
            "rule": "crosswalk_drafted",
            "severity": "review",
            "message": f"No crosswalk was given; one was drafted from names and values: {'; '.join(pairs) or 'nothing fits'}.",
            "remedy": "Read the drafted crosswalk, correct it, put the agency's name in it, and convert again with --crosswalk.",
        }
    ]


def _frame(lineage: Lineage | None, middle: shapely.Point | None, city: City) -> list[dict]:
    if lineage is None:
        return []
    rows = []
    if lineage.statement is not None:
        drafted = (lineage.stated_by or "").strip().lower() == DRAFT
        cost = f" If it is wrong, everything lies about {lineage.cost_ft:.1f} ft off." if lineage.cost_ft else ""
        rows.append(
            {
                "code": "D01" if drafted else "D02",
                "rule": "frame_stated_by_draft" if drafted else "frame_same_by_statement",
                "severity": "error" if drafted else "info",
                "measure": lineage.cost_ft,
                "unit": "ft" if lineage.cost_ft else None,
                "message": f"No datum shift was applied: {lineage.statement.rstrip('.')} (stated by {lineage.stated_by}).{cost}"
                f" Operation: {lineage.operation}.",
                "remedy": "Ask the sender which datum the numbers are in; put the answer and a name in [frame] of the crosswalk."
                if drafted
                else "Nothing, while the statement holds.",
            }
        )
    if middle is not None and (area := city.crs.area_of_use) is not None:
        lon, lat = Transformer.from_crs(city.crs, city.crs.geodetic_crs, always_xy=True).transform(middle.x, middle.y)
        if not (area.west <= lon <= area.east and area.south <= lat <= area.north):
            scale = grid_scale_factor(city.crs, middle.x, middle.y)
            rows.append(
                {
                    "code": "D03",
                    "rule": "outside_area_of_use",
                    "severity": "review",
                    "measure": abs(scale - 1) * 1e6,
                    "unit": "ppm",
                    "message": f"The layer lies at {lon:.3f}, {lat:.3f}, outside the area that {city.crs.name} is made for"
                    f" ({area.name}); a length there is {scale:.6f} times what it is on the ground, an area {scale**2:.6f} times.",
                    "remedy": "Convert it for the City it belongs to (--city DIR), or look whether the file is the right one.",
                }
            )
    return rows


def _quarantined(problems: list[Problem], walk: Crosswalk) -> list[dict]:
    rows_of: dict[tuple[str, str], set[int]] = {}
    for problem in problems:
        rows_of.setdefault((problem.code, problem.field), set()).update(problem.rows.tolist())
    return [
        {
            "code": code,
            "rule": QUARANTINE_RULES[code],
            "severity": "info",
            "other": field,
            "measure": len(rows),
            "unit": "rows",
            "message": f"{len(rows)} {'row is' if len(rows) == 1 else 'rows are'} in the quarantine because of {field}"
            + (", which is required and which the crosswalk fills with nothing." if is_unfilled else "."),
            "remedy": f'Fill it in the crosswalk: [fields.{field}] with from = "COLUMN" or constant = "VALUE".'
            if is_unfilled
            else "Look at the quarantine: each row says what is wrong with it and what to do.",
        }
        for (code, field), rows in sorted(rows_of.items())
        for is_unfilled in [code == "C05" and field not in walk.fields]
    ]


def _dropped(layer: Layer, filled: dict[str, Filled], placed: Placed | None, kept: np.ndarray) -> list[dict]:
    rows = [
        {
            "code": "C10",
            "rule": "time_of_day_dropped",
            "severity": "review",
            "other": name,
            "measure": n,
            "unit": "rows",
            "message": f"{n} values of {name} had a time of day, which a date does not hold; the day was kept as it was written.",
            "remedy": "If the times are UTC, some days may be one too late: ask the sender for dates.",
        }
        for name, column in filled.items()
        if (n := int(column.lost_time[kept].sum()))
    ]
    heights = int(placed.had_z[kept].sum()) if placed else 0
    if heights:
        rows.append(
            {
                "code": "C11",
                "rule": "heights_dropped",
                "severity": "info",
                "measure": heights,
                "unit": "rows",
                "message": f"{heights} geometries had heights; the layer {layer.layer} is two-dimensional and does not hold them.",
                "remedy": "Keep the file as sent if the heights matter.",
            }
        )
    return rows


def _unread(table: pd.DataFrame, walk: Crosswalk, made: pd.DataFrame) -> list[dict]:
    rows = []
    used = {name for rule in walk.fields.values() for name in rule.columns} | {*walk.stack, *walk.ignore.fields}
    unused = [name for name in table.columns if name not in used | {"source_id", "source_ref", "read_code", "read_message"}]
    if unused:
        rows.append(
            {
                "code": "C08",
                "rule": "columns_unused",
                "severity": "info",
                "measure": len(unused),
                "unit": "columns",
                "message": f"Nothing reads the columns {', '.join(unused)}.",
                "remedy": 'Map them in the crosswalk, or name them there: [ignore] fields = ["COLUMN"].',
            }
        )
    if "source_id" in made and len(made) and made["source_id"].isna().any():
        rows.append(
            {
                "code": "C09",
                "rule": "source_unknown",
                "severity": "review",
                "measure": int(made["source_id"].isna().sum()),
                "unit": "rows",
                "message": "The data does not say which file it is from, so source_id is null.",
                "remedy": "Read it with citygis.read(path), which notes the file and the row.",
            }
        )
    return rows


def _as_read(made: pd.DataFrame, layer: Layer, table: pd.DataFrame, kept: np.ndarray, city: City) -> gpd.GeoDataFrame:
    """What the reader noted of rows that entered the layer: a curve at its place, a lost value once for all rows that lost it."""
    if "read_code" not in table:
        return findings_frame(crs=city.crs)
    inside = table.loc[kept, ["read_code", "read_message"]].reset_index(drop=True)
    curves = np.flatnonzero(inside["read_code"].eq("R02").fillna(False).to_numpy(dtype=bool))
    key = "apn_display" if "apn_display" in made else layer.key[0]
    geometry = made.geometry if isinstance(made, gpd.GeoDataFrame) else pd.Series([None] * len(made))
    rows = [
        {
            "code": "R02",
            "rule": "curve_linearised",
            "severity": "info",
            "feature": made[key].iloc[row],
            "message": inside["read_message"].iloc[row],
            "remedy": "Nothing: the layer holds the curve as short chords.",
            "source_ref": made["source_ref"].iloc[row],
            "geometry": geometry.iloc[row],
        }
        for row in curves
    ]
    for message, lost in inside[inside["read_code"] == "R04"].groupby("read_message", sort=True).groups.items():
        rows.append(
            {
                "code": "R04",
                "rule": "value_lost",
                "severity": "review",
                "other": re.sub(r"^Field (.+?) was sent as .*$", r"\1", message),
                "measure": len(lost),
                "unit": "rows",
                "message": f"In {len(lost)} {'row' if len(lost) == 1 else 'rows'}: {message}",
                "remedy": "No City field reads the value. Tell the sender.",
                "source_ref": made["source_ref"].iloc[lost[0]],
                "geometry": geometry.iloc[lost[0]],
            }
        )
    return findings_frame([{"layer": layer.layer, **row} for row in rows], crs=city.crs)


def _middle(made: pd.DataFrame) -> shapely.Point | None:
    if not isinstance(made, gpd.GeoDataFrame) or not len(made):
        return None
    # The median, not the middle of the extent: one stray feature does not move the layer.
    bounds = made.geometry.bounds.to_numpy()
    return shapely.Point(np.median((bounds[:, :2] + bounds[:, 2:]) / 2, axis=0))
