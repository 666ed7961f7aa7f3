"""
Acres by zoning and flood zone, or by any two layers of classes over any layer of polygons.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.land_classes import OUTSIDE, Classes, dissolved_labels, palette, planar_classes, split_by
from citygis.analysis.layers import require_layers, sources_of
from citygis.analysis.overlay import measurable, names_of, once_per_stack, shoelace_sqft
from citygis.analysis.questions import Parameter, Question
from citygis.city import City
from citygis.errors import AnalysisError
from citygis.topology import overlaps
from citygis.units import SQFT_PER_ACRE

_SAMPLE = 50
_TELLING_SQFT = 1.0


def acreage_by(
    parcels: gpd.GeoDataFrame,
    *,
    zones: gpd.GeoDataFrame | None = None,
    other: gpd.GeoDataFrame | None = None,
    parcel_field: str = "zoning_code",
    zone_field: str = "code",
    other_field: str = "sfha_zone",
    key_field: str = "apn",
    city: City | None = None,
) -> Answer:
    """
    How many acres of parcels lie in each zone, and in each class of another layer.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Any layer whose ground is to be counted. Units of one ``stack_id`` stand on one footprint, which counts once.
    zones : GeoDataFrame, optional
        Polygons with `zone_field`; those marked ``overlay`` are left out. Without it the parcels' own `parcel_field` is the zone.
    other : GeoDataFrame, optional
        Polygons with `other_field`, such as flood zones. Without it acres are told by zone alone.
    parcel_field, zone_field, other_field, key_field : str
        Columns. `key_field` names a parcel; its position does where there is no such column.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per zone and class with ground: ``zone, other`` (where there is one), ``acres, area_sqft, share``
        (of all ground), ``parcels`` (how many have some there). ``(outside)`` is ground in no zone. ``geometry`` and table
        ``parcel_parts``: one row per parcel and pair of classes, the ids behind each figure.

    Raises
    ------
    AnalysisError
        If a layer lacks its column or is empty, or no parcel has ground.
    CRSError
        If a layer is not in feet of one system.
    """
    wanted = {"parcel": [] if zones is not None else [parcel_field], "zones": [zone_field], "other": [other_field]}
    require_layers({"parcel": parcels, "zones": zones, "other": other}, wanted)
    ground = measurable(parcels, "parcel", key=key_field)
    left_out, remarks = list(ground.left_out), list(ground.remarks)
    open_: list[tuple[str, str, str]] = []
    rows, shapes = ground.rows, ground.shapes
    ids = names_of(parcels, key_field)[rows]
    alone = once_per_stack(parcels, rows)
    left_out += [("parcel", str(each), "a unit on the footprint of its stack, which counts once") for each in ids[~alone]]
    order = np.flatnonzero(alone)
    order = order[np.lexsort((shapely.bounds(shapes)[order, 0], ids[order]))]
    rows, shapes, ids = rows[order], shapes[order], ids[order]
    if not len(rows):
        raise AnalysisError("No parcel that holds now has ground, so there are no acres to count. Map them first.")
    open_ += _counted_twice(shapes, ids, parcels.crs)

    parts = gpd.GeoDataFrame({"of": np.arange(len(rows))}, geometry=shapes, crs=parcels.crs)
    if zones is None:
        parts["zone"] = dissolved_labels(parcels[parcel_field].iloc[rows])
    else:
        found, out, said = _classes(zones, zone_field, "zones")
        left_out, remarks = left_out + out, remarks + said
        parts = split_by(shapes, found).rename(columns={"label": "zone"})
        zone_classes = found
    by = ["zone"]
    if other is not None:
        other_classes, out, said = _classes(other, other_field, "other")
        left_out, remarks = left_out + out, remarks + said
        cut = split_by(np.asarray(parts.geometry.values), other_classes)
        at = cut["of"].to_numpy()
        cut = cut.rename(columns={"label": "other"})
        cut["zone"], cut["of"] = parts["zone"].to_numpy()[at], parts["of"].to_numpy()[at]
        parts, by = cut, ["zone", "other"]
    parts = gpd.GeoDataFrame(
        pd.DataFrame(parts.drop(columns="geometry")), geometry=np.asarray(parts.geometry.values), crs=parcels.crs
    )
    parts["area_sqft"] = shapely.area(parts.geometry.values)
    parts.insert(0, "parcel", ids[parts["of"].to_numpy()])
    parts = parts.sort_values(["of", *by], kind="stable", ignore_index=True)
    table = _table(parts, by)
    total = float(table["area_sqft"].sum())
    check = [
        second_way(
            "square feet of all rows",
            round(total, 2),
            "the parcels' areas from their coordinates, before anything was cut",
            round(float(shoelace_sqft(shapes).sum()), 2),
            tolerance=max(0.02, 1e-9 * total),
            unit="sq ft",
        )
    ]
    if other is not None:
        check += _whole(shapes, parts, "other", other_classes)
    elif zones is not None:
        check += _whole(shapes, parts, "zone", zone_classes)
    outside = table.loc[(table[by] == OUTSIDE).any(axis=1), "area_sqft"].sum()
    if outside > _TELLING_SQFT:
        open_.append(
            (
                f"The class of {outside / SQFT_PER_ACRE:,.3f} acres",
                "No feature of a layer covers them.",
                "Look at the parts on the map: a layer that ends too early, or ground that has no class.",
            )
        )
    geometry = parts[["parcel", *by, "area_sqft", "geometry"]]
    classes = sorted(parts["zone"].unique())
    return Answer(
        question="acreage",
        title="Acres by zone" if other is None else f"Acres by zone and {other_field}",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(zones is None, other is not None, parcel_field, zone_field, other_field),
            parameters={
                "parcel_field": parcel_field if zones is None else None,
                "zone_field": zone_field if zones is not None else None,
                "other_field": other_field if other is not None else None,
            },
            sources=sources_of({"parcel": parcels, "zones": zones, "other": other}),
            remarks=tuple(remarks),
        ),
        check=tuple(check),
        unanswered=unanswered(open_),
        tables={"parcel_parts": pd.DataFrame(geometry.drop(columns="geometry"))},
        layers={"parts": geometry, **({} if other is None else {"other": _as_layer(other_classes, parcels.crs)})},
        map=MapPlan(
            "Acres by zone" if other is None else "Acres by zone and class",
            f"{total / SQFT_PER_ACRE:,.2f} acres in all",
            {
                "parts": {
                    "title": "Zones",
                    "field": "zone",
                    "line": {"color": "#9a9a9a", "width_pt": 0.25},
                    "classes": palette(classes),
                },
                **({} if other is None else {"other": _OTHER_STYLE}),
            },
            base=(),
        ),
    )


_OTHER_STYLE = {
    "title": "Other classes",
    "legend": "Limit of a class",
    "line": {"color": "#1f5f9c", "width_pt": 0.9},
    "label": {
        "placement": "inside",
        "priority": 20,
        "rows": [{"text": "{class}", "size_pt": 8.0, "font": "bold", "color": "#164a7c"}],
    },
}


def _counted_twice(shapes: np.ndarray, ids: np.ndarray, crs) -> list[tuple[str, str, str]]:
    found = overlaps(gpd.GeoSeries(shapes, crs=crs), min_area_sqft=_TELLING_SQFT)
    if not len(found):
        return []
    worst = found.iloc[int(np.argmax(found["area_sqft"].to_numpy()))]
    return [
        (
            f"Whose {found['area_sqft'].sum() / SQFT_PER_ACRE:,.3f} acres are that two parcels claim",
            f"{len(found):,} pairs of parcels overlap (most: {ids[int(worst['left'])]} and {ids[int(worst['right'])]}, "
            f"{worst['area_sqft']:,.0f} sq ft); that ground counts for each of them.",
            "Look at the overlaps: citygis validate, rule T01.",
        )
    ]


def _classes(layer: gpd.GeoDataFrame, field: str, name: str) -> tuple[Classes, list, list[str]]:
    """A layer's classes without overlap, what was left out of it, and what is to be said."""
    left_out = []
    if "overlay" in layer.columns:
        over = layer["overlay"].astype("object").isin([True, "True", "true", 1]).to_numpy()
        ids = names_of(layer, "zone_id")
        left_out = [(name, str(each), "an overlay on other districts: acres would count twice") for each in ids[over]]
        layer = layer[~over]
    key = next((column for column in ("zone_id", "flood_id", "global_id") if column in layer.columns), "")
    ground = measurable(layer, name, key=key)
    if not len(ground.rows):
        raise AnalysisError(f"Layer {name!r} has no polygon that holds now and has ground. Load it first, or ask without it.")
    found = planar_classes(ground.shapes, dissolved_labels(layer[field].iloc[ground.rows]), name)
    return found, [*left_out, *ground.left_out], [*ground.remarks, *found.remarks]


def _table(parts: gpd.GeoDataFrame, by: list[str]) -> pd.DataFrame:
    grouped = pd.DataFrame(parts.drop(columns="geometry")).groupby(by, sort=True)
    table = grouped.agg(area_sqft=("area_sqft", "sum"), parcels=("of", "nunique")).reset_index()
    table.insert(len(by), "acres", table["area_sqft"] / SQFT_PER_ACRE)
    table["share"] = table["area_sqft"] / table["area_sqft"].sum()
    return table


def _whole(shapes: np.ndarray, parts: gpd.GeoDataFrame, column: str, classes: Classes) -> list[SecondWay]:
    """Parcels that several classes share, had again from whole polygons: the parcel less what of it lies outside the class."""
    frame = parts[["of", column, "area_sqft"]].groupby(["of", column], sort=True)["area_sqft"].sum().reset_index()
    split = frame[frame["of"].duplicated(keep=False) & (frame[column] != OUTSIDE)].head(_SAMPLE)
    if not len(split):
        return []
    own = shapes[split["of"].to_numpy()]
    where = pd.Series(np.arange(len(classes.labels)), index=classes.labels)
    whole = classes.shapes[where.loc[split[column]].to_numpy()]
    again = shoelace_sqft(own) - shapely.area(shapely.difference(own, whole))
    figure = float(split["area_sqft"].sum())
    return [
        second_way(
            f"square feet of {len(split)} parts of parcels that a line of a class crosses",
            round(figure, 3),
            "each parcel less what lies outside the class, both whole",
            round(float(again.sum()), 3),
            tolerance=max(0.002, 1e-9 * float(shapely.area(own).sum())),
            unit="sq ft",
        )
    ]


def _as_layer(classes: Classes, crs) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"class": classes.labels.astype(str)}, geometry=classes.shapes, crs=crs)


def _steps(by_parcel: bool, has_other: bool, parcel_field: str, zone_field: str, other_field: str) -> tuple[str, ...]:
    steps = ["Parcels that hold now were taken; of units on one footprint, one."]
    if by_parcel:
        steps.append(f"The zone of a parcel is its own {parcel_field}.")
    else:
        steps.append(f"Zones of one {zone_field} were dissolved, so that no ground counts twice, and each parcel was cut by them.")
    if has_other:
        steps.append(f"Features of one {other_field} were dissolved likewise, and each part cut by them.")
    steps.append("Where two classes of a layer claim the same ground, it stands as a class of its own with both names.")
    steps.append("Ground in no class is told as (outside). Areas are in the plane of the City's zone; an acre is 43,560 sq ft.")
    return tuple(steps)


QUESTIONS = (
    Question(
        name="acreage",
        department="Planning",
        summary="Acres by zoning and flood zone, or by any two layers of classes, with every acre counted once.",
        answer=acreage_by,
        layers=("parcel",),
        optional={"zones": "zoning", "other": "flood_zone"},
        parameters=(
            Parameter("zones", "layer", "Another layer of zones, in place of the City's zoning."),
            Parameter("other", "layer", "Another second layer, in place of the City's flood zones."),
            Parameter("parcel_field", "text", "Column of the parcels that names the zone, where no layer of zones is given."),
            Parameter("zone_field", "text", "Column of the zones that names the class."),
            Parameter("other_field", "text", "Column of the second layer that names the class."),
            Parameter("key_field", "text", "Column that names a parcel."),
        ),
    ),
)
