"""
The exhibit of an annexation: what its maps show, and how.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import MapPlan
from citygis.analysis.city_edge import Edge, edge_layer
from citygis.analysis.layers import in_force
from citygis.analysis.legal_description import Figure
from citygis.cogo import vertices
from citygis.units import SQFT_PER_ACRE

_AROUND_FT = 300.0


def exhibit_layers(
    ground: shapely.Geometry,
    limit: shapely.Geometry,
    figures: list[Figure],
    courses: pd.DataFrame,
    edge: Edge,
    taken: gpd.GeoDataFrame,
    parcels: gpd.GeoDataFrame,
) -> dict[str, gpd.GeoDataFrame]:
    """
    What the maps show: ``annexed``, ``taken`` and ``adjoining`` parcels, the line of the ``city_limit`` as far as it is near,
    ``course`` (one line each, with its row of the course table), ``beginning``, and ``city_edge`` where there is ground to look at.
    """
    lines = [
        shapely.LineString(vertices([course], places=figure.boundary.places[k : k + 2]))
        for figure in figures
        for k, course in enumerate(figure.boundary.courses)
    ]
    said = courses.assign(
        number=courses["course"].astype("str"),
        measure=[f"{v:,.2f}'" for v in courses["arc_ft"].fillna(courses["distance_ft"])],
    )
    begins = [shapely.Point(figure.boundary.places[0]) for figure in figures]
    crs = parcels.crs
    to_see = edge_layer(edge, crs)
    around = shapely.box(*shapely.bounds(shapely.buffer(ground, _AROUND_FT)))
    line = shapely.intersection(shapely.boundary(limit), around)
    near = in_force(parcels)
    near = near[~near["apn"].astype("str").isin(set(taken["apn"]))]
    near = near.iloc[np.sort(shapely.STRtree(near.geometry.values).query(around, predicate="intersects"))]
    number = "apn_display" if "apn_display" in taken.columns else "apn"
    layers = {
        "annexed": gpd.GeoDataFrame({"acres": [round(ground.area / SQFT_PER_ACRE, 2)]}, geometry=[ground], crs=crs),
        "taken": gpd.GeoDataFrame({"number": taken[number].astype("str")}, geometry=taken.geometry.values, crs=crs),
        "adjoining": gpd.GeoDataFrame(
            {"number": near["apn"].astype("str").to_numpy()}, geometry=shapely.intersection(near.geometry.values, around), crs=crs
        ),
        "city_limit": gpd.GeoDataFrame(
            {"name": ["City limit"] * (not line.is_empty)}, geometry=[line] * (not line.is_empty), crs=crs
        ),
        "course": gpd.GeoDataFrame(said, geometry=lines, crs=crs),
        "beginning": gpd.GeoDataFrame({"text": ["P.O.B."] * len(begins)}, geometry=begins, crs=crs),
        "city_edge": to_see[to_see["kind"] != "island before"].reset_index(drop=True),
    }
    return {key: layer for key, layer in layers.items() if len(layer)}


def exhibit_plan(name: str, acres: float, figures: list[Figure]) -> MapPlan:
    """The plan of the map for the Board of Equalization, 18 by 26 inches."""
    line = {"color": "#9c2f2f", "width_pt": 1.6}
    tied = sum(bool(figure.corner) for figure in figures)
    return MapPlan(
        name,
        'Exhibit "B", map of the boundary change',
        {
            "annexed": {"title": "Land", "legend": "Land to be annexed", "fill": "#f3c6a5"},
            "adjoining": {
                "title": "Adjoining parcels",
                "legend": "Adjoining parcel",
                "line": {"color": "#9a9a9a", "width_pt": 0.35},
            },
            "taken": {
                "title": "Parcels",
                "legend": "Parcel, with its number",
                "line": {"color": "#6f4a2f", "width_pt": 0.5},
                "label": {
                    "placement": "inside",
                    "priority": 30,
                    "rows": [{"text": "{number}", "size_pt": 5.5, "color": "#3d3d3d"}],
                },
            },
            "city_limit": {
                "title": "City limit",
                "legend": "Existing city limit",
                "line": {"color": "#7b2d6b", "width_pt": 2.2, "dash_pt": [16.0, 5.0, 3.0, 5.0]},
            },
            "city_edge": {
                "title": "Ground to look at",
                "legend": "Gap, overlap or island",
                "fill": "#c6d7ef",
                "line": {"color": "#1f5f9c", "width_pt": 0.7},
            },
            "course": {
                "title": "Courses",
                "legend": "Course of the description, with its number",
                "line": line,
                "label": {
                    "placement": "along",
                    "priority": 10,
                    "key_numbers": True,
                    "rows": [{"text": "({number}) {bearing} {measure}", "size_pt": 6.5, "color": "#7a2a1d"}],
                },
            },
            "beginning": {
                "title": "Point of beginning",
                "legend": "Point of beginning (P.O.B.)",
                "marker": {"shape": "circle", "size_pt": 6.0, "fill": "#9c2f2f", "line": {"color": "#1a1a1a", "width_pt": 0.6}},
                "label": {
                    "placement": "beside",
                    "priority": 5,
                    "leader": True,
                    "rows": [{"text": "{text}", "size_pt": 8.0, "font": "bold"}],
                },
            },
        },
        (
            "Point of beginning: as in the written description" + (f", tied to corner {figures[0].corner}." if tied else "."),
            f"Area: {acres:,.2f} acres, more or less.",
            "Courses are numbered as in the description.",
        ),
        base=("right_of_way", "street_centerline"),
        profile="boe_exhibit",
        paper="map_act_18x26",
        panel_in=6.0,
    )
