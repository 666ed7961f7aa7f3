"""
Steps that bring a delivery in: read, convert, repair, validate.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import geopandas as gpd
import pandas as pd

from citygis.city import City
from citygis.convert import Conversion, convert, delivery_document
from citygis.errors import SettingsError
from citygis.findings import SEVERITIES
from citygis.gpkg import write_geopackage
from citygis.jobs.identity import crosswalk_file
from citygis.jobs.job import Convert, Read, Repair, Validate
from citygis.jobs.outcome import LAYERS, PICTURE, Blocked, Outcome, Work, joined_layers
from citygis.jobs.picture import findings_map
from citygis.publish import publish_text, publishing
from citygis.quality import rules_not_judged, validate, write_report
from citygis.quality.causes import causes
from citygis.quality.exceptions import apply_exceptions, read_exceptions
from citygis.readers import read
from citygis.repairs import OPERATIONS, repair, repair_page
from citygis.store import database_of, store

AS_SENT, SOURCE = "as_sent.parquet", "source.txt"
"""What a read step gives: the rows, and the name of what they were read from."""
LOG, LEFT, PAGE = "repair_edits", "repair_left", "repair.html"


def read_step(step: Read, work: Work) -> Outcome:
    """
    Read an outside file or service as it is sent, and keep it: what is done with it afterwards is done with these rows.

    Errors as `citygis.read`.
    """
    given = work.outside[step.file]
    try:
        raw = read(given.address or given.path, step.layer, source_crs=step.source_crs)
    except ValueError as error:
        raise SettingsError(f"{work.job.path}: step {step.id!r}: {error}") from None
    with publishing(work.folder / AS_SENT) as temporary:
        raw.to_parquet(temporary, index=False)
    name = _address_name(given.address) if given.address else given.path.name
    publish_text(work.folder / SOURCE, name + "\n")
    counts = {"rows in": len(raw)}
    if "read_code" in raw:
        counts |= {f"read {code}": int(n) for code, n in raw["read_code"].value_counts().sort_index().items()}
    return Outcome(counts)


def convert_step(step: Convert, work: Work) -> Outcome:
    """
    Convert what a read step kept into a City layer, with its document, quarantine and findings; errors as `citygis.convert`.
    """
    folder = work.steps[step.source]
    raw = gpd.read_parquet(folder / AS_SENT)
    own = crosswalk_file(step, work.job, work.city)
    result = convert(raw, step.to, crosswalk=own or step.crosswalk, city=work.city)
    layers = {
        step.to: result.layer,
        "source_document": _document(step, work, folder, raw, result),
        "quarantine": result.quarantine,
        "findings": result.findings,
    }
    write_geopackage(work.folder / LAYERS, layers, schema=work.city.schema)
    attention = []
    if result.crosswalk.is_draft:
        publish_text(work.folder / "crosswalk.toml", result.crosswalk.to_toml())
        attention.append("The crosswalk was drafted. Read it, correct it, and name it in the job.")
    if len(result.quarantine):
        codes = ", ".join(f"{code} {n:,}" for code, n in result.quarantine["quarantine_code"].value_counts().sort_index().items())
        attention.append(
            f"{len(result.quarantine):,} rows of the delivery could not enter ({codes}). They wait in {LAYERS}, table quarantine, "
            "each with its reason: correct them at the source, or ask the sender."
        )
    counts = {"rows in": len(raw), "rows out": len(result.layer), "quarantined": len(result.quarantine)}
    return Outcome(counts | severities(result.findings), tuple(attention), links=(LAYERS,))


def repair_step(step: Repair, work: Work) -> Outcome:
    """
    Mend City layers where it is safe; the log and what is left lie in the same file. Errors as `citygis.repair`.
    """
    unknown = sorted(set(step.apply) - set(OPERATIONS))
    if unknown:
        raise SettingsError(f"{work.job.path}: step {step.id!r}: `apply` {unknown[0]!r} must be one of: {', '.join(OPERATIONS)}.")
    layers = joined_layers(step, work)
    findings, register = None, _register(work.city)
    if register is not None:
        findings = apply_exceptions(validate(layers, city=work.city), register, layers, city=work.city).left
    done = repair(layers, findings, city=work.city, tolerance_ft=step.tolerance_ft, apply=step.apply or OPERATIONS)
    write_geopackage(work.folder / LAYERS, {**done.layers, LOG: done.edits, LEFT: done.left}, schema=work.city.schema)
    publish_text(work.folder / PAGE, repair_page(layers, done, title=work.job.title or work.job.name, city=work.city.name))
    counts = {"mended": len(done.mended), "vertices moved": len(done.edits), "left": len(done.left)}
    return Outcome(counts, links=(PAGE,))


def validate_step(step: Validate, work: Work) -> Outcome:
    """
    Hold City layers to the rules, seen together with what the store holds, and write the report.

    Findings that the job accepts by their code, that were accepted with a load before, or that the City's register covers, do not
    need a person.
    """
    if (given := work.outside.get(step.source[0])) is not None and given.path is not None and given.path.is_dir():
        return _validate_dataset(step, given.path, work)
    layers, beside, before = joined_layers(step, work), None, []
    if step.only is None and work.city.folder and database_of(work.city).exists():
        with store(work.city) as db:
            beside = db.together(layers)
            found = db.check(layers, beside=beside)
            accepted = db.accepted()
        before = accepted.loc[accepted["source_sha256"] == "", "finding_id"]  # the others were of one delivery
    else:
        found = validate(layers, city=work.city, only=step.only)
    seen = beside or layers
    excused, register = None, _register(work.city)
    if register is not None:
        applied = apply_exceptions(found, register, seen, city=work.city)
        found, excused = applied.left, applied.excused
    write_report(
        work.folder,
        found,
        layers,
        city=work.city,
        title=work.job.title or work.job.name,
        not_judged=rules_not_judged(seen, city=work.city) if step.only is None else [],
        causes=causes(found, seen, city=work.city),
        excused=excused,
    )
    if picture := findings_map(found, layers, work.city):
        publish_text(work.folder / PICTURE, picture)
    counts = {"rows in": sum(map(len, layers.values())), **severities(found), "excused": 0 if excused is None else len(excused)}
    standing = found[~found["finding_id"].isin(before)]
    counts["accepted before"] = len(found) - len(standing)
    return Outcome(counts, told_findings(standing, step.fail_on, work), links=("report.html", "findings.csv"))


def severities(findings: pd.DataFrame) -> dict[str, int]:
    """How many findings of each severity there are."""
    return {severity: int((findings["severity"] == severity).sum()) for severity in SEVERITIES}


def told_findings(findings: pd.DataFrame, fail_on: str, work: Work) -> tuple[str, ...]:
    """What of findings needs a person: those at least as severe as `fail_on` whose code the job does not accept."""
    stops = {"error": ["error"], "review": ["error", "review"], "never": []}[fail_on]
    standing = findings[findings["severity"].isin(stops) & ~findings["code"].isin(list(work.job.accept))]
    if not len(standing):
        return ()
    codes = ", ".join(f"{code} {n:,}" for code, n in standing["code"].value_counts().sort_index().items())
    told = f"Findings that nobody accepted: {len(standing):,} ({codes})."
    return (f"{told} Read the report; correct them, or accept them with a reason.",)


def _validate_dataset(step: Validate, folder: Path, work: Work) -> Outcome:
    """A partitioned data set, checked part by part on the engine that was asked for."""
    from citygis.scale import left_out_of_dataset, open_dataset, validate_dataset

    if step.layer is None:
        raise SettingsError(f"{work.job.path}: step {step.id!r}: say which `layer` the data set {folder.name} is.")
    data = open_dataset(folder)
    found = validate_dataset(data, step.layer, city=work.city, engine=work.engine, scheduler=work.scheduler, only=step.only)
    left_out = left_out_of_dataset(data, step.layer, city=work.city, only=step.only)
    write_report(work.folder, found, {}, city=work.city, title=folder.name, not_judged=left_out, causes=causes(found.iloc[:0], {}))
    counts = {"rows in": sum(part.rows for part in data.parts), "parts": len(data.parts), **severities(found)}
    return Outcome(counts, told_findings(found, step.fail_on, work), links=("report.html", "findings.csv"))


def _register(city: City) -> Any:
    path = city.exceptions_path
    return read_exceptions(path) if path is not None and path.exists() else None


def _document(step: Convert, work: Work, folder: Path, raw: gpd.GeoDataFrame, result: Conversion) -> pd.DataFrame:
    """The row of source_document; of a service, whose answer is kept, by that answer's digest."""
    source = next(each.file for each in work.job.steps if each.id == step.source)
    given = work.outside[source]
    if given.path is not None:
        row = delivery_document(given.path, raw, result)
    else:
        row = delivery_document(folder / AS_SENT, raw, result).assign(uri=(folder / SOURCE).read_text(encoding="utf-8").strip())
    said = raw["source_id"].dropna().unique()
    if len(said) == 1 and row["doc_id"].iloc[0] != said[0]:
        if given.path is not None:
            raise Blocked(f"{given.path} was changed while the job ran. Run it again.")
        row["doc_id"] = said[0]
    return row


def _address_name(address: str) -> str:
    """An address without account, query and fragment, which may hold secrets."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
