"""Source documents: the same bytes are the same document."""

import hashlib
import shutil

import delivered
import pytest

from citygis.errors import ReadError
from citygis.readers import read, sha256_of, source_document
from citygis.schema import schema


def test_a_single_file_has_the_digest_of_its_bytes(tmp_path):
    path = delivered.write(tmp_path, ".gpkg")
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_shapefile_is_all_of_its_parts(tmp_path):
    path = delivered.write(tmp_path, ".shp")
    before = sha256_of(path)
    path.with_suffix(".prj").write_text("changed")
    assert sha256_of(path) != before
    (tmp_path / "parcels_old.dbf").write_bytes(b"another shapefile")
    (tmp_path / "other.shp").write_bytes(b"another shapefile")
    path.with_suffix(".dbf").touch()
    changed = sha256_of(path)
    path.with_suffix(".prj").write_text("changed again")
    assert sha256_of(path) != changed


def test_a_geodatabase_is_its_files_wherever_it_lies(tmp_path):
    path = delivered.write(tmp_path, ".gdb")
    copy = shutil.copytree(path, tmp_path / "copy.gdb")
    (copy / "a.sr.lock").touch()
    assert sha256_of(copy) == sha256_of(path)
    next(copy.glob("*.gdbtable")).write_bytes(b"changed")
    assert sha256_of(copy) != sha256_of(path)


def test_the_row_has_every_field_of_the_layer_and_the_id_of_the_features(tmp_path):
    path = delivered.write(tmp_path, ".gpkg")
    row = source_document(path, unit="FT_US", doc_type="COUNTY_EXTRACT", agency="Example County", recorded_on="2026-01-31")
    assert row["recorded_on"].iloc[0].day == 31 and row["epoch"].dtype == "float64"
    assert list(row.columns) == schema().layers["source_document"].names and len(row) == 1
    assert row["doc_id"].iloc[0] == read(path)["source_id"].iloc[0]
    assert row["sha256"].iloc[0] == sha256_of(path) and row["uri"].iloc[0] == "parcels.gpkg"
    assert row["agency"].iloc[0] == "Example County" and row["unit"].iloc[0] == "FT_US"


def test_what_is_not_said_is_the_default_or_null(tmp_path):
    row = source_document(delivered.write(tmp_path, ".gpkg"), unit="M")
    assert row["doc_type"].iloc[0] == "OTHER" and row["agency"].isna().all()


def test_an_unknown_field_is_a_wrong_argument(tmp_path):
    with pytest.raises(ValueError, match=r"Invalid field 'agncy'\. Must be one of: doc_id"):
        source_document(delivered.write(tmp_path, ".gpkg"), unit="M", agncy="x")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ReadError, match="is not there"):
        sha256_of(tmp_path / "nothing.gpkg")
