"""The server as a process: what it serves of a City's GeoPackage, data that outlive it, its control port, and its end."""

import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from rehearsal_parcels import ask, parcels

from citygis.errors import SyncError
from citygis.gpkg import write_geopackage
from citygis.rehearsal import rehearsing
from citygis.schema import schema

IDENT = uuid.UUID(int=9)


@pytest.fixture
def city_file(tmp_path):
    frame = gpd.GeoDataFrame(
        {"global_id": [str(IDENT)], "name": ["Riverside Park"], "status": ["ACTIVE"], "legal_from": pd.to_datetime(["2020-02-29"])},
        geometry=[shapely.box(6000000, 2000000, 6000100, 2000100)],
        crs=2227,
    )
    owners = pd.DataFrame({"global_id": [str(IDENT)]})
    layers = {"park": frame, "parcel_owner": owners, "park_hist": frame}
    return write_geopackage(tmp_path / "city.gpkg", layers, schema=schema())


def test_a_city_layer_has_the_schemas_types_lengths_and_domains_and_keeps_its_identifier(city_file):
    before = city_file.read_bytes()
    with rehearsing(city_file, anonymous=True) as server:
        _, definition = ask(server, server.layer_url("park"), is_signed_in=False)
        (feature,) = server.features("park")
        server.edit("park", deletes=[1])
        _, service = ask(server, server.service, is_signed_in=False)
        assert "parcel_owner" in server.remarks[0]
    fields = {f["name"]: f for f in definition["fields"]}
    assert fields["status"]["length"] == 10 and fields["status"]["nullable"] is False
    codes = [code["code"] for code in fields["status"]["domain"]["codedValues"]]
    assert codes == list(schema().layer("park").field("status").domain)
    assert fields["legal_from"]["type"] == "esriFieldTypeDateOnly" and fields["global_id"]["type"] == "esriFieldTypeGUID"
    assert feature["attributes"]["GlobalID"] == f"{{{str(IDENT).upper()}}}"
    assert feature["attributes"]["legal_from"] == "2020-02-29" and feature["attributes"]["Shape__Area"] == 10000
    assert [part["name"] for part in (*service["layers"], *service["tables"])] == ["park"]
    assert city_file.read_bytes() == before


def test_restricted_layers_are_served_when_they_are_named(city_file):
    with rehearsing(city_file, only=["parcel_owner"]) as server:
        assert len(server.features("parcel_owner")) == 1
        assert ask(server, server.layer_url("parcel_owner"))[1]["type"] == "Table"


def test_a_state_is_gone_on_with_and_reset_begins_again(tmp_path):
    state = tmp_path / "rehearsal.sqlite"
    frames = {"Parcels": parcels(2)}
    with rehearsing(frames, state=state) as server:
        server.edit("Parcels", updates=[{"attributes": {"OBJECTID": 1, "OWNER": "Somebody"}}], deletes=[])
        item, known = server.item_id, server.features("Parcels")
        with pytest.raises(SyncError, match="another server"), rehearsing(frames, state=state):
            pass
    with rehearsing(frames, state=state) as server:
        assert (server.item_id, server.features("Parcels")) == (item, known)
        server.reset()
        assert server.features("Parcels")[0]["attributes"]["OWNER"] == "O'Neil 0"


def test_a_file_that_is_no_state_is_left_alone(tmp_path):
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as file:
        file.execute("CREATE TABLE mine (a)")
    file.close()
    with pytest.raises(SyncError, match="not the state of a rehearsal"), rehearsing({"Parcels": parcels(1)}, state=other):
        pass
    (tmp_path / "text").write_text("no database at all, only words " * 50)
    with pytest.raises(SyncError, match="not the state"), rehearsing({"Parcels": parcels(1)}, state=tmp_path / "text"):
        pass


def test_what_cannot_be_served_is_told(tmp_path):
    with pytest.raises(SyncError, match="not there"), rehearsing(tmp_path / "none.gpkg"):
        pass
    twice = parcels(2).assign(GlobalID=[IDENT, IDENT])
    with pytest.raises(SyncError, match="GlobalID"), rehearsing({"Parcels": twice}):
        pass
    with pytest.raises(SyncError, match="max_record_cuont"), rehearsing({"Parcels": parcels(1)}, max_record_cuont=3):
        pass


def test_the_control_port_asks_for_its_secret_and_the_key_is_the_owners(tmp_path):
    with rehearsing({"Parcels": parcels(1)}) as server:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{server._control}/trace", timeout=10)
        refused.value.close()
        assert refused.value.code == 403
        with pytest.raises(ValueError, match="There is no"):
            server.features("Nothing")
        assert server.certificate.with_name("key.pem").stat().st_mode & 0o077 == 0
        folder, process = server.certificate.parent, server.process
    assert process.returncode == 0 and not folder.exists()


def test_the_server_ends_with_the_process_that_started_it(tmp_path):
    code = """
import json, os, sys
from rehearsal_parcels import parcels
from citygis.rehearsal import rehearsing
with rehearsing({"Parcels": parcels(1)}) as server:
    print(server.process.pid, flush=True)
    os._exit(9)
"""
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False
    )
    pid = int(done.stdout)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        import time

        time.sleep(0.1)
    pytest.fail("the server outlived the process that started it")
