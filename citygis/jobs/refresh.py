"""
Steps that bring a delivery into the store: compare, with what may be taken without asking, and load.
"""

import json
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.changes import (
    SHIFT_ID,
    Changes,
    LayerChange,
    alerts,
    changeset,
    city_owned,
    compare,
    redline_html,
    review_of,
    standing,
)
from citygis.changes.review import csv_text
from citygis.errors import StoreError
from citygis.findings import COLUMNS
from citygis.gpkg import layers_of, read_geopackage, write_geopackage
from citygis.jobs.identity import changes_marked, decided_by_persons, last_change, policy_of
from citygis.jobs.job import Compare, Load
from citygis.jobs.outcome import PICTURE, Blocked, Outcome, Work, joined_layers
from citygis.jobs.picture import changes_map
from citygis.publish import publish_text
from citygis.store import Batch, Store, store
from citygis.store.acceptance import excused

CHANGES, LIST, REVIEW, REDLINE, OUTCOME = "changes.gpkg", "changes.csv", "review.csv", "redline.html", "load.json"
NOT_CONCERNED = ("apn_history", "source_document")
"""Layers of the store that tell of the past, and so of no change."""


class Compared(NamedTuple):
    """Two layers, what changed between them, and what is decided of that."""

    old: gpd.GeoDataFrame
    new: gpd.GeoDataFrame
    changes: Changes
    review: pd.DataFrame
    beside: dict[str, pd.DataFrame]


def compare_step(step: Compare, work: Work) -> Outcome:
    """
    Tell what a delivery changes: lists, redline and review, with what the job accepts and what a person decided before.

    Raises
    ------
    Blocked
        If the delivery has too few rows.
    """
    done = compared(step, work)
    changes, review = done.changes, done.review
    concerned = alerts(changes, done.old, done.new, done.beside)
    tables = {"changes": changes.changes, "values": changes.values, "links": changes.links, "alerts": concerned}
    write_geopackage(work.folder / CHANGES, {name: frame for name, frame in tables.items() if len(frame) or name == "changes"})
    publish_text(work.folder / LIST, csv_text(changes.changes.drop(columns="geometry")))
    publish_text(work.folder / REVIEW, csv_text(review))
    told = [f"{len(concerned):,} features of other layers are concerned; they are in {CHANGES}."] if len(concerned) else []
    page = redline_html(changes, done.old, done.new, title=work.job.title or work.job.name, city=work.city.name, remarks=told)
    publish_text(work.folder / REDLINE, page)
    if picture := changes_map(changes, step.layer, done.old, work.city):
        publish_text(work.folder / PICTURE, picture)
    decided = standing(changes, review)
    counts = {"rows in": len(done.new), "rows before": len(done.old)}
    counts |= {kind: n for kind, n in changes.counts.items() if n or kind == "unchanged"}
    counts |= {"accepted": len(decided.accepted), "rejected": len(decided.rejected), "pending": len(decided.undecided)}
    counts |= {"concerned": len(concerned)}
    attention = _attention(step, work, decided)
    stop = _stop(step, changes, decided)
    return Outcome(counts, attention + ((stop,) if stop else ()), stop, links=(REDLINE, REVIEW, LIST))


def load_step(step: Load, work: Work) -> Outcome:
    """
    Take layers, or the accepted changes of a comparison, into the store as one batch.

    A run that was killed between the store's commit and its own note of it finds its change by the mark in its message.

    Raises
    ------
    Blocked
        If an error stands in the way that nobody accepted.
    """
    source = next((each for each in work.job.steps if each.id == step.source[0] and each.kind == "compare"), None)
    message = f"{step.message or work.job.title or work.job.name} {work.mark}"
    with store(work.city) as db:
        if source is not None:
            batch = _applied(step, source, db, work, message)
        else:
            batch = _loaded(step, db, work, message)
        own = changes_marked(db, work.marks)
    own = [each for each in own if str(each.message).endswith(work.mark)]
    change, layers = (int(own[-1].id), own[-1].counts) if own else (None, {})
    if batch is not None and not own:
        layers = {name: counts._asdict() for name, counts in batch.counts.items()}
    told = {"change": change, "layers": layers, "accepted": own[-1].accepted if own else {}}
    publish_text(work.folder / OUTCOME, json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n")
    sums = {name: sum(int(each.get(name, 0)) for each in layers.values()) for name in ("added", "updated", "retired", "unchanged")}
    return Outcome(sums, change=change, links=(OUTCOME,))


def compared(step: Compare, work: Work) -> Compared:
    """
    The layers of a compare step told apart, with the decisions of a person and the job's policy.

    Raises
    ------
    Blocked
        If the delivery has fewer rows than ``min_rows``, or lost more than ``max_shrink`` of them.
    """
    path, city = work.file(step.source), work.city
    new = read_geopackage(path, step.layer)
    beside: dict[str, pd.DataFrame] = {}
    ignore, names = step.ignore, list(step.key) or list(city.schema.layer(step.layer).key)
    if step.against == "store":
        with store(city) as db:
            others = [each.name for each in db.layers() if each.rows and each.name not in (step.layer, *NOT_CONCERNED)]
            old, beside = db.read(step.layer), {name: db.read(name) for name in others}
            old = old.assign(cs_from=last_change(db))
        ignore = (*ignore, *city_owned(step.layer, city).columns)
    else:
        old = read_geopackage(work.file(step.against), step.layer)
    _require_rows(step, len(old), len(new))
    changes = compare(old.drop(columns="cs_from", errors="ignore"), new, key=names, tolerance_ft=step.tolerance_ft, ignore=ignore)
    review = review_of(changes, decided_by_persons(step, work.job, city))
    policy = review["decision"].eq("") & review["kind"].isin(step.accept)
    review.loc[policy, "decision"] = "accept"
    review.loc[policy, "by"] = policy_of(work.job)
    return Compared(old, new, changes, review, beside)


def _require_rows(step: Compare, before: int, now: int) -> None:
    hint = "The extract looks cut off. Ask the sender; where it is whole, change the number in the job."
    if now < step.min_rows:
        raise Blocked(f"Step {step.id!r}: the delivery has {now:,} rows, fewer than min_rows = {step.min_rows:,}. {hint}")
    if before and now < (1 - step.max_shrink) * before:
        raise Blocked(
            f"Step {step.id!r}: the delivery has {now:,} rows, {1 - now / before:.1%} fewer than the {before:,} before; "
            f"max_shrink = {step.max_shrink:g}. {hint}"
        )


def _stop(step: Compare, changes: Changes, decided) -> str | None:
    if changes.shift is not None and SHIFT_ID in decided.undecided:
        return (
            f"The whole layer moved: {changes.shift}. Find out why; then decide {SHIFT_ID} in the review: accept it to take "
            "the new places for every feature, or reject it to keep the City's."
        )
    if changes.truncated is not None and step.allow_retired != changes.counts["retired"]:
        return f"{changes.truncated} Where they are gone indeed, say in the step: allow_retired = {changes.counts['retired']}"
    return None


def _attention(step: Compare, work: Work, decided) -> tuple[str, ...]:
    told = []
    if decided.undecided:
        where = step.review or f"{work.job.name}_review.csv"
        hint = "" if step.review else f' and say review = "{where}" in step {step.id!r}'
        told.append(
            f"Changes pending: {len(decided.undecided):,}. Copy this {REVIEW} to {where} beside the job file{hint}; fill in "
            "accept or reject; run the job again."
        )
    if decided.outdated:
        told.append(f"Decided changes that say something else now: {len(decided.outdated):,}. Decide them again.")
    return tuple(told)


def _applied(step: Load, source: Compare, db: Store, work: Work, message: str) -> Batch | None:
    """The accepted changes of a comparison, made again: the store and the review are then surely those that are applied."""
    done = compared(source, work)
    allowed = source.allow_retired
    change = changeset(
        done.changes,
        done.old,
        done.new,
        done.review,
        city=work.city,
        layer=source.layer,
        effective=step.effective,
        allow_truncated=allowed,
    )
    if change.layers[source.layer].is_empty:
        return None
    path = work.file(source.source)
    if "source_document" in {each.name for each in layers_of(path)}:
        documents, known = read_geopackage(path, "source_document"), db.read("source_document")
        brought = documents[~documents["doc_id"].isin(known["doc_id"])]
        change.layers["source_document"] = LayerChange(brought, documents.iloc[:0], pd.DataFrame({"doc_id": []}))
    said = f"{message.removesuffix(work.mark).strip()}. {change.message} {work.mark}" if change.message else message
    change = change._replace(message=said)
    findings = _with_told(pd.DataFrame(db.check(change)), [path])
    layers = {name: pd.concat([each.added, each.updated], ignore_index=True) for name, each in change.layers.items()}
    findings = _not_excused(findings, db.together(layers), work)
    return _entered(findings, work, lambda accept: db.apply(change, accept=accept, findings=findings, at=work.at))


def _loaded(step: Load, db: Store, work: Work, message: str) -> Batch:
    layers = joined_layers(step, work)
    beside = db.together(layers)
    findings = _with_told(pd.DataFrame(db.check(layers, beside=beside)), [work.file(name) for name in step.source])
    findings = _not_excused(findings, beside, work)
    return _entered(
        findings,
        work,
        lambda accept: db.load(layers, accept=accept, findings=findings, message=message, effective=step.effective, at=work.at),
    )


def _entered(findings: pd.DataFrame, work: Work, enter) -> Batch:
    """The batch, with those of the job's acceptances whose codes are there; `Blocked` where an error is accepted by nobody."""
    errors = set(findings.loc[findings["severity"] == "error", "code"])
    accept = {code: reason for code, reason in work.job.accept.items() if code in errors}
    try:
        return enter(accept)
    except StoreError as refused:
        if errors - set(accept):
            what = str(refused).partition("\nCorrect them")[0]
            hint = f"Correct them, or say in {work.job.path.name} under [accept] why each code is accepted."
            raise Blocked(f"{what}\n{hint}") from None
        raise


def _with_told(findings: pd.DataFrame, paths: list) -> pd.DataFrame:
    """Findings, and those that came with converted files, such as what the conversion said of its frame."""
    for path in paths:
        if "findings" in {each.name for each in layers_of(path)}:
            told = pd.DataFrame(read_geopackage(path, "findings"))[list(COLUMNS)]
            findings = pd.concat([findings, told[~told["finding_id"].isin(findings["finding_id"])]], ignore_index=True)
    return findings


def _not_excused(findings: pd.DataFrame, beside: dict[str, pd.DataFrame], work: Work) -> pd.DataFrame:
    applied = excused(findings, beside, work.city)
    return findings if applied is None else applied.left
