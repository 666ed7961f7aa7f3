"""On Spark, where it is installed, the answers are those of the loop, and errors are told alike."""

import lot_grid
import pytest
from lot_grid import lots

from citygis.errors import AnalysisError, CRSError
from citygis.scale import map_partitions, repartition

pytest.importorskip("pyspark", reason="Spark takes 460 MB and Java; citygis[spark] installs it")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lots")
    lots(24, 18).to_parquet(folder / "lots.parquet")
    return repartition(folder / "lots.parquet", folder / "parts", rows=108)


def test_spark_answers_as_the_loop_does(dataset, tmp_path):
    found = map_partitions(lot_grid.touching, dataset, halo=1.0, engine="spark", workers=2)
    assert found.equals(map_partitions(lot_grid.touching, dataset, halo=1.0))
    made = map_partitions(lot_grid.centres, dataset, engine="spark", workers=2, out=tmp_path / "spark")
    assert made.whole().equals(map_partitions(lot_grid.centres, dataset, out=tmp_path / "loop").whole())


def test_a_part_that_fails_is_named_once_it_is_tried_and_the_others_stay(dataset, tmp_path):
    part = next(k for k in range(4) if 0 in dataset.frame(k).index)
    with pytest.raises(AnalysisError, match=rf"^part-{part:05d}.parquet of .*: ZeroDivisionError: lot 0$"):
        map_partitions(lot_grid.broken_part, dataset, engine="spark", workers=2, out=tmp_path / "done")
    assert len(list((tmp_path / "done").glob("part-*.parquet"))) == 3


def test_an_error_of_citygis_keeps_its_class(dataset):
    def refused(own, halo):
        raise CRSError("no")

    with pytest.raises(CRSError, match=r"^part-0000\d.parquet of .*: no$"):
        map_partitions(refused, dataset, engine="spark", workers=2)


def test_a_worker_that_dies_is_replaced_and_a_part_that_takes_three_down_is_named(dataset, tmp_path):
    (tmp_path / "marks").mkdir()
    told = {"marks": str(tmp_path / "marks")}
    found = map_partitions(lot_grid.dies_once, dataset, halo=1.0, broadcast=told, engine="spark", workers=2)
    assert (tmp_path / "marks" / "died").exists() and len(found) == 432
    part = next(k for k in range(4) if 0 in dataset.frame(k).index)
    with pytest.raises(AnalysisError, match=rf"^part-{part:05d}.parquet of .*: its worker died 3 times"):
        map_partitions(lot_grid.deadly_part, dataset, engine="spark", workers=2, out=tmp_path / "done")


def test_a_master_that_is_not_there_is_refused(dataset):
    with pytest.raises(AnalysisError, match="Spark did not start"):
        map_partitions(lot_grid.centres, dataset, engine="spark", scheduler="no such master")
