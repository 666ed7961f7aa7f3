"""Real deliveries, without a crosswalk: every row accounted for, and what is known of them found."""

import json

import pytest
import shapely
from click.testing import CliRunner

from citygis.cli import main
from citygis.convert import convert
from citygis.gpkg import read_geopackage
from citygis.readers import read

FILES = [
    ("parcels/sjv_WHcentral.shp", "parcel", 1556, ()),
    ("city/sanjose/Zoning.zip", "zoning", 4239, ()),
    ("city/sanjose/Annexations.zip", "annexation", 2727, ()),
    ("city/sanjose/Benchmark.zip", "control_station", 687, ()),
    ("parcels/cambridge_ParcelsFY2013.topojson", "parcel", 13159, ("--source-crs", "EPSG:4326")),
]


@pytest.mark.parametrize(("name", "layer", "rows", "options"), FILES, ids=[name.split("/")[-1] for name, *_ in FILES])
def test_rows_in_are_rows_out_and_rows_quarantined(real_data, tmp_path, name, layer, rows, options):
    out = tmp_path / "out.gpkg"
    arguments = ["convert", str(real_data / name), "--to", layer, "--out", str(out), "--json", "--quiet", *options]
    result = CliRunner().invoke(main, arguments)
    said = json.loads(result.stdout)
    assert said["rows_in"] == rows
    assert len(read_geopackage(out, layer)) + len(read_geopackage(out, "quarantine")) == rows
    assert (said["rows_out"], said["rows_quarantined"]) == (
        len(read_geopackage(out, layer)),
        len(read_geopackage(out, "quarantine")),
    )
    assert result.exit_code == (1 if said["rows_quarantined"] or "D01" in said["findings_by_code"] else 0)


def test_san_joaquins_free_text_is_quarantined_and_every_number_is_kept(real_data):
    raw = read(real_data / "parcels/sjv_WHcentral.shp")
    result = convert(raw, "parcel")
    digits = raw["APN"].str.fullmatch(r"\d{8}|\d{9}")
    assert result.quarantine["APN"].tolist() == raw.loc[~digits, "APN"].tolist()
    assert set(result.quarantine["quarantine_code"]) == {"C03"}
    # 28 project names and remarks, and "S.P.R.R.": eight characters long, but a railroad.
    assert len(result.quarantine) == 29
    assert "S.P.R.R." in result.quarantine["quarantine_value"].tolist()
    assert result.layer["apn_profile"].value_counts().to_dict() == {"san_joaquin": 930, "stanislaus": 597}


def test_cambridges_missing_numbers_are_quarantined(real_data):
    result = convert(read(real_data / "parcels/cambridge_ParcelsFY2013.topojson", source_crs="EPSG:4326"), "parcel")
    assert (result.quarantine["quarantine_code"] == "C05").sum() == 6
    assert set(result.layer["apn_profile"]) == {"map_lot"}


def test_san_joses_benchmarks_keep_every_bit_of_their_coordinates_and_heights(real_data):
    raw = read(real_data / "city/sanjose/Benchmark.zip")
    layer = convert(raw, "control_station").layer
    assert (layer["e_ft"].to_numpy() == shapely.get_x(raw.geometry.to_numpy())).all()
    assert (layer["n_ft"].to_numpy() == shapely.get_y(raw.geometry.to_numpy())).all()
    assert layer["ortho_ht"].tolist() == [float(text) for text in raw["ELEV_FT"]]


def test_a_number_that_san_jose_never_wrote_is_told_and_no_row_is_lost(real_data):
    result = convert(read(real_data / "city/sanjose/Annexations.zip"), "annexation")
    lost = result.findings[result.findings["code"] == "R04"].iloc[0]
    assert lost["other"] == "PART_AREA"
    assert "No.00" in lost["message"]
    assert len(result.layer) == 2727
