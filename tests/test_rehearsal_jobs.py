"""Append, asynchronous edits and uploads: with the arcgis client where it can wait for an end, by hand where it could not."""

import http.client
import json
import ssl
import urllib.parse
import uuid

import pytest
from rehearsal_parcels import ask, parcels, require_arcgis

from citygis.rehearsal import rehearsing
from citygis.rehearsal.frames import write_frames


@pytest.fixture(scope="module")
def running():
    with rehearsing({"Parcels": parcels(2)}) as server:
        yield server


@pytest.fixture
def server(running):
    yield running
    running.settings(append_behaviour="complete", async_pending=False)
    running.reset()


def layer(server):
    require_arcgis()
    from arcgis.features import FeatureLayer
    from arcgis.gis import GIS

    return FeatureLayer(server.layer_url("Parcels"), GIS(server.portal, token=server.token(), verify_cert=False))


def upload(server, tmp_path):
    """Lots 0 to 4 as a GeoPackage with GlobalIDs of their own, uploaded as a multipart form."""
    frame = parcels(5).assign(GlobalID=[uuid.UUID(int=i + 1) for i in range(5)])
    write_frames(tmp_path / "lots.gpkg", {"lots": frame})
    from arcgis.features import FeatureLayerCollection
    from arcgis.gis import GIS

    gis = GIS(server.portal, token=server.token(), verify_cert=False)
    return FeatureLayerCollection(server.service, gis).upload(str(tmp_path / "lots.gpkg"))


def test_append_takes_an_uploaded_geopackage_and_upserts_by_a_field(server, tmp_path):
    found = layer(server)
    item = upload(server, tmp_path)
    result = found.append(
        upload_id=item, upload_format="geoPackage", upsert=True, upsert_matching_field="APN", return_messages=True
    )
    assert result[0] is True if isinstance(result, tuple) else result
    assert [f["attributes"]["APN"] for f in server.features("Parcels")] == ["0000", "0001", "0002", "0003", "0004"]
    assert server.features("Parcels")[4]["attributes"]["GlobalID"] == "{00000000-0000-0000-0000-000000000005}"


@pytest.mark.parametrize(
    ("behaviour", "status", "rows"),
    [("pending", "Pending", 2), ("errors", "CompletedWithErrors", 3), ("fail", "Failed", 2), ("complete", "Completed", 4)],
)
def test_an_append_job_ends_as_it_is_told(server, behaviour, status, rows):
    server.settings(append_behaviour=behaviour)
    features = [{"attributes": {"APN": f"9{i}"}} for i in range(2)]
    edits = json.dumps({"layers": [{"featureSet": {"features": features}}]})
    _, reply = ask(
        server, f"{server.layer_url('Parcels')}/append", method="POST", edits=edits, appendUploadFormat="featureCollection"
    )
    assert ask(server, reply["statusUrl"])[1]["status"] == status
    assert len(server.features("Parcels")) == rows


def test_an_asynchronous_edit_completes_though_its_result_is_an_error(server):
    url = f"{server.layer_url('Parcels')}/applyEdits"
    said = {"method": "POST", "async": "true", "adds": json.dumps([{"attributes": {"NO_SUCH": 1}}])}
    _, job = ask(server, url, **said)
    _, status = ask(server, job["statusUrl"])
    assert status["status"] == "Completed"
    assert ask(server, status["resultUrl"])[1]["error"]["details"][-1] == "Operation rolled back."
    server.settings(async_pending=True)
    assert ask(server, ask(server, url, **said)[1]["statusUrl"])[1]["status"] == "Pending"


def test_the_clients_future_goes_by_upload_and_brings_the_results(server):
    added = layer(server).edit_features(adds=[{"attributes": {"APN": "0100"}}], future=True)
    assert added["addResults"][0]["success"]
    assert {"uploads", "applyEdits", "job"} <= {entry["operation"] for entry in server.trace()}
    assert len(server.features("Parcels")) == 3


def test_a_file_comes_in_parts_too(server):
    uploads = f"{server.service}/uploads"
    item = ask(server, f"{uploads}/register", method="POST", itemName="lots.json")[1]["item"]["itemID"]
    for number, part in ((2, b'[{"attributes":{"APN":"0102"}}]}'), (1, b'{"adds":')):
        assert send_file(server, f"{uploads}/{item}/uploadPart", part, partId=number)["success"]
    assert ask(server, f"{uploads}/{item}/parts")[1]["parts"] == ["1", "2"]
    ask(server, f"{uploads}/{item}/commit", method="POST", parts="1,2")
    said = {"async": "true", "editsUploadId": item, "editsUploadFormat": "json"}
    ask(server, f"{server.layer_url('Parcels')}/applyEdits", method="POST", **said)
    assert server.features("Parcels")[-1]["attributes"]["APN"] == "0102"


def send_file(server, address, content, **fields):
    """A multipart form by hand (RFC 7578)."""
    url, edge = urllib.parse.urlsplit(address), "----edge"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="part"\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + content + f"\r\n--{edge}--\r\n".encode()
    connection = http.client.HTTPSConnection(url.netloc, context=ssl._create_unverified_context())
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}", "X-Esri-Authorization": f"Bearer {server.token()}"}
    connection.request("POST", url.path, body, headers)
    reply = json.loads(connection.getresponse().read())
    connection.close()
    return reply


def test_sql_is_checked_and_unknown_jobs_and_uploads_are_refused(server):
    url = server.layer_url("Parcels")
    assert ask(server, f"{url}/validateSQL", method="POST", sql="APN = '1'", sqlType="where")[1]["isValidSQL"] is True
    assert ask(server, f"{url}/validateSQL", method="POST", sql="APN = = 1", sqlType="where")[1]["isValidSQL"] is False
    assert ask(server, f"{server.service}/jobs/x")[1]["error"]["code"] == 400
    said = {"appendUploadId": "../../secret", "appendUploadFormat": "geoPackage"}
    assert ask(server, f"{url}/append", method="POST", **said)[1]["error"]["code"] == 400
    assert ask(server, f"{url}/1/attachments")[1] == {"attachmentInfos": []}
