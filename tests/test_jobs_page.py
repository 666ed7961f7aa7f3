"""The report of a run: complete in itself, every text escaped, one page of paper."""

import base64
import datetime
import re

import pypdfium2
import pytest
from browser import Browser
from store_city import make_city

from citygis.jobs import Run, StepRun
from citygis.jobs.job import Job
from citygis.jobs.page import run_page

EVIL = '<script>alert(1)</script> & "x"'


@pytest.fixture
def page(tmp_path):
    city = make_city(tmp_path / "city")
    folder = tmp_path / "work" / "changes"
    folder.mkdir(parents=True)
    (folder / "picture.svg").write_text('<svg viewBox="0 0 960 540"><rect class="paper" width="960" height="540"/></svg>')
    job = Job.model_validate({"name": "refresh", "title": f"County {EVIL}", "step": [{"id": "a"}]})
    steps = [
        StepRun("sent", "read", "unchanged", {"rows in": 2087}),
        StepRun(
            "changes",
            "compare",
            "done",
            {"split": 12},
            (f"Pending: {EVIL}",),
            None,
            None,
            ("red line.html",),
            {"picture.svg": "0"},
            folder,
        ),
        StepRun("taken", "load", "refused", message="T01 1 overlap\nCorrect it."),
        StepRun("map", "sheet", "not run"),
    ]
    began = datetime.datetime(2026, 7, 1, 6, tzinfo=datetime.UTC)
    run = Run("r-1", job, tuple(steps), 1, began, 3.2, tmp_path / "work" / "run.html", (12, "ab" * 32), (f"Alert {EVIL}",))
    path = tmp_path / "work" / "run.html"
    path.write_text(run_page(run, city), encoding="utf-8")
    return path


def test_every_text_is_escaped_and_nothing_is_fetched_or_run(page):
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text
    assert not re.search(r'(src=|url\(|@import|href="https?:)', text) and "default-src 'none'" in text


def test_it_says_the_state_of_each_step_and_what_needs_a_person(page):
    text = page.read_text(encoding="utf-8")
    for said in ("rows in 2,087", "unchanged", "refused", "not run", "T01 1 overlap", "Exit code 1", "Pending"):
        assert said in text
    assert 'href="changes/red%20line.html"' in text and "<svg" in text


def test_it_opens_in_a_browser_without_complaint_and_is_one_sheet_of_paper(page, tmp_path, require_program):
    browser = Browser(require_program("chromium"), tmp_path / "profile", script=False)
    try:
        browser.open(page)
        assert browser.complaints() == []
        printed = browser.call("Page.printToPDF", paperWidth=8.5, paperHeight=11)
    finally:
        browser.close()
    with pypdfium2.PdfDocument(base64.b64decode(printed["data"])) as pdf:
        assert len(pdf) == 1
