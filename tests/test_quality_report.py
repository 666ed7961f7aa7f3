"""Findings in files: complete, safe to open, the same each time."""

import base64
import csv
import functools
import hashlib
import io
import json
import os
import re
from html.parser import HTMLParser

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from quality_layers import FEET, at, parcels, sound

from citygis.errors import StoreError
from citygis.findings import findings_frame
from citygis.gpkg import layers_of, read_geopackage
from citygis.quality import FILES, findings_csv, findings_layers, html_report, records, rules_not_judged, validate, write_report

NASTY = "<script>alert('x')</script>\"'&=1+1"


def broken() -> dict[str, pd.DataFrame]:
    """Layers with an overlap, a null, a bowtie and a name that means harm."""
    ring = shapely.get_coordinates(at(180, 0, 60, 110))[[0, 2, 1, 3, 0]]
    frame = parcels(at(0, 0, 60, 110), at(59.98, 0, 60.02, 110), None, shapely.Polygon(ring))
    frame.loc[0, "apn_display"] = NASTY
    frame.loc[1, "parcel_kind"] = NASTY
    return {**sound(), "parcel": frame}


@functools.cache
def findings_of_broken() -> gpd.GeoDataFrame:
    return validate(broken())


@functools.cache
def findings_of_sound() -> gpd.GeoDataFrame:
    return validate(sound())


def test_records_are_fit_for_json():
    found = findings_of_broken()
    rows = json.loads(json.dumps(records(found), allow_nan=False))
    assert len(rows) == len(found)
    assert list(rows[0]) == [
        "finding_id", "code", "rule", "severity", "layer", "feature", "other", "measure", "unit", "tolerance",
        "message", "remedy", "source_ref", "point",
    ]  # fmt: skip
    overlap = next(row for row in rows if row["code"] == "T01")
    assert shapely.Point(overlap["point"]).within(at(59.9, 0, 0.2, 110))
    assert next(row for row in rows if row["code"] == "G01")["point"] is None


def test_csv_holds_every_finding_and_no_formula():
    frame = findings_frame(
        {
            "code": "A01",
            "rule": ["=cmd()", "+1", "-1", "@x", "plain"],
            "severity": "error",
            "layer": "parcel",
            "message": 'a,"b"\nc',
        }
    )
    text = findings_csv(frame)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["rule"] for row in rows] == ["'=cmd()", "'+1", "'-1", "'@x", "plain"]
    assert rows[0]["message"] == 'a,"b"\nc'
    assert text.count("\r\n") == 6


def test_each_finding_is_in_one_layer_of_its_geometry():
    found = findings_of_broken()
    mixed = shapely.GeometryCollection([at(0, 0, 1, 1), shapely.Point(0, 0)])
    line = shapely.LineString([(0, 0), (1, 1)])
    more = findings_frame(
        {"code": "G07", "rule": "r", "severity": "error", "layer": "l", "message": "m", "geometry": [mixed, line, None]},
        crs=FEET,
    )
    both = gpd.GeoDataFrame(pd.concat([found, more], ignore_index=True), crs=FEET)
    layers = findings_layers(both)
    styles = layers.pop("layer_styles")
    assert sorted(styles["f_table_name"]) == ["findings_line", "findings_point", "findings_polygon"]
    assert sum(map(len, layers.values())) == len(both)
    assert set(layers) == {"findings_point", "findings_line", "findings_polygon", "findings_no_place"}
    assert set(layers["findings_point"].geom_type) == {"Point"}
    assert sorted(pd.concat(layers.values())["finding_id"]) == sorted(both["finding_id"])


def test_the_report_is_written_whole_and_only_once(tmp_path):
    layers = broken()
    found = findings_of_broken()
    paths = write_report(tmp_path / "out", found, layers, checked_on="2026-01-02")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert len(json.loads(paths["findings.json"].read_text())) == len(found)
    assert os.listdir(tmp_path) == ["out"], "nothing is left beside it"
    there = [layer.name for layer in layers_of(paths["findings.gpkg"]) if layer.name != "layer_styles"]
    assert sum(len(read_geopackage(paths["findings.gpkg"], name)) for name in there) == len(found)
    before = {name: path.read_bytes() for name, path in paths.items()}
    paths["findings.csv"].unlink()
    with pytest.raises(StoreError, match="--overwrite"):
        write_report(tmp_path / "out", found, layers)
    assert not paths["findings.csv"].exists()
    write_report(tmp_path / "out", found, layers, checked_on="2026-01-02", overwrite=True)
    for name in FILES:
        assert paths[name].read_bytes() == before[name], f"{name} is not the same the second time"


def test_a_clean_layer_has_a_report_too(tmp_path):
    write_report(tmp_path, findings_of_sound(), sound())
    assert "Nothing was found" in (tmp_path / "report.html").read_text()
    assert json.loads((tmp_path / "findings.json").read_text()) == []


def test_a_report_that_cannot_be_made_leaves_the_old_one_alone(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write_report(out, findings_of_sound(), sound())
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*arguments, **options):
        raise StoreError("disk full")

    monkeypatch.setattr("citygis.quality.report.write_geopackage", full)  # the disk fills up half-way
    with pytest.raises(StoreError, match="disk full"):
        write_report(out, findings_of_broken(), broken(), overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert os.listdir(tmp_path) == ["out"]


def test_the_page_is_the_last_file_to_be_replaced(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write_report(out, findings_of_sound(), sound())
    moved = []
    replace = os.replace

    def told(temporary, path):
        moved.append(path)
        replace(temporary, path)

    monkeypatch.setattr(os, "replace", told)
    write_report(out, findings_of_broken(), broken(), overwrite=True)
    assert [path.name for path in moved if path.parent == out] == list(FILES)
    assert FILES[-1] == "report.html"


class Page(HTMLParser):
    """The elements, links and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.sources, self.text, self.unlabelled, self.scripts, self.policy = [], [], [], 0, [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.sources += [attrs[name] for name in ("src", "href") if name in attrs]
        self.scripts += [attrs] if tag == "script" else []
        self.policy = attrs["content"] if attrs.get("http-equiv") == "Content-Security-Policy" else self.policy
        self.unlabelled += tag == "svg" and not attrs.get("aria-label")

    def handle_data(self, data):
        self.text.append(data)


def page(layers=None) -> Page:
    layers = layers or broken()
    found = validate(layers)
    return Page(html_report(found, layers, title=NASTY, not_judged=rules_not_judged({"parcel": layers["parcel"]})))


def test_text_from_the_data_stays_text():
    html = page()
    assert html.scripts == [{"type": "application/json", "id": "data"}, {}], "the page's own two and no other"
    assert "<script>alert('x')</script>" in "".join(html.text)


def test_a_name_that_ends_the_script_ends_nothing():
    layers = broken()
    layers["parcel"].loc[0, "apn_display"] = "</script><img src=x onerror=alert(1)><!--"
    text = html_report(validate(layers), layers)
    html = Page(text)
    assert "img" not in html.tags
    assert len(html.scripts) == 2
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S).group(1))
    assert "</script><img src=x onerror=alert(1)><!--" in data["rows"]["feature"]


def test_only_the_page_s_own_script_may_run():
    layers = broken()
    text = html_report(validate(layers), layers)
    script = re.search(r"</script>\n<script>(.*?)</script>", text, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = dict(part.strip().split(" ", 1) for part in Page(text).policy.split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == f"'sha256-{digest}'"


def test_the_page_needs_nothing_from_outside():
    html = page()
    assert html.sources
    assert all(source.startswith("#") for source in html.sources)
    assert not {"img", "link", "iframe", "form"} & set(html.tags)


def test_what_was_accepted_is_shown_with_its_reason_and_not_counted():
    layers = broken()
    found = findings_of_broken()
    overlap = found["code"] == "T01"
    excused = found[overlap].assign(reason="case 26-014 & more", accepted_by="R. Ortega", accepted_on="2026-01-02", until=None)
    text = "".join(Page(html_report(found[~overlap].reset_index(drop=True), layers, excused=excused)).text)
    assert "case 26-014 & more" in text
    assert f"{len(found) - 1} errors to settle" in text


def test_what_changed_is_shown_by_rule():
    layers = broken()
    found = findings_of_broken()
    text = "".join(Page(html_report(found, layers, previous=[records(found.iloc[1:])])).text)
    assert f"1 new finding, 0 gone, {len(found) - 1} still there" in text


def test_every_rule_with_a_place_has_a_picture_with_words():
    layers = broken()
    found = findings_of_broken()
    html = page(layers)
    pictured = found[~found.geometry.isna()]["code"].nunique()
    assert html.tags.count("figure") >= pictured
    assert html.tags.count("svg") >= pictured + 1
    assert html.unlabelled == 0


def test_a_defect_too_thin_to_see_is_shown_close_up():
    layers = {**sound(), "parcel": parcels(at(0, 0, 60, 110), at(59.98, 0, 60.02, 110))}
    text = html_report(validate(layers), layers)
    assert "close up" in text
    assert re.search(r">0\.\d+ ft</text>", text), "the close-up has a scale bar in hundredths of a foot"


def test_what_was_left_out_is_told():
    assert any("Not judged: T07 on parcel" in text for text in page().text)


def test_many_findings_keep_the_page_small():
    frame = parcels(*[at(60 * (i % 50), 110 * (i // 50), 60, 110) for i in range(2500)]).assign(status=None)
    frame["apn"] = [f"{i:08d}" for i in range(2500)]
    frame["apn_display"] = frame["apn"]
    text = html_report(validate(frame, "parcel"), {"parcel": frame})
    assert len(text) < 1_000_000
    assert "2,400 more rows" in text


@pytest.mark.parametrize("column", [None, "severity", "code", "measure"])
def test_findings_can_be_explored_in_a_notebook(column):
    pytest.importorskip("folium")
    pytest.importorskip("mapclassify")
    found = findings_of_broken()  # places of several kinds, and none
    shown = found.explore(column=column) if column else found.explore()
    page = shown.get_root().render()
    assert all(number in page for number in found.loc[found.geometry.notna(), "finding_id"])


def test_a_clean_layer_tells_what_is_gone():
    before = records(findings_of_broken())
    text = "".join(Page(html_report(findings_of_sound().iloc[:0], sound(), previous=[before])).text)
    assert "Nothing was found" in text
    assert f"0 new findings, {len(before)} gone, 0 still there" in text
