"""
Steps that make something of the store: answers, sheets, series, reports, backups.
"""

import shutil

from citygis.analysis import write_package
from citygis.analysis.request import Request, answered, keywords, layers_named, question
from citygis.city import City
from citygis.errors import StoreError
from citygis.jobs.inputs import asked_files, city_file
from citygis.jobs.job import Analyse, Backup, Report, Series, Sheet
from citygis.jobs.outcome import Outcome, Work
from citygis.publish import publishing
from citygis.reports import answer, saved_query, write_csv, write_page, write_workbook
from citygis.settings import check, read_toml
from citygis.sheets.atlas import atlas, bound, draw_pages
from citygis.sheets.drawing import draw
from citygis.sheets.paper import MAX_SIDE_IN
from citygis.sheets.preflight import preflight
from citygis.sheets.series import Series as SeriesFile
from citygis.sheets.series import chosen
from citygis.sheets.sheet import Sheet as SheetFile
from citygis.sheets.sheet import View, is_endless, page_of
from citygis.sheets.source import sheet_layers
from citygis.store import Store, database_of, store
from citygis.store.backup import Backup as MadeBackup
from citygis.store.backup import backup, backups
from citygis.store.proof import prove

NAME = "backup.txt"
"""What a backup step gives: the name of the backup."""
BASE = ("parcel", "right_of_way", "street_centerline")
"""City layers that the map of an answer is drawn over."""


def analyse_step(step: Analyse, work: Work) -> Outcome:
    """
    Answer a department's question from the store, as a package of files in the folder ``package``.
    """
    city, name, given, folder = work.city, step.question, {}, work.job.folder
    if step.request is not None:
        path = work.file(step.request)
        request = Request.from_file(path)
        name, given, folder = request.question, dict(request.parameters), path.parent
    files = {each: str(path) for each, path in asked_files(step, work.job, city).items()}
    asked = question(name)
    held = _store(city)
    said = answered(asked, held, keywords(asked, {**given, **step.parameters, **files}, city=city, folder=folder), city=city)
    package = write_package(said, work.folder / "package", city=city, base=layers_named(BASE, held), at=work.at)
    wrong = [each for each in said.check if not each.agrees]
    attention = [f"{each.figure} does not agree: {each.value} here, {each.again} by {each.way}." for each in wrong]
    if not said.complete:
        attention.append(
            f"{len(said.unanswered):,} rows of the answer could not be computed; the note on the method beside it says why."
        )
    if package.preflight is not None and not package.preflight.passed:
        attention.append("The map of the answer does not pass its preflight.")
    links = tuple(path.relative_to(work.folder).as_posix() for path in package.files)
    return Outcome({"rows out": len(said.table), "left out": len(said.excluded)}, tuple(attention), links=links)


def sheet_step(step: Sheet, work: Work) -> Outcome:
    """
    Draw a sheet from the store, and measure the file.
    """
    path = city_file(step.sheet, "sheets", work.job, work.city)
    tables = read_toml(path) | ({} if step.scale is None else {"scale": step.scale})
    sheet = check(tables, SheetFile, str(path))
    figure = draw(sheet, sheet_layers(sheet, _store(work.city), city=work.city, name=path.stem), city=work.city)
    pdf = work.folder / f"{path.stem}.pdf"
    report = figure.preflight(figure.save(pdf))
    out = pdf
    if step.form != "pdf":
        out = work.folder / f"{path.stem}.{step.form}"
        figure.save(out)
        pdf.unlink()
    attention = [f"{each.name}: {each.measured}, must be {each.expected}." for each in report.checks if not each.passed]
    counts = {"features drawn": int(figure.counts["drawn"].sum()), "pages": len(figure.pages)}
    counts["without label"] = len(figure.unlabelled)
    return Outcome(counts, tuple(attention), links=tuple(each.name for each in figure.files(out)))


def series_step(step: Series, work: Work) -> Outcome:
    """
    Draw a series from the store as one PDF. Single sheets are kept in `Work.scratch`, so that a stopped run goes on there.
    """
    path = city_file(step.series, "sheets", work.job, work.city)
    series = SeriesFile.from_file(path)
    beside = (path.parent / series.sheet).with_suffix(".toml")
    file = beside if beside.is_file() else city_file(series.sheet, "sheets", work.job, work.city)
    sheet = SheetFile.from_file(file)
    everything = sheet.model_copy(update={"view": View()})
    layers = sheet_layers(everything, _store(work.city), city=work.city, name=file.stem, also=series.reads)
    laid = atlas(series, sheet, layers, city=work.city, only=(lambda every: chosen(every, step.pages)) if step.pages else None)
    drawn = list(draw_pages(laid.pages, work.scratch, stem=path.stem, resume=True))
    out = work.folder / f"{path.stem}.pdf"
    with publishing(out) as temporary:
        temporary.write_bytes(bound(laid.title, drawn))
    pages = sum(len(one.sizes_in) for one in drawn)
    margin_in = page_of(laid.leaves[0].sheet, length_in=MAX_SIDE_IN if is_endless(sheet) else None).margins_in
    report = preflight(out, margin_in=margin_in, profile=sheet.profile, pages=pages)
    attention = [f"{each.name}: {each.measured}, must be {each.expected}." for each in report.checks if not each.passed]
    shutil.rmtree(work.scratch, ignore_errors=True)
    return Outcome({"sheets": len(drawn), "pages": pages}, tuple(attention), links=(out.name,))


def report_step(step: Report, work: Work) -> Outcome:
    """
    Answer a saved query from the store, with its controls.
    """
    found = answer(saved_query(step.report, work.city), work.city, step.given, at=work.at)
    out = work.folder / f"{found.query.name}.{step.form}"
    {"xlsx": write_workbook, "html": write_page, "csv": write_csv}[step.form](out, found)
    attention = [
        f"Control of {each.column} does not agree: {each.total} here, {each.control} by the control."
        for each in found.controls
        if not each.agrees
    ]
    return Outcome({"rows out": len(found.rows)}, tuple(attention), links=(out.name,))


def backup_step(step: Backup, work: Work) -> Outcome:
    """
    Back the store up into the City's folder of backups, and prove that the copy can be restored.

    A run that was killed after the backup was whole finds it again by its reason, which tells what the step rests on.
    """
    reason = f"job {work.job.name}, step {step.id}, {work.identity[:12]}"
    made = _orphan(work, reason) or backup(work.city, reason=reason, at=work.at)
    attention: tuple[str, ...] = ()
    if step.prove:
        trial = prove(made, work.city, at=work.at)
        failed = trial.checks[~trial.checks["passed"]]
        attention = tuple(f"{each.check}: {each.measured}, must be {each.expected}." for each in failed.itertuples())
    with publishing(work.folder / NAME) as temporary:
        temporary.write_text(f"{made.name}\n", encoding="utf-8")
    return Outcome({"bytes": made.manifest.copy.bytes}, attention, links=(NAME,))


def _orphan(work: Work, reason: str) -> MadeBackup | None:
    """A backup that a killed run of this very step made and did not come to note."""
    note = work.earlier / NAME if work.earlier else None
    noted = note.read_text(encoding="utf-8").strip() if note and note.is_file() else None
    found = (each for each in backups(work.city.backups_folder).backups if each.manifest.reason == reason)
    return next((each for each in found if each.name != noted), None)


def _store(city: City) -> Store:
    if not database_of(city).exists():  # `store` would make one
        raise StoreError(f"{database_of(city).place} is not there yet. Load something by a step before.")
    return store(city)
