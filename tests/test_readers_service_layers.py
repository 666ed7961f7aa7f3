"""``citygis.read("https://.../FeatureServer/0")``, and the commands that take a file take the address too."""

import json
import os
import subprocess
import sys

import geopandas as gpd
import pytest
from click.testing import CliRunner
from service_layers import lots

import citygis as cg
from citygis.cli import main
from citygis.errors import ReadError
from citygis.readers import crs_stated, sha256_of, source_document
from citygis.schema import source_id_of

pytest.importorskip("cryptography")
from citygis.rehearsal import rehearsing


@pytest.fixture(scope="module")
def rehearsal():
    """A public service of two layers."""
    with rehearsing(
        {"Parcels": lots(12), "Web": lots(3, epsg=3857)}, lengths={"APN": 12}, max_record_count=5, anonymous=True
    ) as made:
        yield made


@pytest.fixture(autouse=True)
def trusted(rehearsal, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(rehearsal.certificate))


@pytest.fixture
def url(rehearsal):
    return rehearsal.layer_url("Parcels")


def test_a_layer_is_read_as_a_file_would_be(url):
    raw = cg.read(url)
    assert len(raw) == 12
    assert raw.crs.to_epsg() == 2227
    assert raw["source_ref"].tolist()[:2] == [f"{url}#1", f"{url}#2"]
    assert raw["source_id"].nunique() == 1
    assert raw["APN"].isna().sum() == 3
    assert "global_id" not in raw.columns
    assert "read_code" not in raw.columns
    assert crs_stated(url).to_epsg() == 2227


def test_the_source_is_known_by_its_content(url, rehearsal):
    first = cg.read(url)
    assert first["source_id"][0] == cg.read(url)["source_id"][0]
    digest = sha256_of(url)
    assert first["source_id"][0] == source_id_of(digest)
    document = source_document(url, unit="FT_US")
    assert document.loc[0, "uri"] == url
    assert document.loc[0, "sha256"] == digest
    rehearsal.edit("Parcels", updates=[{"attributes": {"OBJECTID": 2, "APN": "999-010-00"}}])
    assert cg.read(url)["source_id"][0] != first["source_id"][0]
    rehearsal.reset()


def test_a_service_that_was_not_read_has_no_digest():
    with pytest.raises(ReadError, match="not read in this run"):
        sha256_of("https://gis.example/Other/FeatureServer/0")


def test_a_service_with_several_layers_wants_one_named(url):
    service = url.rpartition("/")[0]
    with pytest.raises(ReadError, match="Parcels, Web"):
        cg.read(service)
    assert len(cg.read(service, layer="Web")) == 3
    with pytest.raises(ReadError, match="no layer 'Roads'"):
        cg.read(service, layer="Roads")


def test_a_service_that_is_not_there_or_wants_a_login_says_so(url, rehearsal):
    with pytest.raises(ReadError, match="did not answer"):
        cg.read(url.replace("/FeatureServer/0", "/FeatureServer/77"))
    rehearsal.settings(anonymous=False)
    with pytest.raises(ReadError, match="login"):
        cg.read(url)
    rehearsal.settings(anonymous=True)


def test_a_true_curve_is_told(url, rehearsal):
    easting, northing = 6_250_000, 1_900_000
    ring = [[easting, northing], {"c": [[easting + 200, northing], [easting + 100, northing + 100]]}, [easting, northing]]
    curve = {"curveRings": [ring], "spatialReference": {"wkid": 2227}}
    rehearsal.edit("Parcels", updates=[{"attributes": {"OBJECTID": 1}, "geometry": curve}])
    raw = cg.read(url)
    rehearsal.reset()
    assert raw["read_code"].tolist() == ["R02", *[None] * 11] or raw["read_code"].fillna("").tolist() == ["R02", *[""] * 11]
    assert raw.geometry[0].area == pytest.approx(3.14159265 * 100**2 / 2, rel=1e-3)


def test_measures_that_are_left_out_are_told(url, caplog):
    changed = {"Roads": {"hasM": True}}
    with rehearsing({"Roads": lots(2)}, anonymous=True, definition=changed) as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(made.certificate))
        cg.read(made.layer_url("Roads"))
    assert [each.message for each in caplog.records if "measures (M), which are left out" in each.message]


def test_the_environment_names_the_certificate_of_an_authority_of_ones_own(url, rehearsal, monkeypatch, tmp_path):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ReadError, match="CITYGIS_CERTIFICATE=FILE"):
        cg.read(url)
    monkeypatch.setenv("CITYGIS_CERTIFICATE", str(rehearsal.certificate))
    assert len(cg.read(url)) == 12
    monkeypatch.setenv("CITYGIS_CERTIFICATE", str(tmp_path / "none.pem"))
    with pytest.raises(ReadError, match="is no certificate that can be read"):
        cg.read(url)


def test_inspect_reports_every_layer(url):
    told = cg.inspect(url.rpartition("/")[0])
    assert [(layer.layer, layer.count, layer.frame.code) for layer in told.layers] == [
        ("Parcels", 12, "EPSG:2227"),
        ("Web", 3, "EPSG:3857"),
    ]
    assert told.layers[0].looks_like[0].layer == "parcel"
    result = CliRunner().invoke(main, ["inspect", url, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["path"] == url
    assert CliRunner().invoke(main, ["inspect", url.replace("FeatureServer/0", "FeatureServer/9")]).exit_code == 3


def test_convert_takes_the_address(url, tmp_path):
    out = tmp_path / "parcels.gpkg"
    result = CliRunner().invoke(main, ["convert", url, "--to", "parcel", "--out", str(out), "--json"])
    summary = json.loads(result.stdout)
    assert (summary["rows_in"], summary["rows_out"], summary["rows_quarantined"]) == (12, 9, 3)
    document = gpd.read_file(out, layer="source_document")
    assert document.loc[0, "uri"] == url
    assert gpd.read_file(out, layer="parcel")["source_id"].unique().tolist() == document["doc_id"].tolist()


def test_nothing_of_arcgis_is_imported_to_read_a_service_or_to_show_help(url):
    code = f"""
import sys
import citygis as cg
from citygis.readers.service import plain_reader
import citygis.sync.credentials, citygis.sync.redaction, citygis.sync.arcgis_client
cg.read({url!r})
from click.testing import CliRunner
from citygis.cli import COMMANDS, main
assert CliRunner().invoke(main, ["--help"]).exit_code == 0
if "sync" in COMMANDS:
    assert CliRunner().invoke(main, ["sync", "--help"]).exit_code == 0
print(sorted({{name.split(".")[0] for name in sys.modules}} & {{"arcgis", "requests", "keyring", "cryptography", "urllib3"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ.copy())
    assert done.stdout.strip() == "[]", done.stderr
