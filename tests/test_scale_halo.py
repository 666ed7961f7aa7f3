"""Every row near a part is found, and no other part is read for it."""

import numpy as np
import pytest
import shapely
from lot_grid import SIDE_FT, lots

from citygis.errors import ReadError
from citygis.scale import repartition, rows_near
from citygis.scale.job import around


@pytest.fixture(scope="module")
def frame():
    return lots(40, 30)


@pytest.fixture(scope="module")
def dataset(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("halo")
    frame.to_parquet(folder / "lots.parquet")
    return repartition(folder / "lots.parquet", folder / "parts", rows=200)


def test_the_halo_is_every_row_of_other_parts_within_the_distance(frame, dataset):
    for distance in (1.0, SIDE_FT + 1.0):
        for part in range(len(dataset.parts)):
            own = dataset.frame(part)
            gaps = np.maximum(
                frame.bounds[["minx", "miny"]].to_numpy()[None] - own.bounds[["maxx", "maxy"]].to_numpy()[:, None],
                own.bounds[["minx", "miny"]].to_numpy()[:, None] - frame.bounds[["maxx", "maxy"]].to_numpy()[None],
            ).max(axis=2)
            near = np.setdiff1d(np.flatnonzero((gaps <= distance).any(axis=0)), own.index)
            assert around(dataset, part, own, distance).index.tolist() == near.tolist()


def test_four_parts_meet_at_a_corner_and_each_sees_the_others(tmp_path):
    lots(2, 2).to_parquet(tmp_path / "lots.parquet")
    dataset = repartition(tmp_path / "lots.parquet", tmp_path / "parts", rows=1)
    for part in range(4):
        own = dataset.frame(part)
        assert around(dataset, part, own, 0.5).index.tolist() == sorted({0, 1, 2, 3} - {own.index[0]})


def test_only_parts_and_row_groups_that_are_near_are_read(dataset, monkeypatch):
    read = []
    monkeypatch.setattr(
        type(dataset),
        "table",
        lambda self, part, columns, groups=None, table=type(dataset).table: (
            read.append(part),
            table(self, part, columns, groups=groups),
        )[1],
    )
    own = dataset.frame(0)
    place = shapely.box(*dataset.bounds[0])
    rows_near(dataset, np.array([shapely.centroid(place)]), 1.0)
    west, south, east, north = dataset.bounds.T
    e, n = shapely.get_coordinates(shapely.centroid(place))[0]
    assert set(read) <= set(np.flatnonzero((west <= e + 1) & (east >= e - 1) & (south <= n + 1) & (north >= n - 1)))
    assert len(own) == dataset.parts[0].rows


def test_rows_that_are_known_are_left_out_and_too_many_are_refused(dataset, frame):
    everything = np.array([shapely.box(*frame.total_bounds)])
    assert len(rows_near(dataset, everything, 0.0, beyond=np.arange(1_000))) == 200
    assert len(rows_near(dataset, everything, 0.0, beyond=np.arange(1_200))) == 0
    with pytest.raises(ReadError, match="more than 500 rows"):
        rows_near(dataset, everything, 0.0, at_most=500)


def test_nothing_is_near_what_has_no_place(dataset):
    assert len(rows_near(dataset, np.array([None, shapely.Point()], dtype=object), 1e9)) == 0
