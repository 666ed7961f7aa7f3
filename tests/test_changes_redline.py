"""The redline page."""

import re

import geopandas as gpd
import pytest
import shapely

from citygis.changes import compare, redline_html
from citygis.changes.redline import URGENCY, ranked
from citygis.samples.refresh import county_refresh

EAST, NORTH = 6_336_000, 2_122_000


def lot(column, width=60.0):
    return shapely.box(EAST + 60 * column, NORTH, EAST + 60 * column + width, NORTH + 110)


def layer(rows, **columns):
    return gpd.GeoDataFrame({"apn": list(rows), **columns}, geometry=list(rows.values()), crs="EPSG:6420")


BASE = {name: lot(i) for i, name in enumerate("ABCDEFGH")}


@pytest.fixture(scope="module")
def refresh():
    made = county_refresh(seed=3, shift_ft=(0.3, 0.0))
    changes = compare(made.old, made.new, key="apn")
    return made, changes, redline_html(changes, made.old, made.new, title="Q4 against Q3", city="City of Riverbend")


def test_every_change_is_on_the_page_with_two_drawings_or_its_values(refresh):
    _, changes, page = refresh
    for row in changes.changes.itertuples():
        article = re.search(rf'<article[^>]*id="{row.change_id}">(.*?)</article>', page, re.DOTALL).group(1)
        assert article.count("<svg") == (0 if row.kind == "attribute" else 3 if row.moved_ft and "close up" in article else 2)
        if row.kind == "attribute":
            assert "<del>" in article and "use_code" in article


def test_the_shift_comes_first(refresh):
    *_, page = refresh
    assert page.index("The whole layer moved") < page.index("<article")


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(refresh):
    *_, page = refresh
    assert not re.search(r"<script|https?://|src=|@import|url\(", page)
    assert "default-src 'none'" in page


def test_kinds_can_be_hidden_without_a_script(refresh):
    _, changes, page = refresh
    for kind in set(changes.changes["kind"]):
        assert f'id="show-{kind}"' in page and f"#show-{kind}:not(:checked)" in page


def test_what_must_not_be_overlooked_comes_first_and_the_largest_of_it(refresh):
    _, changes, page = refresh
    order = changes.changes.iloc[ranked(changes)]
    assert order["kind"].map(URGENCY.index).is_monotonic_increasing
    splits = order.loc[order["kind"] == "split", "area_old_sqft"]
    assert splits.is_monotonic_decreasing
    assert re.findall(r'<article[^>]*id="(\w+)"', page) == order["change_id"].tolist()


def test_a_small_movement_is_drawn_close_up_with_the_old_line_in_red():
    moved = {**BASE, "B": lot(1, 60.4), "C": shapely.box(EAST + 120.4, NORTH, EAST + 180, NORTH + 110)}
    page = redline_html(compare(layer(BASE), layer(moved), key="apn"), layer(BASE), layer(moved))
    assert page.count("after, close up") == 2 and page.count('class="struck"') == 4
    assert "0.40 ft" in page


def test_text_from_the_data_is_escaped():
    bad = "<script>alert('x')</script>&"
    old, new = layer(BASE, owner=["o"] * 8), layer({bad if n == "B" else n: g for n, g in BASE.items()}, owner=[bad] + ["o"] * 7)
    page = redline_html(compare(old, new, key="apn"), old, new, title=bad, city=bad, remarks=[bad])
    assert "<script" not in page and "&lt;script&gt;" in page


def test_what_is_not_drawn_is_counted():
    new = layer({name: lot(i, 50 + i) for i, name in enumerate("ABCDEFGH")})
    page = redline_html(compare(layer(BASE), new, key="apn"), layer(BASE), new, most=3)
    assert page.count("<article") == 3 and "5 more are in the table below" in page


def test_nothing_changed_is_said():
    page = redline_html(compare(layer(BASE), layer(BASE), key="apn"), layer(BASE), layer(BASE))
    assert "No changes" in page and "<article" not in page


def test_a_feature_without_geometry_or_with_a_broken_one_is_told_without_harm():
    bow = shapely.Polygon([(EAST, NORTH), (EAST + 60, NORTH + 110), (EAST + 60, NORTH), (EAST, NORTH + 110)])
    new = layer({**BASE, "A": bow, "B": None})
    page = redline_html(compare(layer(BASE), new, key="apn"), layer(BASE), new)
    assert page.count("<article") == 2
