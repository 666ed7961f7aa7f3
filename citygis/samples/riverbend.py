"""The fictional City of Riverbend: every layer of the City's schema that the sample needs, true and without a finding."""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.samples import addresses, cadastre, control, documents, easements, hazards, planning, services, survey
from citygis.samples.addresses import Situs, situs_of
from citygis.samples.cadastre import Lots, lots_of
from citygis.samples.documents import ASSET_REGISTER, CITY_RECORDS, FLOOD_STUDY
from citygis.samples.fabric import Fabric, fabric
from citygis.samples.layers import document_ids
from citygis.samples.plan import Plan, plan

SEED = 6420


class Riverbend(NamedTuple):
    """The sample city: its layers by name, and the drawing they were made from."""

    layers: dict[str, gpd.GeoDataFrame | pd.DataFrame]
    plan: Plan
    fabric: Fabric
    lots: Lots
    situs: Situs


def riverbend(*, seed: int = SEED) -> Riverbend:
    """
    The City of Riverbend.

    Parameters
    ----------
    seed : int
        Same seed, same city.

    Returns
    -------
    Riverbend
        Layers in EPSG:6420 feet, coordinates rounded to 1e-4 ft. Parcels and rights of way (but for the vacated one, which is
        retired) fill each tract exactly and share every vertex.
    """
    rng = np.random.default_rng(seed)
    drawn = plan(rng)
    faces = fabric(drawn, rng)
    lots = lots_of(drawn, faces)
    situs = situs_of(drawn, faces, lots.face)
    return Riverbend(_layers(drawn, faces, lots, situs, rng), drawn, faces, lots, situs)


def _layers(drawn: Plan, faces: Fabric, lots: Lots, situs: Situs, rng: np.random.Generator) -> dict:
    parcel = cadastre.parcels(drawn, faces, lots, situs)
    by_lot = parcel.iloc[: len(lots.face)]
    lot_sources = by_lot["source_id"].to_numpy(dtype=object)
    face_sources = np.full(len(faces.faces), None, dtype=object)
    face_sources[lots.face] = lot_sources
    lines = survey.boundary_lines(faces, dict(zip(lots.face.tolist(), by_lot["global_id"], strict=True)), face_sources)
    easement, deeds = easements.easements(drawn, faces, lots)
    own, utility, federal = document_ids([CITY_RECORDS, ASSET_REGISTER, FLOOD_STUDY])
    limit = planning.city_limit(faces, own)
    park = services.parks(drawn, faces, lots, lot_sources)
    return {
        "parcel": parcel,
        "tract": cadastre.tracts(drawn, faces, lots),
        "right_of_way": cadastre.rights_of_way(drawn, faces),
        "easement": easement,
        "boundary_line": lines,
        "corner": survey.corners(lines, rng),
        "control_station": control.control_stations(own),
        "address_point": addresses.address_points(parcel, faces, lots.face, situs, drawn, own),
        "street_centerline": addresses.centerlines(drawn, situs, own),
        "city_limit": limit,
        "zoning": planning.zoning(drawn, faces, lots, by_lot["zoning_code"].to_numpy(dtype=object), own),
        "flood_zone": hazards.flood_zones(limit.geometry.iloc[0], federal),
        "flood_200yr": hazards.flood_depths(limit.geometry.iloc[0], federal),
        "hydrant": services.hydrants(drawn, faces, rng, utility),
        "station": services.stations(drawn, faces, own),
        "building_footprint": services.buildings(drawn, faces, lots, situs, rng, utility),
        "park": park,
        "park_access": services.park_accesses(park, faces),
        "parcel_owner": services.owners(parcel),
        "source_document": documents.source_documents([*cadastre.records(drawn), *documents.own_records(deeds)]),
    }
