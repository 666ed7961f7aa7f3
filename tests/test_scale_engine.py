"""The answers do not depend on how many parts there are, nor on who works; what is done is not done again."""

import multiprocessing

import geopandas as gpd
import lot_grid
import pandas as pd
import pytest
from lot_grid import lots

from citygis.errors import AnalysisError, CRSError, StoreError
from citygis.scale import map_partitions, open_dataset, repartition


def parted(tmp_path, rows, frame=None):
    (lots(24, 18) if frame is None else frame).to_parquet(tmp_path / "lots.parquet")
    return repartition(tmp_path / "lots.parquet", tmp_path / f"parts_{rows}", rows=rows)


@pytest.fixture(scope="module")
def expected():
    """A lot in the middle touches eight others, at a side five, at a corner three."""
    return [3 + 2 * ((0 < k % 24 < 23) + (0 < k // 24 < 17)) + ((0 < k % 24 < 23) and (0 < k // 24 < 17)) for k in range(24 * 18)]


@pytest.mark.parametrize("rows", [432, 144, 54, 1_000])
def test_neighbours_across_parts_are_counted_as_in_one_frame(tmp_path, expected, rows):
    found = map_partitions(lot_grid.touching, parted(tmp_path, rows), halo=1.0)
    assert found.sort_values("citygis_row")["count"].tolist() == expected


def test_without_a_halo_they_are_lost(tmp_path, expected):
    found = map_partitions(lot_grid.touching, parted(tmp_path, 54))
    assert found["count"].sum() < sum(expected)


def test_processes_and_dask_answer_as_the_loop_does(tmp_path, scheduler, expected):
    dataset = parted(tmp_path, 108)
    for options in ({"engine": "processes", "workers": 1}, {"engine": "dask", "scheduler": scheduler}):
        found = map_partitions(lot_grid.touching, dataset, halo=1.0, **options)
        assert found.sort_values("citygis_row")["count"].tolist() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lots.parquet", "parts_108"]  # nothing left beside the dataset


def test_a_layer_comes_back_as_a_dataset_and_is_not_made_again(tmp_path):
    dataset = parted(tmp_path, 100)
    made = map_partitions(lot_grid.centres, dataset, out=tmp_path / "centres")
    assert [part.rows for part in made.parts] == [part.rows for part in dataset.parts]
    assert made.whole().geometry.iloc[5].coords[0] == (lot_grid.EAST + 550.0, lot_grid.NORTH + 50.0)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "centres").iterdir()}
    assert map_partitions(lot_grid.centres, dataset, out=tmp_path / "centres").identity == made.identity
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "centres").iterdir()} == before
    assert open_dataset(tmp_path / "centres").columns == made.columns
    with pytest.raises(StoreError, match="another job"):
        map_partitions(lot_grid.touching, dataset, out=tmp_path / "centres")
    with pytest.raises(StoreError, match="something else"):
        map_partitions(lot_grid.centres, dataset, out=dataset.path)


def _until_killed(path, marks, out):
    map_partitions(lot_grid.dies_once, open_dataset(path), halo=1.0, broadcast={"marks": marks}, out=out)


def test_killed_and_called_again_it_goes_on_where_it_was(tmp_path, expected):
    dataset, marks, out = parted(tmp_path, 72), tmp_path / "marks", tmp_path / "done"
    marks.mkdir()
    process = multiprocessing.get_context("spawn").Process(target=_until_killed, args=(str(dataset.path), str(marks), str(out)))
    process.start()
    process.join()
    assert process.exitcode == -9 and len(list(out.glob("part-*.parquet"))) == 2
    found = map_partitions(lot_grid.dies_once, dataset, halo=1.0, broadcast={"marks": str(marks)}, out=out)
    assert found.sort_values("citygis_row")["count"].tolist() == expected
    calls = sorted(len(mark.read_text()) for mark in marks.iterdir() if mark.name != "died")
    assert calls == [1, 1, 1, 1, 1, 2]  # only the part that was being worked on was begun twice


def test_a_worker_that_is_lost_is_replaced(tmp_path, expected):
    dataset, marks = parted(tmp_path, 108), tmp_path / "marks"
    marks.mkdir()
    found = map_partitions(lot_grid.dies_once, dataset, halo=1.0, broadcast={"marks": str(marks)}, engine="processes", workers=1)
    assert (marks / "died").exists() and found.sort_values("citygis_row")["count"].tolist() == expected


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_a_part_that_fails_is_named_and_the_others_stay(tmp_path, engine, scheduler):
    dataset, out = parted(tmp_path, 108), tmp_path / "done"
    options = {"scheduler": scheduler} if engine == "dask" else {}
    part = next(k for k in range(4) if 0 in dataset.frame(k).index)
    with pytest.raises(AnalysisError, match=rf"^part-{part:05d}.parquet of .*: ZeroDivisionError: lot 0$"):
        map_partitions(lot_grid.broken_part, dataset, engine=engine, out=out, **options)
    assert not (out / f"part-{part:05d}.parquet").exists()


def test_an_error_of_citygis_keeps_its_class(tmp_path):
    def refused(own, halo):
        raise CRSError("no")

    with pytest.raises(CRSError, match=r"^part-00000.parquet of .*: no$"):
        map_partitions(refused, parted(tmp_path, 500))


def test_answers_for_rows_of_the_halo_are_refused(tmp_path):
    with pytest.raises(AnalysisError, match="its own only"):
        map_partitions(lambda own, halo: pd.concat([own, halo]), parted(tmp_path, 100), halo=1.0)


def test_rows_may_be_left_out_or_told_several_times(tmp_path):
    dataset = parted(tmp_path, 100)
    some = map_partitions(lambda own, halo: own[own["number"] % 50 == 0], dataset)
    assert some.index.tolist() == list(range(0, 432, 50)) and isinstance(some, gpd.GeoDataFrame)
    twice = map_partitions(lambda own, halo: pd.concat([own, own]), dataset)
    assert len(twice) == 864


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"engine": "ray"}, "Invalid engine 'ray'"),
        ({"halo": -1.0}, "Invalid halo"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "Invalid scheduler"),
        ({"engine": "processes", "workers": 0}, "Invalid workers"),
    ],
)
def test_wrong_arguments_are_told(tmp_path, options, says):
    with pytest.raises(ValueError, match=says):
        map_partitions(lot_grid.touching, parted(tmp_path, 500), **options)


def test_processes_need_a_function_that_they_can_find(tmp_path):
    with pytest.raises(ValueError, match="one of a module"):
        map_partitions(lambda own, halo: own, parted(tmp_path, 500), engine="processes")
