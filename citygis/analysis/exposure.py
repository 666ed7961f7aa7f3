"""
What of some polygons lies in flood zones, how deep the water stands on them, and what stands on them.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.land_classes import dissolved_labels, planar_classes
from citygis.analysis.overlay import measurable, names_of, overlaid_area
from citygis.analysis.rulepack import RulePack
from citygis.analysis.zonal import Grid, zonal_statistics
from citygis.errors import AnalysisError
from citygis.units import SQFT_PER_ACRE


class ZoneExposure(NamedTuple):
    """
    Flood zones over n polygons.

    Parameters
    ----------
    table : DataFrame, n rows
        ``zones, zone_ids, sfha, sfha_sqft, sfha_share, bfe_ft``.
    pairs : DataFrame
        ``apn, zone, area_sqft, share``: one row per polygon and class that it has more than a sliver in.
    by_zone : DataFrame
        ``zone, parcels, area_sqft, acres``; the ground of a stack counts once.
    labels, shapes, sfha : arrays of k
        The classes, dissolved; whether each is a special flood hazard area.
    unmapped : array of n float
        Square feet on no zone.
    left_out : list of tuple
    remarks : tuple of str
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    by_zone: pd.DataFrame
    labels: np.ndarray
    shapes: np.ndarray
    sfha: np.ndarray
    unmapped: np.ndarray
    left_out: list[tuple[str, str, str]]
    remarks: tuple[str, ...]


class Structures(NamedTuple):
    """
    What stands on n polygons.

    Parameters
    ----------
    table : DataFrame, n rows
        ``buildings, building_ids``, and as far as known ``structure_depth_max_ft, structure_over_limit, structure_sfha_sqft``.
    structures : DataFrame
        One row per structure and polygon it belongs to: ``of`` (position), ``building_id, area_sqft``, depths, ``sfha_sqft``.
    left_out : list of tuple
    remarks : tuple of str
    """

    table: pd.DataFrame
    structures: pd.DataFrame
    left_out: list[tuple[str, str, str]]
    remarks: tuple[str, ...]


def zone_exposure(
    shapes: np.ndarray, apn: np.ndarray, flood_zone: gpd.GeoDataFrame, pack: RulePack, *, once: np.ndarray
) -> ZoneExposure:
    """
    The flood zones of some polygons.

    Parameters
    ----------
    shapes : array of n polygons
        Valid, in feet.
    apn : array of n str
        What they are called.
    flood_zone : GeoDataFrame
        ``sfha_zone``, as far as there ``flood_id, bfe_ft, status``.
    pack : RulePack
        ``flood``.
    once : array of n bool
        Which polygons count in sums by class: of a stack of units one.

    Raises
    ------
    AnalysisError
        If the layer has no ground that holds now.
    """
    ground = measurable(flood_zone, "flood_zone", key="flood_id")
    if not len(ground.shapes):
        raise AnalysisError("Layer 'flood_zone' has no ground that holds now. Load the flood insurance rate map again.")
    own = dissolved_labels(flood_zone["sfha_zone"].iloc[ground.rows])
    ids = names_of(flood_zone, "flood_id")[ground.rows]
    classes = planar_classes(ground.shapes, own, "flood_zone")
    hazard = set(pack["sfha_zones"])
    sfha = np.array([bool(hazard & set(label.split(" + "))) for label in classes.labels])
    sliver, area = float(pack["sliver_sqft"]), shapely.area(shapes)
    met = overlaid_area(shapes, classes.shapes)
    of, cls, part = met["left"].to_numpy(), met["right"].to_numpy(), met["area_sqft"].to_numpy()
    inside = np.minimum(np.bincount(of, weights=part * sfha[cls], minlength=len(shapes)), area)
    unmapped = area - np.bincount(of, weights=part, minlength=len(shapes))
    unmapped = np.where(unmapped > sliver, unmapped, 0.0)
    met = met[part > sliver]
    of, cls, part = met["left"].to_numpy(), met["right"].to_numpy(), met["area_sqft"].to_numpy()
    features = overlaid_area(shapes, ground.shapes)
    features = features[features["area_sqft"] > sliver]
    feature_of, feature = features["left"].to_numpy(), features["right"].to_numpy()
    bfe = np.full(len(shapes), np.nan)
    if "bfe_ft" in flood_zone.columns:
        value = pd.to_numeric(flood_zone["bfe_ft"], errors="coerce").to_numpy(dtype=float)[ground.rows]
        value = np.where(np.isin(own, list(hazard)), value, np.nan)
        np.fmax.at(bfe, feature_of, value[feature])
    share = np.where(area > 0, inside / area, np.nan)
    standing = np.select([inside <= sliver, area - inside <= sliver], ["out", "in"], "partly").astype(object)
    standing[(standing == "out") & (unmapped > 0)] = "not mapped"
    said = [f"{label} {fraction:.1%}" for label, fraction in zip(classes.labels[cls], part / area[of], strict=True)]
    table = pd.DataFrame(
        {
            "zones": _listed(of, np.array(said, dtype=object), len(shapes)),
            "zone_ids": _listed(feature_of, ids[feature], len(shapes)),
            "sfha": standing,
            "sfha_sqft": np.where(inside <= sliver, 0.0, inside).round(2),
            "sfha_share": np.where(inside <= sliver, 0.0, share).round(6),
            "bfe_ft": bfe,
        }
    )
    pairs = pd.DataFrame(
        {"apn": apn[of], "zone": classes.labels[cls], "area_sqft": part.round(2), "share": (part / area[of]).round(6)}
    )
    by_zone = pairs.groupby("zone", sort=True).agg(parcels=("apn", "nunique")).reset_index()
    counted = pd.Series(part[once[of]]).groupby(classes.labels[cls[once[of]]]).sum()
    by_zone["area_sqft"] = by_zone["zone"].map(counted).fillna(0.0).round(2)
    by_zone["acres"] = (by_zone["area_sqft"] / SQFT_PER_ACRE).round(4)
    remarks = (*ground.remarks, *classes.remarks)
    return ZoneExposure(table, pairs, by_zone, classes.labels, classes.shapes, sfha, unmapped, ground.left_out, remarks)


def water_depth(
    shapes: np.ndarray, crs, grid: Grid | None, areas: gpd.GeoDataFrame | None, dry_where_blank: bool, pack: RulePack
) -> pd.DataFrame | None:
    """
    Depth on each of n polygons, and whether it is over the limit; None where nothing tells the depth.

    Parameters
    ----------
    shapes : array of n polygons
        Valid, in feet, in `crs`.
    crs : pyproj.CRS
    grid : Grid, optional
        Raster of depths; goes before `areas`.
    areas : GeoDataFrame, optional
        ``depth_ft``: the deepest water in each area; dry outside.
    dry_where_blank : bool
        Whether cells without a value are dry.
    pack : RulePack
        ``flood``.

    Returns
    -------
    DataFrame, n rows
        ``depth_max_ft, depth_mean_ft, depth_share, unknown_share, over_limit`` (yes, no, unknown).
    """
    area, sliver = shapely.area(shapes), float(pack["sliver_sqft"])
    if grid is not None:
        found = zonal_statistics(gpd.GeoSeries(shapes, crs=crs), grid)
        deepest, mean = found["max_ft"].to_numpy().copy(), found["mean_ft"].to_numpy()
        valued, beyond = found["valued_sqft"].to_numpy(), found["beyond_sqft"].to_numpy()
        unknown = beyond if dry_where_blank else beyond + found["blank_sqft"].to_numpy()
        unknown = np.where(unknown > sliver, unknown, 0.0)
        deepest[np.isnan(deepest) & (unknown == 0)] = 0.0
    elif areas is not None:
        bands = measurable(areas, "flood_200yr", key="depth_id")
        value = pd.to_numeric(areas["depth_ft"], errors="coerce").to_numpy(dtype=float)[bands.rows]
        met = overlaid_area(shapes, bands.shapes)
        met = met[met["area_sqft"] > sliver]
        deepest, mean = np.zeros(len(shapes)), np.full(len(shapes), np.nan)
        np.fmax.at(deepest, met["left"].to_numpy(), value[met["right"].to_numpy()])
        valued = np.minimum(np.bincount(met["left"], weights=met["area_sqft"], minlength=len(shapes)), area)
        unknown = np.zeros(len(shapes))
    else:
        return None
    limit = float(pack["depth_limit_ft"]) + float(pack["rounding_ft"]) / 2
    over = np.select([np.nan_to_num(deepest) > limit, unknown > 0], ["yes", "unknown"], "no").astype(object)
    return pd.DataFrame(
        {
            "depth_max_ft": deepest.round(3),
            "depth_mean_ft": mean.round(3),
            "depth_share": (valued / area).round(6),
            "unknown_share": (unknown / area).round(6),
            "over_limit": over,
        }
    )


def standing_structures(
    shapes: np.ndarray,
    buildings: gpd.GeoDataFrame | None,
    crs,
    grid: Grid | None,
    areas: gpd.GeoDataFrame | None,
    dry_where_blank: bool,
    zones: ZoneExposure | None,
    pack: RulePack,
) -> Structures | None:
    """
    What stands on each parcel: a building belongs to the parcel that holds most of it, in a stack to each unit.

    Parameters
    ----------
    shapes : array of n polygons
        The parcels, in `crs`.
    buildings : GeoDataFrame or None
        ``building_id`` where it is there. None of it gives None.
    grid, areas, dry_where_blank, pack
        As `water_depth` takes them.
    zones : ZoneExposure, optional
        Of the parcels.
    """
    if buildings is None:
        return None
    ground = measurable(buildings, "building_footprint", key="building_id")
    ids, sliver = names_of(buildings, "building_id")[ground.rows], float(pack["sliver_sqft"])
    met = overlaid_area(shapes, ground.shapes)
    of, roof, part = (met[name].to_numpy() for name in ("left", "right", "area_sqft"))
    most = np.zeros(len(ids))
    np.maximum.at(most, roof, part)
    own = part >= most[roof] - sliver
    of, roof = of[own], roof[own]
    left_out = [*ground.left_out, *(("building_footprint", str(ids[k]), "on no parcel") for k in np.flatnonzero(most == 0))]
    out = pd.DataFrame({"of": of, "building_id": ids[roof], "area_sqft": shapely.area(ground.shapes)[roof].round(2)})
    table = pd.DataFrame({"buildings": np.bincount(of, minlength=len(shapes)), "building_ids": _listed(of, ids[roof], len(shapes))})
    water = water_depth(ground.shapes, crs, grid, areas, dry_where_blank, pack)
    if water is not None:
        out = pd.concat([out, water.iloc[roof].reset_index(drop=True)], axis=1)
        deepest = np.full(len(shapes), np.nan)
        np.fmax.at(deepest, of, water["depth_max_ft"].to_numpy()[roof])
        rank = np.full(len(shapes), -1)
        np.maximum.at(rank, of, water["over_limit"].map({"no": 0, "unknown": 1, "yes": 2}).to_numpy(dtype=int)[roof])
        table["structure_depth_max_ft"] = deepest
        table["structure_over_limit"] = np.array(["", "no", "unknown", "yes"], dtype=object)[rank + 1]
    if zones is not None:
        held = overlaid_area(ground.shapes, zones.shapes[zones.sfha])
        wet = np.bincount(held["left"], weights=held["area_sqft"], minlength=len(ids))
        wet = np.where(wet > sliver, wet, 0.0)
        out["sfha_sqft"] = wet[roof].round(2)
        table["structure_sfha_sqft"] = np.bincount(of, weights=wet[roof], minlength=len(shapes)).round(2)
    return Structures(table, out, left_out, ground.remarks)


def _listed(of: np.ndarray, texts: np.ndarray, n: int) -> np.ndarray:
    """The texts of each of n features, in their order, joined by commas."""
    out = np.full(n, "", dtype=object)
    count = np.bincount(of, minlength=n)
    alone = count[of] == 1
    out[of[alone]] = texts[alone]
    several = pd.Series(texts[~alone].astype(str), dtype=object).groupby(of[~alone]).agg(", ".join)
    out[several.index.to_numpy(dtype=int)] = several.to_numpy()
    return out
