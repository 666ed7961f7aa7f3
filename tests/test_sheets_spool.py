"""A night's plotting: what fails is held, what was plotted is not plotted again, a killed night goes on."""

import importlib.util
import json
import stat
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest
import rasterio

from citygis.errors import SettingsError, SheetError
from citygis.settings import check, load
from citygis.sheets.spool import LEDGER, Night, night_plan, run_night

SCRIPT = Path(__file__).parents[1] / "scripts" / "plot_night.py"


def sheet(path: Path, width_in: float, height_in: float, pages: int = 1) -> None:
    """A PDF with a thick line on each page."""
    with pikepdf.new() as pdf:
        for number in range(pages):
            page = pdf.add_blank_page(page_size=(width_in * 72, height_in * 72))
            page.obj["/Contents"] = pdf.make_stream(f"2 w 80 {80 + number} m 200 {80 + number} l S".encode())
        pdf.Root["/ViewerPreferences"] = pikepdf.Dictionary(PrintScaling=pikepdf.Name("/None"))
        pdf.save(path, deterministic_id=True)


@pytest.fixture
def where(tmp_path):
    """A folder with two good sheets, a damaged one, and a printer that notes what it is given."""
    (tmp_path / "sheets").mkdir()
    sheet(tmp_path / "sheets" / "a.pdf", 18, 26)
    sheet(tmp_path / "sheets" / "b.pdf", 11, 17, pages=2)
    (tmp_path / "sheets" / "c.pdf").write_bytes(b"%PDF-1.7 no more")
    printer = tmp_path / "lp"
    printer.write_text(f'#!/bin/sh\n[ -e "{tmp_path}/jam" ] && echo "paper jam" >&2 && exit 5\necho "$@" >> "{tmp_path}/plotted"\n')
    printer.chmod(printer.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def night(where: Path, **changes) -> Night:
    command = [str(where / "lp"), "-o", "media=Custom.{width_in}x{length_in}in", "{file}"]
    return check({"folder": "sheets", "roll": {"width_in": 36}, "command": command} | changes, Night, "night.toml")


def plotted(where: Path) -> list[str]:
    path = where / "plotted"
    return path.read_text().splitlines() if path.exists() else []


def test_a_plan_writes_nothing(where):
    before = sorted(where.rglob("*"))
    plan = night_plan(night(where), where)
    assert sorted(where.rglob("*")) == before
    # 18 x 26 in and 11 x 17 in lie side by side on 36 in, the other page above the smaller: 26 or 34 in of roll, not more.
    assert [len(cut.sheets) for cut in plan.cuts] == [3]
    assert plan.used_in <= 34
    assert [held.name for held in plan.held] == ["c.pdf"]


def test_a_damaged_sheet_is_held_with_its_reason_and_the_others_are_plotted(where):
    plan = run_night(night(where), where)
    assert not (where / "sheets" / "c.pdf").exists()
    assert (where / "spool" / "held" / "c.pdf").exists()
    assert "c.pdf was not plotted." in (where / "spool" / "held" / "c.pdf.txt").read_text()
    (cut,) = plan.cuts
    assert plotted(where) == [f"-o media=Custom.36.00x{cut.length_in:.2f}in {where / 'spool' / cut.name}"]
    with pikepdf.open(where / "spool" / cut.name) as pdf:
        assert len(pdf.pages[0].obj["/Resources"]["/XObject"]) == 3


def test_a_second_run_plots_nothing_twice_and_a_new_sheet_once(where):
    run_night(night(where), where)
    assert run_night(night(where), where).cuts == ()
    assert len(plotted(where)) == 1
    sheet(where / "sheets" / "d.pdf", 8.5, 11)
    plan = run_night(night(where), where)
    assert [len(cut.sheets) for cut in plan.cuts] == [1]
    assert len(plan.done) == 3
    assert len(plotted(where)) == 2


def test_copies_are_plotted_as_often_as_asked(where):
    plan = night_plan(night(where, sheets=[{"file": "a.pdf", "copies": 3}]), where)
    assert sum(len(cut.sheets) for cut in plan.cuts) == 3 + 2


def test_a_plot_that_was_on_its_way_when_the_night_was_killed_is_told_and_not_sent_again(where):
    (where / "lp").write_text("#!/bin/sh\nkill -9 $PPID\n")
    code = (
        "import sys; from pathlib import Path; from citygis.settings import load; "
        "from citygis.sheets.spool import Night, run_night; run_night(load(sys.argv[1], Night), Path(sys.argv[1]).parent)"
    )
    toml = where / "night.toml"
    toml.write_text(f'folder = "sheets"\ncommand = ["{where / "lp"}", "{{file}}"]\n')
    assert subprocess.run([sys.executable, "-c", code, str(toml)], capture_output=True, check=False).returncode == -9
    (where / "lp").write_text(f'#!/bin/sh\necho "$@" >> "{where}/plotted"\n')
    plan = run_night(load(toml, Night), where)
    assert len(plan.uncertain) == 1
    assert plan.cuts == ()
    assert plotted(where) == []


def test_a_plot_the_printer_refused_is_told_and_sent_by_the_next_run(where):
    (where / "jam").touch()
    plan = run_night(night(where), where)
    assert any("ended with 5: paper jam" in held.reason for held in plan.held)
    (where / "jam").unlink()
    run_night(night(where), where)
    assert len(plotted(where)) == 1


def test_a_line_of_the_ledger_cut_short_is_dropped_and_one_in_the_middle_refused(where):
    run_night(night(where), where)
    ledger = where / "spool" / LEDGER
    whole = ledger.read_text()
    ledger.write_text(whole + '{"event": "sen')
    sheet(where / "sheets" / "d.pdf", 8.5, 11)
    run_night(night(where), where)
    assert all(json.loads(line) for line in ledger.read_text().splitlines())
    assert len(plotted(where)) == 2
    ledger.write_text("nonsense\n" + whole)
    with pytest.raises(SheetError, match=r"spool\.jsonl:1 is no JSON"):
        night_plan(night(where), where)


def test_older_plotters_get_the_plot_file_beside_the_sheet_and_a_sheet_without_is_held(where):
    (where / "sheets" / "a.plt").write_bytes(b"\x1b%1BIN;PG;")
    plan = run_night(night(where, format="hpgl"), where)
    (cut,) = plan.cuts
    assert (where / "spool" / cut.name).read_bytes() == b"\x1b%1BIN;PG;"
    assert {held.name for held in plan.held} == {"b.pdf", "c.pdf"}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_roll_as_tiff_has_its_size(where):
    plan = run_night(night(where, format="tiff", dpi=72, command=[]), where)
    (cut,) = plan.cuts
    with rasterio.open(where / "spool" / cut.name) as tiff:
        assert (tiff.width, tiff.height) == (36 * 72, round(cut.length_in * 72))
    assert run_night(night(where, format="tiff", dpi=72, command=[]), where).cuts == ()


def test_a_sheet_wider_than_the_roll_holds_up_no_other(where):
    sheet(where / "sheets" / "wide.pdf", 40, 50)
    plan = night_plan(night(where), where)
    assert {held.name for held in plan.held} == {"c.pdf", "wide.pdf"}
    assert sum(len(cut.sheets) for cut in plan.cuts) == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"folder": "nowhere"}, "not a folder"),
        ({"sheets": [{"file": "z.pdf"}]}, "z.pdf not in"),
        ({"profile": "map_at"}, "did you mean 'map_act"),
    ],
)
def test_a_night_that_names_what_is_not_there_is_refused(where, changes, said):
    with pytest.raises(SheetError, match=said):
        night_plan(night(where, **changes), where)


@pytest.mark.parametrize("wrong", [{"command": ["lp"]}, {"formt": "pdf"}, {"roll": {"width_in": 1, "margin_in": 1}}])
def test_a_wrong_night_file_is_refused_by_its_name(where, wrong):
    with pytest.raises(SettingsError, match=r"night\.toml"):
        night(where, **wrong)


def test_the_script_shows_its_plan_and_sends_only_when_told(where, capsys):
    found = importlib.util.spec_from_file_location("plot_night", SCRIPT)
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    toml = where / "night.toml"
    toml.write_text(f'folder = "sheets"\ncommand = ["{where / "lp"}", "{{file}}"]\n')
    assert script.main([str(toml)]) == 1
    shown = capsys.readouterr().out
    assert plotted(where) == []
    assert "Sheets: 3, in plot files: 1;" in shown
    assert "Nothing was written" in shown
    assert "Held: c.pdf" in shown
    assert script.main([str(toml), "--send"]) == 1
    assert len(plotted(where)) == 1
    assert script.main([str(toml), "--send"]) == 0
    assert script.main([str(where / "none.toml")]) == 3
    with pytest.raises(SystemExit, match="2"):
        script.main([])
