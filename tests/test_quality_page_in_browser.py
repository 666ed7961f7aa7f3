"""The report's page in headless Chromium, from a file: it works alone, and does what its buttons say."""

import json
import time
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from browser import Browser
from quality_layers import FEET, at, parcels, sound

from citygis.findings import findings_frame
from citygis.quality import html_report, records, validate
from citygis.quality.exceptions import merge_exceptions

HOSTILE = "</script><img src=x onerror='window.harmed=1'>"


def broken():
    """Two overlaps, a bowtie, a lot without geometry, and a name that means harm."""
    ring = shapely.get_coordinates(at(240, 0, 60, 110))[[0, 2, 1, 3, 0]]
    lots = [at(0, 0, 60, 110), at(50, 0, 70, 110), at(119.9, 0, 60, 110), None, shapely.Polygon(ring)]
    frame = parcels(*lots)
    frame.loc[0, "apn_display"] = HOSTILE
    return {**sound(), "parcel": frame}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory, require_program):
    opened = Browser(require_program("chromium"), tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of `broken`, with what it was made from."""
    layers = broken()
    found = validate(layers)
    path = tmp_path_factory.mktemp("report") / "a b#c.html"
    path.write_text(html_report(found, layers, title=HOSTILE, previous=[records(found.iloc[2:])]), encoding="utf-8")
    return SimpleNamespace(path=path, found=found, layers=layers)


@pytest.fixture
def page(chromium, report):
    chromium.open(report.path)
    return chromium


def status(page):
    return page.run("document.getElementById('status').textContent")


def fill(page, name, value):
    control = f"document.getElementById({name!r})"
    page.run(f"{control}.value = {json.dumps(value)}; {control}.dispatchEvent(new Event('input'))")


def push(page, name):
    page.run(f"document.getElementById({name!r}).click()")


def test_it_complains_of_nothing_and_asks_for_nothing(page, report):
    assert page.complaints() == []
    assert {each for each in page.requests() if not each.startswith("data:")} == {report.path.resolve().as_uri()}
    assert status(page) == f"{len(report.found)} of {len(report.found)} findings"


def test_a_hostile_name_is_only_text(page):
    assert page.run("window.harmed") is None
    assert page.run("document.images.length") == 0
    assert HOSTILE in page.run("document.getElementById('list').textContent")


def test_a_script_that_is_not_the_page_s_own_is_refused(page):
    page.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.harmed = 1'; document.body.append(s); })()"
    )
    assert page.run("window.harmed") is None
    assert any("Content Security Policy" in each for each in page.complaints())


def test_the_filters_narrow_the_list(page, report):
    found = report.found
    fill(page, "f-text", "overlap")
    wanted = found["message"].str.contains("overlap", case=False) | found["rule"].str.contains("overlap", case=False)
    assert status(page).startswith(f"{wanted.sum()} of ")
    assert page.run("document.querySelectorAll('#list li[id]').length") == wanted.sum()
    push(page, "reset")
    assert status(page).startswith(f"{len(found)} of ")
    group = page.run("[...document.querySelectorAll('#f-rule option')].find((x) => x.textContent.startsWith('G03')).value")
    fill(page, "f-rule", group)
    assert status(page).startswith(f"{(found['code'] == 'G03').sum()} of ")
    push(page, "reset")
    push(page, "f-error")
    assert status(page).startswith(f"{(found['severity'] != 'error').sum()} of ")


def test_what_is_new_since_the_last_run_can_be_singled_out(page):
    new = page.run("[...document.querySelectorAll('#f-standing option')].find((x) => x.textContent.startsWith('new')).value")
    fill(page, "f-standing", new)
    assert status(page).startswith("2 of ")


def test_the_list_goes_by_the_keyboard(page, report):
    page.run("document.getElementById('list').focus()")
    page.press("Home")
    page.press("ArrowDown")
    assert page.run("[...document.querySelectorAll('#list li')].findIndex((x) => x.getAttribute('aria-selected') === 'true')") == 1
    assert page.run("document.getElementById('list').getAttribute('aria-activedescendant')") == page.run(
        "document.querySelectorAll('#list li')[1].id"
    )
    page.press("End")
    assert page.run("document.querySelector('#list li:last-child').getAttribute('aria-selected')") == "true"


def test_a_finding_is_drawn_with_both_features_and_close_up_where_it_is_thin(page, report):
    thin = report.found[(report.found["code"] == "T01")].sort_values("measure").iloc[0]
    page.open(report.path, f"#f={thin['finding_id']}")
    assert page.run("document.getElementById('d-message').textContent") == thin["message"]
    assert page.run("document.querySelectorAll('#d-pictures svg').length") == 2
    assert page.run("document.querySelectorAll('#d-pictures svg:first-child .feature').length") >= 1
    labels = page.run("[...document.querySelectorAll('#d-pictures .label')].map((x) => x.textContent)")
    assert {thin["feature"], thin["other"]} == set(labels)


def test_the_picture_s_scale_is_that_of_the_ground(page, report):
    wide = report.found[(report.found["code"] == "T01")].sort_values("measure").iloc[-1]
    page.open(report.path, f"#f={wide['finding_id']}")
    script = """(() => { const svg = document.querySelector('#d-pictures svg');
      const bar = svg.querySelector('.bar path').getBBox().width, said = svg.querySelector('.bar text').textContent;
      return [svg.querySelector('.defect').getBBox().width / bar * parseFloat(said), said.split(' ')[1]]; })()"""
    width, unit = page.run(script)
    assert unit == "ft"
    assert width == pytest.approx(10, rel=0.01)


def test_a_click_on_the_map_selects_what_is_there(page, report):
    overlap = report.found[(report.found["code"] == "T01")].sort_values("measure").iloc[-1]
    page.open(report.path, f"#f={overlap['finding_id']}")  # the map goes to it
    page.open(report.path)
    bounds = shapely.total_bounds(np.concatenate([np.asarray(frame.geometry.array) for frame in report.layers.values()]))
    middle = shapely.centroid(overlap["geometry"])
    page.run("document.getElementById('map').scrollIntoView()")
    script = "(() => { const r = document.getElementById('map').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()"
    box = page.run(script)
    scale = min(box[2] / (bounds[2] - bounds[0]), box[3] / (bounds[3] - bounds[1])) * 0.92
    x = box[0] + box[2] / 2 + (middle.x - (bounds[0] + bounds[2]) / 2) * scale
    y = box[1] + box[3] / 2 - (middle.y - (bounds[1] + bounds[3]) / 2) * scale
    page.click(x, y)
    assert page.run("document.getElementById('d-message').textContent") == overlap["message"]


def test_nothing_is_accepted_without_reason_and_name(page):
    push(page, "accept-one")
    assert "needs a reason" in page.run("document.getElementById('missing').textContent")
    assert page.run("document.getElementById('basket').hidden")


def test_what_is_accepted_is_saved_as_the_register_reads_it(page, report):
    overlap = report.found[report.found["code"] == "T01"].iloc[0]
    page.open(report.path, f"#f={overlap['finding_id']}")
    page.run(
        "document.getElementById('reason').value = 'two surveys, case 26-014'; document.getElementById('by').value = 'R. Ortega'"
    )
    push(page, "accept-one")
    assert page.run("document.getElementById('granted').textContent") == "1 exception, not saved yet"
    push(page, "download")
    path = page.downloads / "exceptions.json"
    end = time.monotonic() + 20
    while not path.exists() and time.monotonic() < end:
        page.run("new Promise((done) => setTimeout(done, 50))")
    (entry,) = json.loads(path.read_text(encoding="utf-8"))
    assert entry["finding_id"] == overlap["finding_id"]
    assert {"code", "layer", "feature", "other", "reason", "accepted_by", "accepted_on"} <= set(entry)
    assert (entry["feature"], entry["reason"], entry["accepted_by"]) == (
        overlap["feature"],
        "two surveys, case 26-014",
        "R. Ortega",
    )
    merged = merge_exceptions((), path, report.found, report.layers)
    assert (merged.added, merged.refused) == (1, ())
    push(page, "withdraw")
    assert page.run("document.getElementById('basket').hidden")


def test_all_in_the_list_are_accepted_at_once(page, report):
    fill(page, "f-text", "overlap")
    many = page.run("document.querySelectorAll('#list li[id]').length")
    page.run("document.getElementById('reason').value = 'r'; document.getElementById('by').value = 'b'")
    push(page, "accept-shown")
    assert page.run("document.querySelectorAll('#list li.accepted').length") == many > 1
    page.run("document.getElementById('f-state').value = 'open'; document.getElementById('f-text').value = ''")
    fill(page, "f-state", "open")
    assert status(page).startswith(f"{len(report.found) - many} of ")
    push(page, "download")  # so that the page may be left


def test_it_is_drawn_on_paper_without_what_needs_a_hand(page):
    page.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert page.run("getComputedStyle(document.getElementById('explorer')).display") == "none"
        assert page.run("getComputedStyle(document.querySelector('.static.map')).display") != "none"
        assert page.run("document.querySelectorAll('table').length") > 2
    finally:
        page.call("Emulation.setEmulatedMedia", media="")


def test_without_script_tables_and_pictures_are_there(chromium, report):
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(report.path)
        assert chromium.run("document.getElementById('explorer').hidden") is True
        drawn = "(kind) => [...document.querySelectorAll(kind)].filter((x) => x.getClientRects().length).length"
        assert chromium.run(f"({drawn})('.pictures svg')") >= 3
        assert chromium.run(f"({drawn})('.static.map svg')") == 1
        assert chromium.run(f"({drawn})('table')") > report.found["code"].nunique()
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)


def test_ten_thousand_findings_open(chromium, tmp_path):
    n = 150
    column, line = (each.ravel() for each in np.meshgrid(np.arange(n), np.arange(n)))
    easting, northing = 6_330_000.0 + column * 60, 2_120_000.0 + line * 110
    lots = gpd.GeoDataFrame(geometry=shapely.box(easting, northing, easting + 60, northing + 110), crs=FEET)
    some = np.arange(10_000)
    strips = shapely.box(easting[some] + 59.9, northing[some], easting[some] + 60, northing[some] + 110)
    rows = {"code": "T01", "rule": "overlap", "severity": "error", "layer": "lots", "message": "m", "geometry": strips}
    rows |= {"feature": [f"#{i + 1}" for i in some], "other": [f"#{i + 2}" for i in some], "measure": 0.1, "unit": "ft"}
    path = tmp_path / "many.html"
    path.write_text(html_report(findings_frame(rows, crs=FEET), {"lots": lots}), encoding="utf-8")
    assert path.stat().st_size < 10e6
    chromium.open(path)
    assert chromium.complaints() == []
    assert status(chromium) == "10,000 of 10,000 findings"
