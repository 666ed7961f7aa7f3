"""A PROJ of other software in the environment changes nothing here."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, sys
import citygis.readers
import fiona, rasterio, pyproj, pyogrio
from rasterio.crs import CRS
with fiona.open(sys.argv[1], "w", driver="GPKG", crs="EPSG:2227", schema={"geometry": "Point", "properties": {}}) as sink:
    sink.write({"geometry": {"type": "Point", "coordinates": (6337500.0, 2122600.0)}, "properties": {}})
frame = citygis.readers.read(sys.argv[1])
print(json.dumps({
    "left": {name: os.environ.get(name) for name in ("PROJ_LIB", "PROJ_DATA")},
    "rasterio": CRS.from_epsg(2227).to_epsg(), "read": frame.crs.to_epsg(), "rows": len(frame),
}))
"""


@pytest.fixture
def foreign(tmp_path):
    """A PROJ folder of another version: its database has a layout that these libraries do not know."""
    folder = tmp_path / "proj"
    folder.mkdir()
    with sqlite3.connect(folder / "proj.db") as db:
        db.execute("create table metadata (key text, value text)")
        db.executemany(
            "insert into metadata values (?, ?)",
            [("DATABASE.LAYOUT.VERSION.MAJOR", "0"), ("DATABASE.LAYOUT.VERSION.MINOR", "1")],
        )
    db.close()
    return folder


def run(program: str, *args: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PROJ_", "CITYGIS_"))}
    return subprocess.run(
        [sys.executable, "-c", program, *args], env=environment | variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["PROJ_LIB", "PROJ_DATA"])
def test_reading_works_with_a_foreign_proj_in_the_environment(tmp_path, foreign, name):
    result = run(PROGRAM, str(tmp_path / "a.gpkg"), **{name: str(foreign)})
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report == {"left": {"PROJ_LIB": None, "PROJ_DATA": None}, "rasterio": 2227, "read": 2227, "rows": 1}


def test_the_foreign_proj_would_have_broken_it(tmp_path, foreign):
    result = run(PROGRAM, str(tmp_path / "a.gpkg"), PROJ_LIB=str(foreign), PROJ_DATA=str(foreign), CITYGIS_KEEP_PROJ="1")
    assert result.returncode != 0 and "CRSError" in result.stderr


CLEAN = "from citygis.environment import clean_proj_environment; print(clean_proj_environment())"


def test_what_was_removed_is_told(foreign):
    assert run(CLEAN, PROJ_LIB=str(foreign)).stdout.strip() == str({"PROJ_LIB": str(foreign)})


def test_the_folder_of_an_installed_wheel_is_not_foreign():
    program = "import pyproj, os; os.environ['PROJ_DATA'] = pyproj.datadir.get_data_dir(); " + CLEAN
    assert run(program).stdout.strip() == "{}"


def test_a_folder_of_this_environment_is_not_foreign():
    assert run(CLEAN, PROJ_DATA=f"{sys.prefix}/share/proj").stdout.strip() == "{}"
