"""`citygis preflight` prints what it measured, and its exit code can be trusted."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from citygis.cli import main

QGIS = Path(__file__).parent / "data" / "pdf" / "qgis_a0_geospatial.pdf"


def run(*arguments):
    return CliRunner().invoke(main, ["preflight", *map(str, arguments)])


@pytest.fixture
def scan(tmp_path):
    """A white page of 8.5 x 11 in at 200 dpi, of which nothing is at fault but what its maker left out."""
    import pikepdf

    Image.new("1", (1700, 2200), 1).save(tmp_path / "scan.pdf", resolution=200)
    with pikepdf.open(tmp_path / "scan.pdf", allow_overwriting_input=True) as pdf:
        pdf.Root["/ViewerPreferences"] = pikepdf.Dictionary(PrintScaling=pikepdf.Name("/None"))
        pdf.save()
    return tmp_path / "scan.pdf"


def test_a_file_without_fault_exits_with_0(scan):
    result = run(scan, "--profile", "letter")
    assert result.exit_code == 0, result.output
    assert "200 dpi" in result.stdout
    assert "not measurable: the page has no text" in result.stdout


def test_a_fault_exits_with_1_and_is_told_with_its_figure():
    result = run(QGIS, "--profile", "iso_a0", "--scale", "1in=250ft")
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "scale of the E ticks" in line]
    assert "NO" in line and "3.99963 in" in line and "4.00000 in" in line


def test_json_says_each_check_with_its_status():
    result = run(QGIS, "--scale", "1in=250ft", "--layer", "parcels", "--json")
    said = json.loads(result.stdout)
    assert said["file"] == str(QGIS) and said["passed"] is False
    by_name = {one["name"]: one for one in said["checks"]}
    assert by_name["layers"]["passed"] is True
    assert by_name["scale of the N ticks"]["status"] == "fail"
    assert by_name["sheet number"] == {
        "name": "sheet number",
        "page": None,
        "status": "skip",
        "passed": None,
        "measured": "not measurable: no line like 2 of 5 was found",
        "expected": "sheet n of N, n at most N, each sheet once",
    }


def test_roll_and_margin_are_asked(scan):
    assert run(scan, "--roll", "36", "--margin", "0.5", "--device", "hpgl").exit_code == 0
    assert run(scan, "--roll", "8").exit_code == 1


@pytest.mark.parametrize(
    "arguments", [("--profile", "mapact"), ("--scale", "1:1200"), ("--device", "plotter"), ("--roll", "wide"), ("--margin", "-1")]
)
def test_wrong_usage_exits_with_2(scan, arguments):
    assert run(scan, *arguments).exit_code == 2


def test_what_cannot_be_read_exits_with_3(tmp_path, scan):
    (tmp_path / "not.pdf").write_text("no")
    (tmp_path / "cut.pdf").write_bytes(scan.read_bytes()[:300])
    for name in ("gone.pdf", "not.pdf", "cut.pdf"):
        result = run(tmp_path / name)
        assert result.exit_code == 3, (name, result.output)
        assert name in result.stderr


def test_pages_of_an_atlas_are_told_together(scan):
    import pikepdf

    with pikepdf.open(scan, allow_overwriting_input=True) as pdf:
        pdf.pages.append(pdf.pages[0])
        pdf.pages[1].obj["/Rotate"] = 90
        pdf.save()
    result = run(scan)
    lines = result.stdout.splitlines()
    assert [line.split() for line in lines if line.strip().startswith("page size")] == [
        ["page", "size", "2", "pages", "yes", "8.5000", "x", "11.0000", "in", "any:", "none", "was", "asked"]
    ]
    assert any("rotation" in line and "page 2" in line and "NO" in line for line in lines)
