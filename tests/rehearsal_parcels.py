"""Parcels to rehearse with, and a client that is the standard library's alone."""

import http.client
import json
import ssl
import urllib.parse

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from conftest import REQUIRE_ALL

NOON = 1704110400000
"""2024-01-01T12:00:00Z: 19,723 days and 12 hours after 1970-01-01."""


def require_arcgis():
    """The arcgis package; the test is skipped without it, or fails where CITYGIS_REQUIRE_ALL=1."""
    if REQUIRE_ALL:
        import arcgis

        return arcgis
    return pytest.importorskip("arcgis")


def parcels(n):
    """Lots of 50 by 100 ft with 10 ft between, from (6,000,000, 2,000,000) eastward."""
    boxes = [shapely.box(6000000 + 60 * i, 2000000, 6000050 + 60 * i, 2000100) for i in range(n)]
    return gpd.GeoDataFrame(
        {
            "APN": pd.array([f"{i:04d}" for i in range(n)], dtype="str"),
            "OWNER": pd.array([f"O'Neil {i}" for i in range(n)], dtype="str"),
            "RECORDED": pd.to_datetime(pd.Series([NOON + i * 86_400_000 for i in range(n)], dtype="int64"), unit="ms", utc=True),
        },
        geometry=gpd.GeoSeries(boxes, crs=2227),
    )


def ask(server, path, *, is_signed_in=True, method="GET", **parameters):
    """One request, by the standard library: status and JSON."""
    url = urllib.parse.urlsplit(path)
    connection = http.client.HTTPSConnection(url.netloc, context=ssl._create_unverified_context())
    headers = {"X-Esri-Authorization": f"Bearer {server.token()}"} if is_signed_in else {}
    query = urllib.parse.urlencode({"f": "json", **parameters})
    if method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("POST", url.path, query, headers)
    else:
        connection.request("GET", f"{url.path}?{query}", headers=headers)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, json.loads(body)
