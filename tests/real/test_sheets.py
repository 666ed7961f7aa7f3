"""Sheets of a real city's layer: San José's zoning districts, slivers, holes and multi-part districts included."""

import geopandas as gpd
import pyproj
import pytest
import shapely

from citygis.city import default_city
from citygis.settings import check
from citygis.sheets import Sheet, draw


@pytest.fixture(scope="module")
def zoning(real_data):
    path = real_data / "city" / "sanjose" / "Zoning.zip"
    if not path.exists():
        pytest.skip("the zoning file is not there")
    return gpd.read_file(path).rename(columns={"ZONING": "code"})


def drawn(zoning, **changes):
    # The file's own system, so that nothing is shifted on the way to paper.
    city = default_city().model_copy(update={"crs": pyproj.CRS(zoning.crs), "realization": "NAD83"})
    sheet = {"paper": "arch_d", "scale": "fit", "layers": ["zoning"], "title_block": {"title": "Zoning"}}
    return draw(check(sheet | changes, Sheet, "zoning.toml"), {"zoning": zoning}, city=city)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"paper": "iso_a1"},
        {"paper": "ansi_a", "orientation": "portrait", "scale": "1in=1000ft", "view": {"centre": "features"}},
        {"paper": "map_act_18x26", "scale": "1in=400ft", "view": {"centre": "features"}},
    ],
    ids=["arch_d", "iso_a1", "letter", "map_act"],
)
def test_a_real_layer_is_drawn_at_the_exact_scale_with_every_district_labelled_or_listed(zoning, changes, tmp_path):
    figure = drawn(zoning, **changes)
    report = figure.preflight(figure.save(tmp_path / "zoning.pdf"))
    assert [one for one in report.checks if not one.passed] == []
    (row,) = figure.counts.to_dict("records")
    assert row["features"] == shapely.intersects(zoning.geometry.values, shapely.box(*figure.frame.extent)).sum()
    assert row["labelled"] + row["unlabelled"] == row["features"] > 100


def test_the_whole_of_it_fits(zoning):
    extent = drawn(zoning).frame.extent
    assert shapely.box(*extent).covers(shapely.box(*zoning.total_bounds))
