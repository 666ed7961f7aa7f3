"""Rows in are rows out, whatever their order and whatever they hold."""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from lot_grid import lots
from shapely import Polygon

from citygis.errors import ReadError, SchemaError, StoreError
from citygis.scale import open_dataset, repartition


def parted(frame, tmp_path, rows, **options):
    frame.to_parquet(tmp_path / "lots.parquet")
    return repartition(tmp_path / "lots.parquet", tmp_path / "parts", rows=rows, **options)


def test_the_whole_is_the_source_again(tmp_path):
    frame = lots(30, 20).sample(frac=1, random_state=1).reset_index(drop=True)
    dataset = parted(frame, tmp_path, 100)
    assert [part.rows for part in dataset.parts] == [100] * 6
    whole = dataset.whole()
    assert whole["number"].tolist() == frame["number"].tolist()
    assert shapely.equals_identical(whole.geometry.array, frame.geometry.array).all()
    assert list(whole.index) == list(range(600)) and whole.crs == frame.crs


def test_parts_hold_what_lies_together(tmp_path):
    # A part of 100 lots that were a square would be 1,000 ft wide; twice that is allowed.
    dataset = parted(lots(40, 40), tmp_path, 100)
    west, south, east, north = dataset.bounds.T
    assert np.maximum(east - west, north - south).max() <= 2_000
    assert [(dataset.frame(k).total_bounds == dataset.bounds[k]).all() for k in range(16)] == [True] * 16


def test_any_reader_of_geoparquet_reads_a_part(tmp_path):
    dataset = parted(lots(10, 10), tmp_path, 30)
    frames = [gpd.read_parquet(dataset.file(part)) for part in range(len(dataset.parts))]
    assert sum(map(len, frames)) == 100 and all(frame.crs == lots(1, 1).crs for frame in frames)
    west, south, _, north = dataset.parts[0].bounds
    some = gpd.read_parquet(dataset.file(0), bbox=(west, south, west + 1, north))
    assert 0 < len(some) < dataset.parts[0].rows


def test_column_types_survive_where_only_one_part_has_nulls(tmp_path):
    frame = lots(10, 10)
    frame["units"] = pd.array([None, *range(1, 100)], dtype="Int64")
    frame["vacant"] = pd.array([*[True] * 99, None], dtype="boolean")
    frame["recorded"] = pd.Series([pd.NaT, *[pd.Timestamp("2024-07-01")] * 99])
    frame["owner"] = pd.Series([None, *["Ada Quill"] * 99], dtype="str")
    frame["area"] = [np.nan, *[0.25] * 99]
    dataset = parted(frame, tmp_path, 20)
    for part in range(len(dataset.parts)):
        types = dataset.frame(part).dtypes.astype(str)
        assert types[["units", "vacant", "owner", "area"]].tolist() == ["Int64", "boolean", "str", "float64"]
        assert types["recorded"].startswith("datetime64")
    whole = dataset.whole()
    assert whole["units"].tolist()[1:] == list(range(1, 100)) and whole["units"].isna().sum() == 1
    assert whole["recorded"][1].date() == datetime.date(2024, 7, 1)
    assert {column.name: column.nulls for column in dataset.columns} == {
        "number": 0,
        "units": 1,
        "vacant": 1,
        "recorded": 1,
        "owner": 1,
        "area": 1,
    }


def test_rows_without_a_place_have_parts_of_their_own(tmp_path):
    frame = lots(10, 1)
    frame.loc[[2, 7], "geometry"] = [None, Polygon()]
    dataset = parted(frame, tmp_path, 4)
    assert [(part.rows, part.bounds is None) for part in dataset.parts] == [(4, False), (4, False), (2, True)]
    assert dataset.frame(2).index.tolist() == [2, 7]
    assert dataset.frame(2).geometry.isna().tolist() == [True, False]


@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one(tmp_path, n):
    dataset = parted(lots(3, 1).iloc[:n], tmp_path, 10)
    assert len(dataset) == n == len(dataset.whole()) and len(dataset.parts) == n


def test_counties_follow_each_other_and_what_one_lacks_is_null(tmp_path):
    lots(3, 1).assign(zone="R1").to_parquet(tmp_path / "a.parquet")
    lots(2, 1).to_file(tmp_path / "b.gpkg")
    dataset = repartition([tmp_path / "a.parquet", tmp_path / "b.gpkg"], tmp_path / "parts", rows=2)
    whole = dataset.whole()
    assert whole["number"].tolist() == [0, 1, 2, 0, 1]
    assert whole["zone"].isna().tolist() == [False, False, False, True, True]


def test_more_parts_than_files_may_be_open_are_written_in_bundles(tmp_path, monkeypatch):
    monkeypatch.setattr("citygis.scale.partitions.MOST_OPEN", 3)
    monkeypatch.setattr("citygis.scale.sources.CHUNK", 64)
    frame = lots(20, 20).sample(frac=1, random_state=2).reset_index(drop=True)
    dataset = parted(frame, tmp_path, 25)
    assert [part.rows for part in dataset.parts] == [25] * 16
    assert dataset.whole()["number"].tolist() == frame["number"].tolist()


def test_nothing_is_left_of_a_partitioning_that_fails(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    lots(3, 3).to_parquet(tmp_path / "lots.parquet")
    with monkeypatch.context() as patched:
        patched.setattr("citygis.scale.partitions.write_part", full)
        with pytest.raises(StoreError, match="Nothing was changed"):
            repartition(tmp_path / "lots.parquet", tmp_path / "parts", rows=4)
    assert [path.name for path in tmp_path.iterdir()] == ["lots.parquet"]
    repartition(tmp_path / "lots.parquet", tmp_path / "parts", rows=4)
    with pytest.raises(StoreError, match="exists"):
        repartition(tmp_path / "lots.parquet", tmp_path / "parts", rows=4)


def test_a_key_must_be_a_column_and_rows_at_least_one(tmp_path):
    assert parted(lots(2, 1), tmp_path, 2, key="number").key == "number"
    with pytest.raises(SchemaError, match="'apn'"):
        repartition(tmp_path / "lots.parquet", tmp_path / "others", key="apn")
    with pytest.raises(ValueError, match="Invalid rows"):
        repartition(tmp_path / "lots.parquet", tmp_path / "others", rows=0)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"rows": 4,', '"rows": 5,'), ("part-00000.parquet", "../part-00000.parquet"), ("citygis partitions 1", "other"), ("{", "")],
)
def test_contents_that_do_not_say_what_they_must_are_refused(tmp_path, old, new):
    parted(lots(2, 2), tmp_path, 4)
    contents = tmp_path / "parts" / "_partitions.json"
    contents.write_text(contents.read_text().replace(old, new, 1))
    with pytest.raises(ReadError, match=r"_partitions\.json"):
        open_dataset(tmp_path / "parts")


def test_a_folder_that_lacks_a_part_or_is_none_is_refused(tmp_path):
    dataset = parted(lots(2, 2), tmp_path, 2)
    dataset.file(1).unlink()
    with pytest.raises(ReadError, match="lacks 1 of its parts"):
        open_dataset(dataset.path)
    with pytest.raises(ReadError, match="citygis partition"):
        open_dataset(tmp_path)
