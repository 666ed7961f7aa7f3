"""
A night's plotting: a folder of sheets checked, laid on a roll, written as plot files and handed to the printer.

What fails preflight is never plotted: it is moved to ``held/`` with the reason. A ledger, one line per event, is flushed to
disk before and after each plot, so that a night that was killed goes on where it stopped and plots nothing twice.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import pikepdf
from pydantic import Field, field_validator

from citygis.errors import CityGISError, SheetError
from citygis.publish import publish_text, publishing
from citygis.settings import Settings
from citygis.sheets.nesting import Nesting, Piece, Roll, nested_pdf, nesting
from citygis.sheets.preflight import preflight, preflight_names
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.style import nearest
from citygis.sheets.tiff import save_tiff

LEDGER = "spool.jsonl"
HELD = "held"


class Job(Settings):
    """What a night does with one file of its folder otherwise than with the rest."""

    file: str
    copies: int = Field(1, ge=1)
    profile: str | None = None


class Night(Settings):
    """
    A night's plotting, as its TOML file says it.

    Parameters
    ----------
    folder : str
        Where the sheets are (``*.pdf``), from the TOML file's folder.
    spool : str
        Where plot files, ledger and held sheets go, from there too. One spool is one night: sheets plotted from it are not
        plotted from it again.
    format : str
        ``pdf``: one file per cut of the roll; ``tiff``: the same, black and white; ``hpgl``: ``NAME.plt`` that lies beside
        ``NAME.pdf``, each on its own, as older plotters lay sheets themselves.
    dpi : int
        Of TIFF.
    profile : str, optional
        What every sheet must be (a profile or a paper of `citygis.sheets.preflight`).
    roll : Roll
    sheets : tuple of Job
        Copies and profiles that differ.
    command : tuple of str
        The program and its arguments, started without a shell: ``{file}`` becomes the plot file's path, ``{length_in}`` and
        ``{width_in}`` the roll it takes. Empty: plot files are only written.
    """

    folder: str = "."
    spool: str = "spool"
    format: Literal["pdf", "tiff", "hpgl"] = "pdf"
    dpi: int = Field(600, ge=72, le=1200)
    profile: str | None = None
    roll: Roll = Roll()
    sheets: tuple[Job, ...] = ()
    command: tuple[str, ...] = ()

    @field_validator("command")
    @classmethod
    def _with_a_file(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if command and not any("{file}" in part for part in command[1:]):
            raise ValueError('Must hold {file}, like ["lp", "-d", "plotter", "{file}"].')
        return command


class Held(NamedTuple):
    """A sheet that is not plotted, and why."""

    name: str
    reason: str


class Cut(NamedTuple):
    """One plot file: its name, the sheets on it (name and copy), the roll it takes, and what is to be in it."""

    name: str
    sheets: tuple[str, ...]
    width_in: float
    length_in: float
    nest: Nesting | None
    source: Path | None


class Plan(NamedTuple):
    """
    What a night will do.

    Parameters
    ----------
    cuts : tuple of Cut
        To be written and sent.
    held : tuple of Held
        Not to be plotted.
    done : tuple of str
        Sheets and copies that the ledger says are plotted.
    uncertain : tuple of str
        Plot files that were being sent when the night ended: look at the plotter. They are not sent again.
    used_in, used_sqft : float
    waste : float
        Share of the paper without a sheet.
    minutes : float or None
    pages : dict
        File and page of each sheet by name.
    """

    cuts: tuple[Cut, ...]
    held: tuple[Held, ...]
    done: tuple[str, ...]
    uncertain: tuple[str, ...]
    used_in: float
    used_sqft: float
    waste: float
    minutes: float | None
    pages: dict[str, tuple[Path, int]]


def night_plan(night: Night, where: Path) -> Plan:
    """
    Look at a night's sheets and lay them on the roll; nothing is written.

    Parameters
    ----------
    night : Night
    where : Path
        The folder its paths begin at.

    Returns
    -------
    Plan
        Sheets already plotted, by the ledger and their content, are left out.

    Raises
    ------
    SheetError
        If the folder is not there, has no sheet, or a job names a file that is not in it.
    """
    folder, spool = where / night.folder, where / night.spool
    if not folder.is_dir():
        raise SheetError(f"{folder} is not a folder. Name in `folder` where the sheets are.")
    for name in {night.profile, *(job.profile for job in night.sheets)} - {None}:
        if name not in preflight_names():
            raise SheetError(f"There is no profile or paper {name!r}{nearest(name, list(preflight_names()))}")
    files = sorted(folder.glob("*.pdf"))
    events = _ledger(spool)
    jobs = {job.file: job for job in night.sheets}
    # A job whose sheet an earlier run held is not missing; it was moved.
    known = {path.name for path in files} | {event["sheet"] for event in events if event["event"] == "held"}
    if gone := sorted(set(jobs) - known):
        raise SheetError(f"{', '.join(gone)} not in {folder}. Look at `sheets` in the night's file.")
    sent, sending = set(), {}
    for event in events:
        if event["event"] == "sending":
            sending[event["cut"]] = event["sheets"]
        elif event["event"] in ("sent", "failed"):
            sending.pop(event["cut"], None)
            if event["event"] == "sent":
                sent.update(event["sheets"])
    # What was on its way when the night ended may lie on the floor by the plotter.
    sent.update(key for keys in sending.values() for key in keys)

    pieces, held, done, pages, keys = [], [], [], {}, {}
    for path in files:
        job = jobs.get(path.name, Job(file=path.name))
        try:
            reason, sizes = _looked_at(path, job.profile or night.profile, night.format)
            plot = path.with_suffix(".plt")
            if night.format == "hpgl" and not plot.is_file():
                reason = reason or f"{plot.name} is not beside it; write the sheet as HP-GL/2 too"
            # Each sheet on its own, so that one too large holds up none of the others.
            for number, (width, height) in enumerate(sizes if not reason else ()):
                nesting([Piece(_name(path, number, len(sizes)), width, height)], night.roll)
        except CityGISError as error:
            reason = str(error)
        if reason:
            held.append(Held(path.name, reason))
            continue
        content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for number, (width, height) in enumerate(sizes):
            for copy in range(job.copies):
                name = f"{_name(path, number, len(sizes))} ({copy + 1} of {job.copies})"
                key = f"{content} {number} {copy} {path.name}"
                if key in sent:
                    done.append(name)
                    continue
                pieces.append(Piece(name, width, height))
                pages[name], keys[name] = (path, number), key
    if not files and not events:
        raise SheetError(f"{folder} has no sheet (*.pdf). Draw some first: citygis sheet SHEET.toml --out {folder}/SHEET.pdf")
    nest = nesting(pieces, night.roll)
    cuts = _own_cuts(nest, night, pages, keys) if night.format == "hpgl" else _cuts(nest, night, keys)
    return Plan(cuts, tuple(held), tuple(done), tuple(sending), nest.used_in, nest.used_sqft, nest.waste, nest.minutes, pages)


def run_night(night: Night, where: Path, *, told: Callable[[str], None] = lambda _: None) -> Plan:
    """
    Plot a night: hold what fails, write each plot file whole, send it, and note each step in the ledger.

    Parameters
    ----------
    night : Night
    where : Path
        The folder its paths begin at.
    told : callable
        Given one line per step.

    Returns
    -------
    Plan
        As `night_plan` made it before; plots that failed are in its `held`, with what the command said.
    """
    plan = night_plan(night, where)
    folder, spool = where / night.folder, where / night.spool
    spool.mkdir(parents=True, exist_ok=True)
    for sheet in plan.held:
        _hold(folder / sheet.name, spool, sheet.reason)
        told(f"held: {sheet.name}: {sheet.reason}")
    failed = []
    for cut in plan.cuts:
        path = spool / cut.name
        _write(cut, path, night, plan.pages)
        told(f"{cut.name}: sheets: {len(cut.sheets)}, {cut.length_in:.1f} in of roll")
        if night.command:
            _note(spool, event="sending", cut=cut.name, sheets=cut.sheets)
        said = _sent(night.command, path, cut) if night.command else ""
        _note(spool, event="failed" if said else "sent", cut=cut.name, sheets=cut.sheets, **({"said": said} if said else {}))
        if said:
            failed.append(Held(cut.name, said))
            told(f"failed: {cut.name}: {said}")
    return plan._replace(held=(*plan.held, *failed))


def _name(path: Path, number: int, pages: int) -> str:
    return path.name if pages == 1 else f"{path.name} page {number + 1}"


def _looked_at(path: Path, profile: str | None, form: str) -> tuple[str, list[tuple[float, float]]]:
    """Why a file cannot be plotted (empty if it can), and the sizes of its pages, inches."""
    found = preflight(path, profile=profile, device="hpgl" if form == "hpgl" else None)
    wrong = [check for check in found.checks if not check.passed]
    reason = "; ".join(f"{check.name}: {check.measured}, must be {check.expected}" for check in wrong)
    with pikepdf.open(path) as pdf:
        boxes = [[float(v) for v in page.mediabox] for page in pdf.pages]
    return reason, [((b[2] - b[0]) / POINTS_PER_INCH, (b[3] - b[1]) / POINTS_PER_INCH) for b in boxes]


def _cuts(nest: Nesting, night: Night, keys: dict[str, str]) -> tuple[Cut, ...]:
    cuts = []
    for number, length in enumerate(nest.cuts_in):
        on = tuple(put._replace(cut=0) for put in nest.placements if put.cut == number)
        sheets = tuple(keys[put.name] for put in on)
        mark = hashlib.sha256("\n".join([night.format, night.roll.model_dump_json(), *sheets]).encode()).hexdigest()[:12]
        alone = nest._replace(placements=on, cuts_in=(length,), used_in=length)
        suffix = "pdf" if night.format == "pdf" else "tif"
        cuts.append(Cut(f"roll_{mark}.{suffix}", sheets, night.roll.width_in, length, alone, None))
    return tuple(cuts)


def _own_cuts(nest: Nesting, night: Night, pages: dict, keys: dict[str, str]) -> tuple[Cut, ...]:
    cuts = []
    for put in nest.placements:
        plot = pages[put.name][0].with_suffix(".plt")
        mark = hashlib.sha256(keys[put.name].encode() + plot.read_bytes()).hexdigest()[:12]
        cuts.append(Cut(f"{plot.stem}_{mark}.plt", (keys[put.name],), night.roll.width_in, put.height_in, None, plot))
    return tuple(sorted(cuts))


def _write(cut: Cut, path: Path, night: Night, pages: dict[str, tuple[Path, int]]) -> None:
    """The plot file, whole or not at all. One of an earlier run that was killed before it was sent is written anew."""
    if cut.source is not None:
        with publishing(path, overwrite=True) as temporary:
            shutil.copyfile(cut.source, temporary)
        return
    data = nested_pdf(cut.nest, night.roll, pages)
    if night.format == "tiff":
        save_tiff(data, path, frame=None, dpi=night.dpi, overwrite=True)
        return
    with publishing(path, overwrite=True) as temporary:
        temporary.write_bytes(data)


def _sent(command: tuple[str, ...], path: Path, cut: Cut) -> str:
    """What went wrong in handing a plot file over; empty when nothing did."""
    words = {"{file}": str(path), "{length_in}": f"{cut.length_in:.2f}", "{width_in}": f"{cut.width_in:.2f}"}
    arguments = []
    for part in command:
        for word, value in words.items():
            part = part.replace(word, value)
        arguments.append(part)
    try:
        ran = subprocess.run(arguments, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        return f"{arguments[0]} cannot be started: {error.strerror or error}"
    return "" if ran.returncode == 0 else f"{arguments[0]} ended with {ran.returncode}: {ran.stderr.strip() or ran.stdout.strip()}"


def _hold(path: Path, spool: Path, reason: str) -> None:
    """Move a sheet, and what belongs to it, out of the way, the reason beside it."""
    held = spool / HELD
    held.mkdir(exist_ok=True)
    publish_text(held / f"{path.name}.txt", f"{path.name} was not plotted.\n\n" + reason.replace("; ", "\n") + "\n", overwrite=True)
    _note(spool, event="held", sheet=path.name, reason=reason)
    for each in (path.with_suffix(".plt"), path):
        if each.exists():
            shutil.move(each, held / each.name)


def _ledger(spool: Path) -> list[dict]:
    path = spool / LEDGER
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    events = []
    for number, line in enumerate(lines, start=1):
        try:
            if line:
                events.append(json.loads(line))
        except json.JSONDecodeError:
            # A line cut short by the end of power is the last one, and nothing was done after it.
            if number != len(lines):
                raise SheetError(f"{path}:{number} is no JSON. Mend or remove that line: it says what has been plotted.") from None
    return events


def _note(spool: Path, **event) -> None:
    path = spool / LEDGER
    torn = path.is_file() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
    if torn:
        whole = path.read_bytes()
        with publishing(path, overwrite=True) as temporary:
            temporary.write_bytes(whole[: whole.rfind(b"\n") + 1])
    with open(path, "a", encoding="utf-8", newline="\n") as ledger:
        ledger.write(json.dumps(event, ensure_ascii=False) + "\n")
        ledger.flush()
        os.fsync(ledger.fileno())
