"""
Lots of a CAD drawing: its layers by their roles, its boundary linework closed, its numbers placed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from citygis.findings import join_findings
from citygis.linework import problems
from citygis.linework.labels import LabelRules, lot_labels
from citygis.linework.lots import SNAPS_FT, Lots, lots
from citygis.readers.cad_layers import LayerProfile, layer_profiles, layer_roles, unknown_layers
from citygis.readers.dxf import Drawing


class DrawingLots(NamedTuple):
    """
    The lots of a drawing; ``roles`` of its layers (`citygis.readers.cad_layers.layer_roles`); ``linework``, the lines of each role
    (boundary, right_of_way, easements, centerlines ...), as sent; and all findings, of reading and of linework.
    """

    lots: Lots
    roles: pd.DataFrame
    linework: dict[str, gpd.GeoDataFrame]
    findings: gpd.GeoDataFrame


def drawing_lots(
    drawing: Drawing,
    *,
    profiles: Sequence[LayerProfile] | None = None,
    snaps_ft: Sequence[float] = SNAPS_FT,
    crs: CRS | None = None,
) -> DrawingLots:
    """
    Lots of a drawing.

    Parameters
    ----------
    drawing : Drawing
        In feet (`citygis.readers.cad_units.drawing_in_feet`).
    profiles : sequence of LayerProfile, optional
        In the order of their authority; those that ship with citygis by default. The first that knows a layer decides its role; the
        roles that bound lots and number them, and what a number looks like, are those of the first that knows any layer.
    snaps_ft : sequence of float
        As `citygis.linework.lots`.
    crs : CRS, optional
        Of the coordinates.

    Returns
    -------
    DrawingLots

    Raises
    ------
    ValueError
        If the drawing is not in feet yet.
    """
    if drawing.unit is None:
        raise ValueError(f"Invalid drawing {drawing.name}: its unit is not settled. Must go through drawing_in_feet first.")
    profiles = list(layer_profiles().values()) if profiles is None else list(profiles)
    roles = layer_roles(drawing, profiles)
    leading = _leading(profiles, roles)
    role_of = roles.set_index("layer")["role"]
    line_roles, text_roles = drawing.lines["layer"].map(role_of), drawing.texts["layer"].map(role_of)
    rules = LabelRules(leading.labels.lot, leading.labels.not_lots, leading.labels.tags) if leading.labels else LabelRules()
    bounding = line_roles.isin(leading.bounds)
    made = lots(
        drawing.lines[bounding],
        drawing.texts[text_roles.isin(leading.label_roles)],
        leaders=drawing.leaders,
        snaps_ft=snaps_ft,
        rules=rules,
        crs=crs,
    )
    linework = {
        role: drawing.lines[line_roles == role].set_crs(crs).reset_index(drop=True) for role in sorted(set(line_roles.dropna()))
    }
    unread = drawing.texts[text_roles.isna()]
    labels = lot_labels(unread, rules)
    numbers = unread["layer"].iloc[labels.loc[labels["is_lot"], "text"]].value_counts().to_dict()
    lotless = problems.of_drawing(drawing.name, made.polygons, lines=len(drawing.lines), bounding=int(bounding.sum()))
    told = [gpd.GeoDataFrame(frame, crs=crs) for frame in (drawing.findings, unknown_layers(drawing, roles, numbers), lotless)]
    return DrawingLots(made, roles, linework, join_findings([*told, made.findings], crs=crs))


def _leading(profiles: Sequence[LayerProfile], roles: pd.DataFrame) -> LayerProfile:
    """The first profile that knows a layer with linework; the first of all where none does."""
    drawn = set(roles.loc[(roles["lines"] + roles["arcs"]) > 0, "profile"].dropna())
    return next((profile for profile in profiles if profile.profile in drawn), profiles[0])
