"""
Steps that bring a delivery into the store: compare, with what may be taken without asking, and load.
"""

import json
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.changes import SHIFT_ID, Changes, Standing, alerts, city_owned, compare, review_of, standing
from citygis.changes.record import LIST, PAGE, write_changes
from citygis.changes.review import csv_text
from citygis.errors import StoreError
from citygis.gpkg import read_geopackage
from citygis.jobs.identity import changes_marked, decided_by_persons, policy_of
from citygis.jobs.job import Compare, Load
from citygis.jobs.outcome import PICTURE, Blocked, Outcome, Work, joined_layers
from citygis.jobs.picture import changes_map
from citygis.publish import publish_text
from citygis.quality import RULES
from citygis.store import Batch, Store, store
from citygis.store.delivery import HeldLayer, decided_change, held_layer, in_the_way

REVIEW, OUTCOME = "review.csv", "load.json"


class Compared(NamedTuple):
    """What was there and what is delivered, what changed between them, and what is decided of that."""

    held: HeldLayer
    new: gpd.GeoDataFrame
    changes: Changes
    review: pd.DataFrame


def compare_step(step: Compare, work: Work) -> Outcome:
    """
    Tell what a delivery changes: lists, redline and review, with what the job accepts and what a person decided before.

    Raises
    ------
    Blocked
        If the delivery has too few rows.
    """
    done = compared(step, work)
    changes, review, old = done.changes, done.review, done.held.layer
    concerned = alerts(changes, old, done.new, done.held.beside)
    title = work.job.title or work.job.name
    write_changes(work.folder, changes, old, done.new, concerned, title=title, city=work.city.name)
    publish_text(work.folder / REVIEW, csv_text(review))
    if picture := changes_map(changes, step.layer, old, work.city):
        publish_text(work.folder / PICTURE, picture)
    decided = standing(changes, review)
    counts = {"rows in": len(done.new), "rows before": len(old)}
    counts |= {kind: n for kind, n in changes.counts.items() if n or kind == "unchanged"}
    counts |= {"accepted": len(decided.accepted), "rejected": len(decided.rejected), "pending": len(decided.undecided)}
    counts |= {"concerned": len(concerned)}
    attention = _attention(step, work, changes, decided)
    stop = _stop(step, changes, decided)
    return Outcome(counts, attention + ((stop,) if stop else ()), stop, links=(PAGE, REVIEW, LIST))


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
    ignore, names = step.ignore, list(step.key) or list(city.schema.layer(step.layer).key)
    if step.against == "store":
        with store(city) as db:
            held = held_layer(db, step.layer)
        ignore = (*ignore, *city_owned(step.layer, city).columns)
    else:
        held = HeldLayer(read_geopackage(work.file(step.against), step.layer), {}, 0)
    _require_rows(step, len(held.layer), len(new))
    changes = compare(held.layer, new, key=names, tolerance_ft=step.tolerance_ft, ignore=ignore)
    review = review_of(changes, decided_by_persons(step, work.job, city))
    policy = review["decision"].eq("") & review["kind"].isin(step.accept)
    review.loc[policy, "decision"] = "accept"
    review.loc[policy, "by"] = policy_of(work.job)
    return Compared(held, new, changes, review)


def _require_rows(step: Compare, before: int, now: int) -> None:
    hint = "The extract looks cut off. Ask the sender; where it is whole, change the number in the job."
    if now < step.min_rows:
        raise Blocked(f"Step {step.id!r}: the delivery has {now:,} rows, fewer than min_rows = {step.min_rows:,}. {hint}")
    if before and now < (1 - step.max_shrink) * before:
        raise Blocked(
            f"Step {step.id!r}: the delivery has {now:,} rows, {1 - now / before:.1%} fewer than the {before:,} before; "
            f"max_shrink = {step.max_shrink:g}. {hint}"
        )


def _stop(step: Compare, changes: Changes, decided: Standing) -> str | None:
    if changes.shift is not None and SHIFT_ID in decided.undecided:
        return (
            f"The whole layer moved: {changes.shift}. Find out why; then decide {SHIFT_ID} in the review: accept it to take "
            "the new places for every feature, or reject it to keep the City's."
        )
    if changes.truncated is not None and step.allow_retired != changes.counts["retired"]:
        return f"{changes.truncated} Where they are gone indeed, say in the step: allow_retired = {changes.counts['retired']}"
    return None


def _attention(step: Compare, work: Work, changes: Changes, decided: Standing) -> tuple[str, ...]:
    told = []
    if decided.undecided:
        kinds = changes.changes.set_index("change_id")["kind"].reindex(list(decided.undecided)).dropna().value_counts().sort_index()
        which = ", ".join(f"{kind} {n:,}" for kind, n in kinds.items()) or "the shift of the layer"
        where = step.review or f"{work.job.name}_review.csv"
        hint = "" if step.review else f' and say review = "{where}" in step {step.id!r}'
        told.append(
            f"{len(decided.undecided):,} changes are not decided ({which}) and were left out. Look at them in {PAGE}; copy its "
            f"{REVIEW} to {where} beside the job file{hint}; write accept or reject in its column decision; run the job again."
        )
    if decided.outdated:
        told.append(f"{len(decided.outdated):,} decided changes say something else now. Decide them again.")
    return tuple(told)


def _applied(step: Load, source: Compare, db: Store, work: Work, message: str) -> Batch | None:
    """The accepted changes of a comparison, made again: the store and the review are then surely those that are applied."""
    done = compared(source, work)
    path = work.file(source.source)
    change = decided_change(
        db,
        done.changes,
        done.held,
        done.new,
        done.review,
        layer=source.layer,
        path=path,
        effective=step.effective,
        allow_truncated=source.allow_retired,
    )
    if change.layers[source.layer].is_empty:
        return None
    said = f"{message.removesuffix(work.mark).strip()}. {change.message} {work.mark}" if change.message else message
    change = change._replace(message=said)
    findings = in_the_way(db, change, [path]).findings
    return _entered(findings, work, lambda accept: db.apply(change, accept=accept, findings=findings, at=work.at))


def _loaded(step: Load, db: Store, work: Work, message: str) -> Batch:
    layers = joined_layers(step, work)
    findings = in_the_way(db, layers, [work.file(name) for name in step.source]).findings
    return _entered(
        findings,
        work,
        lambda accept: db.load(layers, accept=accept, findings=findings, message=message, effective=step.effective, at=work.at),
    )


def _entered(findings: pd.DataFrame, work: Work, enter) -> Batch:
    """The batch, with those of the job's acceptances whose codes are there; `Blocked` where an error is accepted by nobody."""
    errors = set(findings.loc[findings["severity"] == "error", "code"])
    # What a load brings among what the store holds, the store says itself; its codes are those of the rules.
    accept = {code: reason for code, reason in work.job.accept.items() if code in errors or code in RULES}
    try:
        return enter(accept)
    except StoreError as refused:
        what, stands, _ = str(refused).partition("\nCorrect them")
        if stands:
            hint = f"Correct them, or say in {work.job.path.name} under [accept] why each code is accepted."
            raise Blocked(f"{what}\n{hint}") from None
        raise
