"""A City with a target and a remote layer in memory, for the tests of what sends."""

import copy
import random
from pathlib import Path

import fake_remote
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import store_city

from citygis.errors import ReadError as ReadError
from citygis.errors import SyncError as SyncError
from citygis.sync.target import read_target

FIELDS = {"APN": "apn", "SITUS": "situs_text", "ROLL_YEAR": "roll_year", "AREA_SQFT": "calc_area_sqft"}
"""Remote name to City field; the remote REMARK is nobody's business here."""

MAPPED = "[fields]\n" + "".join(f'{remote} = "{field}"\n' for remote, field in FIELDS.items())
"""That, as a target says it."""

TARGET = (
    """
layer = "parcel"
url = "https://gis.riverbend.example/arcgis/rest/services/Parcels/FeatureServer/0"
portal = "https://gis.riverbend.example/portal"
audience = "public"
natural_key = ["apn"]
batch = {batch}

"""
    + MAPPED
)


def make(folder: Path, *, batch: int = 200, text: str = ""):
    """A City and its target ``parcels``."""
    city = store_city.make_city(folder)
    (folder / "sync").mkdir(exist_ok=True)
    (folder / "sync" / "parcels.toml").write_text(text or TARGET.format(batch=batch), encoding="utf-8")
    return city, read_target("parcels", city)


def parcels(n: int) -> gpd.GeoDataFrame:
    """Parcels of the City, whole feet."""
    return store_city.parcels(n)


def esri(shape: shapely.Geometry) -> dict:
    """A polygon without holes as Esri JSON, by hand: outer rings run clockwise."""
    ring = np.asarray(shapely.orient_polygons(shape, exterior_cw=True).exterior.coords).tolist()
    return {"rings": [ring], "spatialReference": {"wkid": 6420, "latestWkid": 6420}}


def row(parcel) -> dict:
    """A parcel as the remote layer would hold it."""
    attributes = {remote: getattr(parcel, name) for remote, name in FIELDS.items()}
    attributes |= {"ROLL_YEAR": int(attributes["ROLL_YEAR"]), "GlobalID": parcel.global_id}
    return {"attributes": attributes, "geometry": esri(parcel.geometry)}


def remote(frame: gpd.GeoDataFrame, **options) -> fake_remote.FakeRemote:
    """A remote layer that holds these parcels."""
    return fake_remote.FakeRemote(rows=[row(each) for each in frame.itertuples()], **options)


def edited(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    The City after a day's work on n >= 12 parcels: 4 new ones, 3 with another address, 2 with other ground, 3 gone.
    """
    frame = frame.copy()
    frame.loc[[0, 1, 2], "situs_text"] = ["1 SECOND ST", None, "3 SECOND ST"]
    frame.loc[[3, 4], "geometry"] = frame.geometry[[3, 4]].translate(0, 7.25).to_numpy()
    new = store_city.parcels(len(frame) + 4).iloc[-4:]
    return pd.concat([frame.drop(index=[5, 6, 7]), new], ignore_index=True)


def content(layer: fake_remote.FakeRemote) -> dict:
    """What the remote layer says, by global id: the mapped values and the bounds."""
    said = {}
    for key, held in layer.rows.items():
        ring = np.array(held["geometry"]["rings"][0])
        values = tuple(held["attributes"][name] for name in FIELDS)
        said[key] = (*values, *np.round([*ring.min(axis=0), *ring.max(axis=0)], 4).tolist())
    return said


def meant(frame: gpd.GeoDataFrame) -> dict:
    """The same of a City layer."""
    said = {}
    for parcel in frame.itertuples():
        values = [getattr(parcel, name) for name in FIELDS.values()]
        values = [None if pd.isna(value) else value for value in values]
        said[parcel.global_id] = (*values, *np.round(parcel.geometry.bounds, 4).tolist())
    return said


def snapshot(layer: fake_remote.FakeRemote) -> dict:
    """All rows, to be held against later."""
    return copy.deepcopy(layer.rows)


def no_chance() -> random.Random:
    """Chance that is the same each time."""
    return random.Random(0)


def no_pause(_seconds: float) -> None:
    """Time that does not pass."""
