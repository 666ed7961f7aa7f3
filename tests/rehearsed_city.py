"""The City of `sync_city` against a rehearsal server, through the real ``arcgis`` client."""

import contextlib

import geopandas as gpd
import numpy as np
import pandas as pd
import sync_city

from citygis.rehearsal import rehearsing

TARGET = (
    """
layer = "parcel"
url = "{url}"
portal = "{portal}"
certificate = "{certificate}"
natural_key = ["apn"]
batch = {batch}

"""
    + sync_city.MAPPED
)


def served(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """City parcels as the frame of a remote layer."""
    made = {remote: frame[name].reset_index(drop=True) for remote, name in sync_city.FIELDS.items()}
    made["ROLL_YEAR"] = made["ROLL_YEAR"].astype("Int32")
    made["REMARK"] = pd.Series([None] * len(frame), dtype="str")
    made["global_id"] = frame["global_id"].reset_index(drop=True)
    return gpd.GeoDataFrame(made, geometry=gpd.GeoSeries(frame.geometry.to_numpy(), crs=frame.crs))


@contextlib.contextmanager
def rehearsed(folder, frame: gpd.GeoDataFrame, *, batch: int = 4, **settings):
    """A server that holds these parcels in the layer Parcels, and a City with a target for it."""
    with rehearsing({"Parcels": served(frame)}, snap=True, **settings) as server:
        text = TARGET.format(url=server.layer_url("Parcels"), portal=server.portal, certificate=server.certificate, batch=batch)
        city, target = sync_city.make(folder, text=text)
        yield server, city, target


def content(server) -> dict:
    """What the server says, as `sync_city.content` does, asked at its back door."""
    said = {}
    for feature in server.features("Parcels"):
        values = feature["attributes"]
        ring = np.array(feature["geometry"]["rings"][0])
        place = np.round([*ring.min(axis=0), *ring.max(axis=0)], 2).tolist()
        key = values["GlobalID"].strip("{}").lower()
        assert key not in said, "a feature is there twice"
        said[key] = (*(values[name] for name in sync_city.FIELDS), *place)
    return said


def meant(frame: gpd.GeoDataFrame) -> dict:
    """`sync_city.meant` to the hundredth of a foot."""
    return {key: (*said[:-4], *np.round(said[-4:], 2).tolist()) for key, said in sync_city.meant(frame).items()}
