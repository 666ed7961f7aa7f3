"""The rehearsal server's read side, each rule asked by two clients not ours: GDAL's ESRIJSON reader and the arcgis package."""

import datetime
import http.client
import json
import ssl
import urllib.parse
import uuid

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from rehearsal_parcels import NOON, ask, parcels, require_arcgis

from citygis.rehearsal import rehearsing

PAGE = 4
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
HOLED = shapely.Polygon(
    [(6000000, 2000000), (6000100, 2000000), (6000100, 2000100), (6000000, 2000100)],
    [[(6000040, 2000040), (6000060, 2000040), (6000060, 2000060), (6000040, 2000060)]],
)


@pytest.fixture(scope="module")
def arcgis():
    return require_arcgis()


@pytest.fixture(scope="module")
def server():
    sizes = {"Nothing": 0, "One": 1, "BelowPage": PAGE - 1, "Page": PAGE, "AbovePage": PAGE + 1, "Pages": 10}
    frames = {name: parcels(n) for name, n in sizes.items()}
    with rehearsing(frames, max_record_count=PAGE, lengths={"APN": 12}) as running:
        yield running


@pytest.fixture(scope="module", params=["password", "token"])
def gis(request, arcgis, server):
    from arcgis.gis import GIS

    if request.param == "token":
        return GIS(server.portal, token=server.token(), verify_cert=False)
    return GIS(server.portal, server.user, server.password, verify_cert=False, use_gen_token=True)


def layer(gis, server, name):
    from arcgis.features import FeatureLayer

    return FeatureLayer(server.layer_url(name), gis)


def by_gdal(server, name, **parameters):
    said = {"where": "1=1", "outFields": "*", "orderByFields": "OBJECTID", "f": "json", "token": server.token(), **parameters}
    pyogrio.set_gdal_config_options({"GDAL_HTTP_UNSAFESSL": "YES"})
    try:
        return pyogrio.read_dataframe(f"ESRIJSON:{server.layer_url(name)}/query?{urllib.parse.urlencode(said)}")
    finally:
        pyogrio.set_gdal_config_options({"GDAL_HTTP_UNSAFESSL": None})


SIZES = {"Nothing": 0, "One": 1, "BelowPage": 3, "Page": 4, "AbovePage": 5, "Pages": 10}


@pytest.mark.parametrize("name", SIZES)
def test_gdal_reads_every_page(server, name):
    if name == "Nothing":  # the driver knows no layer without features
        assert ask(server, f"{server.layer_url(name)}/query", where="1=1", outFields="*")[1]["features"] == []
        return
    read = by_gdal(server, name)
    assert read["APN"].tolist() == [f"{i:04d}" for i in range(SIZES[name])]
    assert read.crs.to_epsg() == 2227
    assert (read.geometry.area == 5000).all()


@pytest.mark.parametrize("name", SIZES)
def test_the_arcgis_client_reads_every_page_and_count_ids_and_features_agree(gis, server, name):
    parcels = layer(gis, server, name)
    pages, last = [], 0
    while True:
        page = parcels.query(f"OBJECTID>{last}", order_by_fields="OBJECTID", result_record_count=PAGE, return_all_records=False)
        if not page.features:
            break
        pages.append([f.attributes["APN"] for f in page.features])
        last = page.features[-1].attributes["OBJECTID"]
    assert [apn for page in pages for apn in page] == [f"{i:04d}" for i in range(SIZES[name])]
    assert all(len(page) == PAGE for page in pages[:-1])
    ids = parcels.query("1=1", return_ids_only=True)["objectIds"]
    assert parcels.query("1=1", return_count_only=True) == len(ids) == SIZES[name]


def test_only_a_page_that_is_followed_by_others_says_that_the_limit_was_met(server):
    for name, more in {"BelowPage": False, "Page": False, "AbovePage": True}.items():
        _, reply = ask(server, f"{server.layer_url(name)}/query", where="1=1")
        assert reply.get("exceededTransferLimit", False) is more


def test_a_page_ends_early_by_its_size_and_gdal_still_reads_all(server):
    whole = len(json.dumps(ask(server, f"{server.layer_url('One')}/query", where="1=1", outFields="*")[1]["features"][0]))
    server.settings(max_page_bytes=int(whole * 1.5))
    try:
        _, page = ask(server, f"{server.layer_url('Pages')}/query", where="1=1", outFields="*")
        assert 1 <= len(page["features"]) < PAGE and page["exceededTransferLimit"] is True
        assert len(by_gdal(server, "Pages")) == 10
    finally:
        server.settings(max_page_bytes=20_000_000)


def test_object_ids_come_by_post(gis, server):
    found = layer(gis, server, "Pages").query(object_ids="2,5,99")
    assert [f.attributes["OBJECTID"] for f in found.features] == [2, 5]
    _, reply = ask(server, f"{server.layer_url('Pages')}/query", method="POST", objectIds="2,5,99")
    assert [f["attributes"]["OBJECTID"] for f in reply["features"]] == [2, 5]


WHERES = {
    "OWNER = 'O''Neil 3'": [3],
    "RECORDED >= TIMESTAMP '2024-01-08 12:00:00'": [7, 8, 9],
    "RECORDED BETWEEN DATE '2024-01-02' AND DATE '2024-01-04'": [1, 2],
    "APN LIKE '%7' OR apn in ('0001', '0002')": [1, 2, 7],
    "NOT (APN > '0001') AND OWNER IS NOT NULL": [0, 1],
    "APN <> '0000' AND OBJECTID < 3": [1],
}


@pytest.mark.parametrize(("where", "rows"), WHERES.items(), ids=list(WHERES))
def test_a_where_clause_means_the_same_to_both_clients(gis, server, where, rows):
    wanted = [f"{i:04d}" for i in rows]
    assert by_gdal(server, "Pages", where=where)["APN"].tolist() == wanted
    found = layer(gis, server, "Pages").query(where, order_by_fields="OBJECTID", return_all_records=False)
    assert [f.attributes["APN"] for f in found.features] == wanted


def test_what_is_not_understood_is_refused_with_the_reason(server):
    url = f"{server.layer_url('Pages')}/query"
    for said, word in {
        "FOO = 1": "FOO",
        "1=1; DROP TABLE x": "';",
        "APN = (SELECT 1)": "not expected",
        "APN = 'x": "'x",
        "load_extension('x') = 1": "load_extension",
    }.items():
        status, reply = ask(server, url, where=said)
        assert status == 200 and reply["error"]["code"] == 400, said
        assert word in reply["error"]["details"][0]
    assert "geojson" in ask(server, f"{server.layer_url('Pages')}/query?", where="1=1", f="geojson")[1]["error"]["details"][0]
    assert ask(server, url, where="1=1", outStatistics="[]")[1]["error"]["code"] == 400


def test_an_envelope_finds_what_it_meets_in_its_own_system(server):
    url = f"{server.layer_url('Pages')}/query"
    # Lots are 50 ft wide with 10 ft between: from 6,000,055 to 6,000,065 meets the second one only.
    said = {"geometry": "6000055,2000010,6000065,2000020", "geometryType": "esriGeometryEnvelope", "outFields": "APN"}
    _, reply = ask(server, url, **said)
    assert [f["attributes"] for f in reply["features"]] == [{"OBJECTID": 2, "APN": "0001"}]
    box = gpd.GeoSeries([shapely.box(6000056, 2000010, 6000064, 2000020)], crs=2227).to_crs(4326).total_bounds
    _, reply = ask(server, url, **{**said, "geometry": ",".join(map(str, box)), "inSR": "4326", "returnIdsOnly": "true"})
    assert reply["objectIds"] == [2]
    _, reply = ask(server, url, where="OBJECTID=2", outSR="4326")
    moved = parcels(2).to_crs(4326).geometry[1]
    placed = shapely.Polygon(reply["features"][0]["geometry"]["rings"][0])
    assert reply["spatialReference"]["latestWkid"] == 4326 and placed.hausdorff_distance(moved) < 1e-9


def test_every_type_reads_back_through_gdal_and_rings_run_as_esris_do():
    ident = uuid.UUID(int=7)
    frame = gpd.GeoDataFrame(
        {
            "I16": pd.array([-32768, None], dtype="Int16"),
            "I32": pd.array([2**31 - 1, None], dtype="Int32"),
            "I64": pd.array([2**40, None], dtype="Int64"),
            "F32": np.array([0.1, np.nan], dtype="float32"),
            "F64": [0.1, None],
            "DAY": [datetime.date(1899, 12, 31), None],
            "AT": pd.to_datetime(["1969-12-31T23:59:59.250Z", None]),
            "NAIVE": pd.to_datetime(["2024-01-01 12:00:00", None]),
            "YES": pd.array([True, None], dtype="boolean"),
            "ID": [ident, None],
            "TEXT": pd.array(["naïve “quoted” \\ text", None], dtype="str"),
        },
        geometry=[shapely.MultiPolygon([HOLED, shapely.box(6001000, 2000000, 6001010, 2000010)]), None],
        crs=2227,
    )
    with rehearsing({"All types": frame}, definition={"All types": {"fields": [{"name": "TEXT", "nullable": True}]}}) as server:
        _, definition = ask(server, server.layer_url("All types"))
        types = {f["name"]: f["type"].removeprefix("esriFieldType") for f in definition["fields"]}
        first, second = (f["attributes"] for f in server.features("All types"))
        rings = server.features("All types")[0]["geometry"]["rings"]
        read = by_gdal(server, "All types")
    assert {name: types[name] for name in ("I16", "I32", "I64", "F32", "F64", "DAY", "AT", "YES", "ID")} == {
        "I16": "SmallInteger",
        "I32": "Integer",
        "I64": "BigInteger",
        "F32": "Single",
        "F64": "Double",
        "DAY": "DateOnly",
        "AT": "Date",
        "YES": "SmallInteger",
        "ID": "GUID",
    }
    assert first["I16"] == -32768 and first["I64"] == 2**40 and first["F32"] == 0.1 and first["DAY"] == "1899-12-31"
    assert first["AT"] == -750 and first["NAIVE"] == NOON and first["YES"] == 1
    assert first["ID"] == "{00000000-0000-0000-0000-000000000007}" and first["TEXT"] == "naïve “quoted” \\ text"
    assert all(second[name] is None for name in frame.columns.drop("geometry"))
    assert [shapely.LinearRing(ring).is_ccw for ring in rings] == [False, True, False]
    assert first["Shape__Area"] == 10000 - 400 + 100
    assert read.geometry[0].equals(frame.geometry[0]) and read.geometry[1] is None


def test_points_lines_and_heights_are_served_too():
    point = gpd.GeoDataFrame({"N": [1]}, geometry=[shapely.Point(6000000, 2000000, 30)], crs=2227)
    line = gpd.GeoDataFrame({"N": [1]}, geometry=[shapely.LineString([(0, 0), (300, 400)])], crs=3857)
    with rehearsing({"Corners": point, "Lines": line}, anonymous=True) as server:
        assert by_gdal(server, "Lines").geometry[0].length == 500
        assert server.features("Lines")[0]["attributes"]["Shape__Length"] == 500
        url = f"{server.layer_url('Corners')}/query"
        assert ask(server, url, where="1=1", is_signed_in=False)[1]["features"][0]["geometry"] == {"x": 6000000, "y": 2000000}
        with_z = ask(server, url, where="1=1", returnZ="true", is_signed_in=False)[1]
        assert with_z["hasZ"] is True and with_z["features"][0]["geometry"]["z"] == 30


def test_no_token_is_499_and_an_expired_one_is_498_both_in_http_200(server):
    assert ask(server, f"{server.layer_url('One')}/query", is_signed_in=False, where="1=1") == (
        200,
        {"error": {"code": 499, "message": "Token Required", "details": []}},
    )
    token = server.token()
    server.expire_tokens()
    status, reply = ask(server, f"{server.layer_url('One')}/query", is_signed_in=False, where="1=1", token=token)
    assert status == 200 and reply["error"]["code"] == 498


def test_a_wrong_password_gets_no_token_and_one_in_the_address_is_refused(server):
    url = f"{server.portal}/sharing/rest/generateToken"
    for method, password in (("POST", "wrong"), ("GET", server.password)):
        _, reply = ask(server, url, is_signed_in=False, method=method, username=server.user, password=password)
        assert "token" not in reply and reply["error"]["code"] == 400
    _, reply = ask(server, url, is_signed_in=False, method="POST", username=server.user, password=server.password, expiration="5")
    assert reply["token"]


def test_the_trace_names_what_was_asked_but_holds_no_secret(server):
    server.clear_trace()
    token = server.token()
    ask(server, f"{server.layer_url('One')}/query", is_signed_in=False, where="OWNER='O''Neil 1'", token=token)
    (entry,) = server.trace()
    assert entry["operation"] == "query:features" and entry["status"] == 200 and entry["token_in_url"] is True
    assert entry["keys"] == ["f", "token", "where"]
    assert token not in json.dumps(entry) and "Neil" not in json.dumps(entry)


def test_what_is_no_request_is_refused_and_the_server_goes_on(server):
    url = urllib.parse.urlsplit(server.layer_url("One"))
    for headers, status in (
        ({"Content-Length": "-5"}, 411),
        ({"Content-Length": "99999999999"}, 413),
        ({"Transfer-Encoding": "chunked"}, 411),
    ):
        connection = http.client.HTTPSConnection(url.netloc, context=ssl._create_unverified_context(), timeout=10)
        connection.putrequest("POST", f"{url.path}/applyEdits")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()
    for path in (
        "/",
        "/portal/../etc",
        "/arcgis/rest/services/Nope/FeatureServer/0",
        "/arcgis/rest/services/Rehearsal/FeatureServer/99",
    ):
        assert "error" in ask(server, f"https://{url.netloc}{path}")[1]
