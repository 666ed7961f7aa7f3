"""
The share of each parcel that sheds its rain: from roofs and pavement as polygons, from a raster of land cover, or from both.
"""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.layers import require_layers, sources_of
from citygis.analysis.overlay import covered, measurable, names_of, once_per_stack
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.zonal import DRIVERS, Grid, grid_of
from citygis.city import City
from citygis.errors import AnalysisError

_SAMPLE = 25
_WHOLE = 0.999


def impervious_share(
    parcels: gpd.GeoDataFrame,
    *,
    surfaces: gpd.GeoDataFrame | None = None,
    paved: gpd.GeoDataFrame | None = None,
    raster: Path | str | None = None,
    impervious: list[str] | None = None,
    key_field: str = "apn",
    city: City | None = None,
) -> Answer:
    """
    How much of each parcel is impervious.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Parcels, watersheds or any ground, named by `key_field`.
    surfaces : GeoDataFrame, optional
        Polygons that shed rain, such as building footprints.
    paved : GeoDataFrame, optional
        More of them, such as pavement. What several cover counts once.
    raster : path, optional
        A grid in the City's system: percent impervious (0 to 100), or classes where `impervious` names those that count.
    impervious : list of str, optional
        The classes of `raster` that are impervious.
    key_field : str
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per parcel: ``parcel, area_sqft``; from polygons ``impervious_sqft, share``; from a raster
        ``raster_sqft, raster_share, raster_seen`` (the share of the parcel that has values); with both ``bound_share`` and
        ``agree``: whether the two differ by no more than the cells that lines cross.

    Raises
    ------
    AnalysisError
        If neither polygons nor a raster are given, a layer is empty, or a raster's values are not percent.
    CRSError
        If a layer or the raster is not in feet of one system.

    Notes
    -----
    A cell counts by the exact part that a parcel covers. Polygons and raster may differ by the cells that the lines of
    the parcel, and of what is impervious on it, cross: perimeter times cell.
    """
    require_layers({"parcel": parcels, "surfaces": surfaces, "paved": paved})
    if surfaces is None and paved is None and raster is None:
        raise AnalysisError("Nothing says what is impervious. Give polygons (--paved FILE), or a raster (--raster FILE).")
    ground = measurable(parcels, "parcel", key=key_field)
    left_out, remarks = list(ground.left_out), list(ground.remarks)
    if not len(ground.rows):
        raise AnalysisError("No parcel that holds now has ground. Map them first.")
    names = names_of(parcels, key_field)[ground.rows]
    alone = once_per_stack(parcels, ground.rows)
    left_out += [("parcel", str(each), "a unit on the footprint of its stack, which counts once") for each in names[~alone]]
    order = np.flatnonzero(alone)
    order = order[np.lexsort((shapely.bounds(ground.shapes)[order, 0], names[order]))]
    shapes, names = ground.shapes[order], names[order]
    area = shapely.area(shapes)
    table = pd.DataFrame({"parcel": names, "area_sqft": area})
    open_: list[tuple[str, str, str]] = []
    checks: list[SecondWay] = []
    drawn = gpd.GeoDataFrame({"left": []}, geometry=[], crs=parcels.crs)
    told: tuple[str, ...] = ()
    line_ft = shapely.length(shapes)
    if surfaces is not None or paved is not None:
        given = [(name, layer) for name, layer in (("surfaces", surfaces), ("paved", paved)) if layer is not None]
        cover = []
        for name, layer in given:
            found = measurable(layer, name, key="building_id")
            left_out, remarks = left_out + found.left_out, remarks + list(found.remarks)
            cover.append(found.shapes)
        drawn = covered(gpd.GeoSeries(shapes, crs=parcels.crs), np.concatenate(cover))
        own = drawn["left"].to_numpy()
        table["impervious_sqft"] = np.bincount(own, weights=drawn["area_sqft"], minlength=len(shapes))
        table["share"] = table["impervious_sqft"] / area
        line_ft = line_ft + np.bincount(own, weights=shapely.length(drawn.geometry.values), minlength=len(shapes))
        checks += _pervious(shapes, drawn)
        if paved is None and surfaces is not None and "building_id" in surfaces.columns:
            open_.append(
                (
                    "How much pavement there is",
                    "Only building footprints were given: drives, parking and walks are not in the shares.",
                    "Give the pavement: --paved FILE; or a raster of land cover: --raster FILE.",
                )
            )
    if raster is not None:
        grid = grid_of(raster, parcels.crs, unit="ft")
        told = (f"{grid.path.name}: {grid.columns:,} x {grid.rows:,} cells of {np.sqrt(grid.cell_sqft):g} ft",)
        raster_sqft, seen = _extracted(shapes, parcels.crs, grid, impervious)
        table["raster_sqft"], table["raster_seen"] = raster_sqft, seen
        table["raster_share"] = np.where(seen > 0, raster_sqft / np.where(seen > 0, area * seen, 1.0), np.nan)
        checks += _by_centres(shapes, grid, impervious, raster_sqft)
        if (partly := int((seen < _WHOLE).sum())) > 0:
            open_.append(
                (
                    f"The share of {partly:,} parcels as a whole",
                    "The raster does not cover them, or has no value there; their share is that of the part it covers.",
                    "Get a raster that covers them; the column raster_seen says how much it saw.",
                )
            )
        if "share" in table.columns:
            bound = np.minimum(line_ft * np.sqrt(grid.cell_sqft) / area, 1.0)
            table["bound_share"] = bound
            table["agree"] = np.abs(table["share"] - table["raster_share"]) <= bound
            if (apart := int((~table["agree"] & (seen >= _WHOLE)).sum())) > 0:
                open_.append(
                    (
                        f"Which is right on {apart:,} parcels",
                        "Polygons and raster differ by more than perimeter times cell.",
                        "Look at them against a picture: one of the two is older, or leaves something out.",
                    )
                )
    column = "share" if "share" in table.columns else "raster_share"
    geometry = gpd.GeoDataFrame(table[["parcel", column]].rename(columns={column: "share"}), geometry=shapes, crs=parcels.crs)
    whole = float(np.nansum(table["impervious_sqft" if column == "share" else "raster_sqft"]))
    return Answer(
        question="impervious",
        title=f"Impervious: {whole:,.0f} of {area.sum():,.0f} sq ft",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=(
                "Each parcel's ground was measured in the plane of the City's zone.",
                "What polygons cover of it counts once, however many lie there.",
                "Cells of a raster count by the exact part that the parcel covers; percent as it is, classes as asked for.",
            ),
            parameters={"raster": Path(raster).name if raster is not None else None, "impervious": ", ".join(impervious or ())},
            sources=(
                *sources_of({"parcel": parcels, "surfaces": surfaces, "paved": paved}),
                *told,
            ),
            remarks=tuple(remarks),
        ),
        check=tuple(checks),
        unanswered=unanswered(open_),
        layers={"parcels": geometry, "impervious": drawn},
        map=MapPlan("Impervious share", f"{whole / area.sum():.1%} of the ground", _STYLES, base=("right_of_way",)),
    )


_STYLES = {
    "parcels": {
        "title": "Impervious share",
        "field": "share",
        "line": {"color": "#8a8a8a", "width_pt": 0.25},
        "classes": [
            {"max": 0.1, "legend": "Below 10 %", "fill": "#eef5e6"},
            {"min": 0.1, "max": 0.3, "legend": "10 to 30 %", "fill": "#dfe3c2"},
            {"min": 0.3, "max": 0.5, "legend": "30 to 50 %", "fill": "#e3c9a0"},
            {"min": 0.5, "max": 0.7, "legend": "50 to 70 %", "fill": "#c99a74"},
            {"min": 0.7, "legend": "70 % and above", "fill": "#9c6a56"},
        ],
    },
}


def _extracted(shapes: np.ndarray, crs, grid: Grid, impervious: list[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Impervious square feet of each polygon, and the share of it that has values."""
    try:
        from exactextract import exact_extract
    except ImportError:
        raise AnalysisError("A raster needs the library exactextract. Install it: pip install citygis[analysis]") from None
    import rasterio

    zones = gpd.GeoDataFrame(geometry=shapes, crs=crs)
    # "min" and "max" tell whether the values are percent.
    asked = ["count", "unique", "frac"] if impervious else ["count", "mean", "min", "max"]
    with rasterio.open(grid.path, driver=DRIVERS[grid.path.suffix.lower()]) as raster:
        found = exact_extract(raster, zones, asked, output="pandas", strategy="raster-sequential")
    count = found["count"].to_numpy(dtype=float)
    if impervious:
        wanted = _numbers(impervious)
        share = np.array(
            [
                float(np.sum(np.asarray(part, dtype=float)[np.isin(np.asarray(value, dtype=float), wanted)]))
                for value, part in zip(found["unique"], found["frac"], strict=True)
            ]
        )
    else:
        low, high = found["min"].min(), found["max"].max()
        if low < 0 or high > 100:
            raise AnalysisError(
                f"{grid.path.name} has values from {low:g} to {high:g}, which are not percent. Name the classes that are "
                "impervious: --impervious 22 --impervious 23."
            )
        share = found["mean"].to_numpy(dtype=float) / 100
    seen = np.minimum(count * grid.cell_sqft / shapely.area(shapes), 1.0)
    return np.where(count > 0, share, 0.0) * count * grid.cell_sqft, seen


def _numbers(impervious: list[str]) -> list[float]:
    try:
        return [float(each) for each in impervious]
    except ValueError:
        raise AnalysisError(f"Classes of a raster are numbers; these are not all: {', '.join(impervious)}.") from None


def _pervious(shapes: np.ndarray, drawn: gpd.GeoDataFrame) -> list[SecondWay]:
    """What is impervious had again from what is not."""
    own = shapes[drawn["left"].to_numpy()]
    if not len(own):
        return []
    pervious = shapely.area(shapely.difference(own, drawn.geometry.values))
    figure = float(drawn["area_sqft"].sum())
    return [
        second_way(
            "impervious square feet by polygons",
            round(figure, 2),
            "the parcels less the ground that nothing covers",
            round(float(shapely.area(own).sum() - pervious.sum()), 2),
            tolerance=max(0.02, 1e-9 * float(shapely.area(own).sum())),
            unit="sq ft",
        )
    ]


def _by_centres(shapes: np.ndarray, grid: Grid, impervious: list[str] | None, raster_sqft: np.ndarray) -> list[SecondWay]:
    """Some parcels had again by the cells whose centres lie in them."""
    import rasterio
    from rasterio.windows import Window

    cell = float(np.sqrt(grid.cell_sqft))
    total = again = bound = 0.0
    taken = 0
    with rasterio.open(grid.path, driver=DRIVERS[grid.path.suffix.lower()]) as raster:
        for k in range(min(_SAMPLE, len(shapes))):
            west, south, east, north = shapely.bounds(shapes[k])
            if west < grid.west or south < grid.south or east > grid.east or north > grid.north:
                continue
            first_column, first_row = int((west - grid.west) // cell), int((grid.north - north) // cell)
            wide, high = int((east - west) // cell) + 2, int((north - south) // cell) + 2
            window = Window(first_column, first_row, min(wide, grid.columns - first_column), min(high, grid.rows - first_row))
            values = raster.read(1, window=window, masked=True)
            place = raster.window_transform(window)
            e = place.c + (np.arange(values.shape[1]) + 0.5) * place.a
            n = place.f + (np.arange(values.shape[0]) + 0.5) * place.e
            inside = shapely.contains_xy(shapes[k], *np.meshgrid(e, n)) & ~np.ma.getmaskarray(values)
            share = np.isin(values.data, _numbers(impervious)) if impervious else values.data / 100
            again += float(share[inside].sum()) * grid.cell_sqft
            total += float(raster_sqft[k])
            bound += float(shapely.length(shapes[k])) * cell
            taken += 1
    if not taken:
        return []
    return [
        second_way(
            f"impervious square feet of {taken} parcels by the raster",
            round(total, 1),
            "the cells whose centres lie in them; off by less than perimeter times cell",
            round(again, 1),
            tolerance=bound,
            unit="sq ft",
        )
    ]


QUESTIONS = (
    Question(
        name="impervious",
        department="Public works",
        summary="The impervious share of each parcel, from roofs and pavement, a raster, or both held against each other.",
        answer=impervious_share,
        layers=("parcel",),
        optional={"surfaces": "building_footprint"},
        parameters=(
            Parameter("paved", "layer", "Pavement and the like, beside the City's footprints."),
            Parameter("raster", "file", "Grid of percent impervious, or of classes, in the City's system."),
            Parameter("impervious", "text", "Class of the raster that is impervious; several times for several.", many=True),
            Parameter("key_field", "text", "Column that names a parcel."),
        ),
    ),
)
