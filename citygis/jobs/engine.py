"""
A job run: each step done again only where something changed, its files kept whole, every event in the ledger.
"""

import datetime
import importlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from citygis.city import City
from citygis.errors import CityGISError, SettingsError, StoreError
from citygis.jobs.alert import send_alert
from citygis.jobs.identity import READS_STORE, beside, fingerprint, mark_of, rests_on, store_state, versions
from citygis.jobs.inputs import Digest, Outside, digest, outside_inputs
from citygis.jobs.job import Job, Step, jobs_folder
from citygis.jobs.ledger import LEDGER, Unwritten, append_event
from citygis.jobs.outcome import Blocked, Outcome, Work
from citygis.jobs.recovery import change_marked, holds_change, unentered
from citygis.jobs.results import Run, StepRun
from citygis.jobs.shelf import Kept, identity_of, kept, publish_step, put_aside, tidied, why_anew
from citygis.jobs.sync_step import PARTS, Skipped
from citygis.jobs.termination import Terminated, terminable
from citygis.lock import holding
from citygis.publish import publish_text

WORK, LOCK, PAGE = ".work", "lock", "run.html"

_ACTIONS = {
    "read": "intake",
    "convert": "intake",
    "repair": "intake",
    "validate": "intake",
    "compare": "refresh",
    "load": "refresh",
    "analyse": "products",
    "sheet": "products",
    "series": "products",
    "report": "products",
    "backup": "products",
    "sync": "sync_step",
}
"""The module of each kind's function."""


def run_job(
    job: Job,
    *,
    city: City,
    dry: bool = False,
    start: str | None = None,
    engine: str = "local",
    scheduler: str | None = None,
    at: datetime.datetime | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> Run:
    """
    Run a job.

    Parameters
    ----------
    job : Job
        From `citygis.jobs.read_job`.
    city : City
        With a folder; the ledger and the steps' files lie in its jobs folder.
    dry : bool
        Only tell what would be done; nothing is written.
    start : str, optional
        A step: those before it are taken as an earlier run left them, it and those after it are done anew.
    engine, scheduler : str
        For steps that work on partitioned data sets: local, processes or dask; the address of a Dask scheduler.
    at : datetime, optional
        With time zone: the moment that changes are entered with and that is printed; now when not given.
    told : callable
        Is told, line by line, what goes on.

    Returns
    -------
    Run

    Raises
    ------
    Held
        If another run holds the jobs folder.
    SettingsError, ReadError, StoreError
        If an input is missing or leads out of the City's folder, or the ledger was changed or cannot be written. Nothing was
        changed in the store; the alert is sent. Where something was changed already, the run says so in its ``remarks``.
    """
    if start is not None and start not in [step.id for step in job.steps]:
        raise SettingsError(f"{job.path}: there is no step {start!r}. There are: {', '.join(step.id for step in job.steps)}.")
    folder = jobs_folder(city)
    if dry:
        return _Chain(job, city, engine, scheduler, at, told).plan(start)
    try:
        try:
            (folder / WORK).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder / WORK} cannot be made or written: {error.strerror or error}. Nothing was run.") from None
        with holding(folder / WORK / LOCK, what=f"job {job.name}", told=told):
            return _Chain(job, city, engine, scheduler, at, told).run(start)
    except CityGISError as refused:
        if wrong := send_alert(job, {"job": job.name, "title": job.title, "exit": 3, "message": str(refused), "steps": []}, 3):
            told(wrong)
        raise


class _Chain:
    """One run of one job."""

    def __init__(
        self,
        job: Job,
        city: City,
        engine: str,
        scheduler: str | None,
        at: datetime.datetime | None,
        told: Callable[[str], None],
    ) -> None:
        self.job, self.city, self.at, self.told = job, city, at, told
        self.engine, self.scheduler = engine, scheduler
        self.home = jobs_folder(city) / WORK / job.name
        self.ledger = jobs_folder(city) / LEDGER
        self.began = at or datetime.datetime.now(datetime.UTC)
        self.id = f"{self.began.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self.outside: dict[str, Outside] = outside_inputs(job, city)
        self.inputs: dict[str, Digest] = {name: digest(each) for name, each in self.outside.items()}
        self.extras = {step.id: beside(step, job, city) for step in job.steps}
        self.made_of = fingerprint(job, self.inputs, city, self.extras)
        self.done: dict[str, Kept] = {}
        self.head = (0, "")
        self.remarks: list[str] = []

    def plan(self, start: str | None) -> Run:
        """What each step would do, as far as can be told before any of them is done."""
        steps: list[StepRun] = []
        waits: set[str] = set()
        loads = forced = False
        for step in self.job.steps:
            forced = forced or step.id == start
            old = kept(self.home / step.id)
            unsure = forced or any(name in waits for name in step.takes) or (loads and step.kind in READS_STORE)
            unsure = unsure or self._always(step) or old is None
            state = "kept" if start is not None and not forced else "to do"
            if state == "to do" and not unsure and not self._why(step, old, self._rests_on(step)):
                state = "unchanged"
            if state == "to do":
                waits.add(step.id)
                loads = loads or step.kind == "load"
            if old is not None:
                self.done[step.id] = old
            steps.append(StepRun(step.id, step.kind, state))
        return Run(self.id, self.job, tuple(steps), 0, self.began, 0.0, None, self.head)

    def run(self, start: str | None) -> Run:
        """The steps in their order, until one stops the job."""
        clock = time.perf_counter()
        tidied(self.home)
        began = {
            "title": self.job.title,
            "job_sha256": digest(Outside("job", self.job.path)).sha256,
            "made_of": self.made_of,
            "versions": versions(self.city),
            "inputs": {name: each._asdict() for name, each in self.inputs.items()},
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
        if self.engine != "local":
            began["engine"] = self.engine
        if self.scheduler is not None:
            began["scheduler"] = self.scheduler
        self._note("run started", began)
        for event in unentered(self.job, self.city, self.home, self.ledger):
            self._note("step recovered", event)
            self.told(f"{event['step']}: an earlier run did this and could not enter it in the ledger; it is entered now")
        results: list[StepRun] = []
        stopped: int | None = None
        unwritten: Unwritten | None = None
        with terminable():
            try:
                self._steps(start, results)
            except (KeyboardInterrupt, Terminated) as signalled:
                stopped = 130 if isinstance(signalled, KeyboardInterrupt) else 143
            except Unwritten as error:
                if not any(map(self._changed, results)):
                    raise
                unwritten = error
            except Exception as defect:
                # Told by its kind alone: what it says may hold anything.
                step = self.job.steps[len(results)]
                self._note_last("step failed", {"step": step.id, "kind": step.kind, "message": f"defect: {type(defect).__name__}"})
                self._note_last("run ended", {"exit": 1})
                raise
        # What follows is short, and has to be whole.
        if stopped is not None and len(results) < len(self.job.steps):
            step = self.job.steps[len(results)]
            results.append(StepRun(step.id, step.kind, "stopped", message="Stopped by a signal. The next run goes on here."))
            self._note_last("step stopped", {"step": step.id, "kind": step.kind})
        if unwritten is not None:
            self._lost(unwritten, results)
        results += [StepRun(step.id, step.kind, "not run") for step in self.job.steps[len(results) :]]
        code = stopped or max(self._exit_code(results), 1 if self.remarks else 0)
        page = self.home / PAGE
        seconds = time.perf_counter() - clock
        run = Run(self.id, self.job, tuple(results), code, self.began, seconds, page, self.head, tuple(self.remarks))
        if wrong := send_alert(self.job, run.summary, code):
            self.told(wrong)
            self.remarks.append(wrong)
            self._note_last("alert failed", {"message": wrong})
            code = max(code, 1)
        self._note_last("run ended", {"exit": code, "seconds": round(seconds, 3)})
        code = max(code, 1 if self.remarks else 0)
        run = run._replace(exit_code=code, ledger=self.head, remarks=tuple(self.remarks))
        from citygis.jobs.page import run_page

        try:
            publish_text(page, run_page(run, self.city), overwrite=True)
        except StoreError as error:
            return run._replace(exit_code=max(code, 1), page=None, remarks=(*run.remarks, f"No report of this run: {error}"))
        return run

    def _steps(self, start: str | None, results: list[StepRun]) -> None:
        forced = False
        for step in self.job.steps:
            forced = forced or step.id == start
            began = time.perf_counter()
            if start is not None and not forced:
                one = self._kept(step)
            else:
                one = self._step(step, forced=forced)
            one = one._replace(seconds=time.perf_counter() - began)
            results.append(one)
            self._note(f"step {one.state}", self._event(step, one))
            self.told(f"{step.id}: {one.state}" + (f". {one.message}" if one.message else ""))
            if one.state in ("refused", "failed") or (one.message and one.state in ("done", "unchanged", "kept")):
                return

    def _kept(self, step: Step) -> StepRun:
        old = kept(self.home / step.id)
        if old is None:
            if step.kind == "sync":
                return StepRun(step.id, step.kind, "skipped")
            why = "No earlier run left its files, or they were changed. Run the job without --from, or from this step."
            return StepRun(step.id, step.kind, "failed", message=why)
        self.done[step.id] = old
        return self._result(step, old, "kept")

    def _step(self, step: Step, *, forced: bool) -> StepRun:
        folder = self.home / step.id
        try:
            old = kept(folder)
            rests_on = self._rests_on(step)
            always = self._always(step)
            why = self._why(step, old, rests_on)
            if not why and not forced and not always:
                self.done[step.id] = old
                return self._result(step, old, "unchanged")
            why = why or ("asked for by --from" if forced else "it asks anew each time",)
            self._note(
                "step started", {"step": step.id, "kind": step.kind, "identity": identity_of(rests_on), "because": list(why)}
            )
            self.told(f"{step.id}: {step.kind} ({', '.join(why)})")
            saved = put_aside(folder) if old is None else []
            identity = identity_of(rests_on)
            made = publish_step(
                folder, rests_on, lambda place: self._acted(step, place, old, identity), same=old if always else None
            )
        except Unwritten:
            raise
        except Blocked as blocked:
            return StepRun(step.id, step.kind, "refused", message=str(blocked))
        except Skipped as skipped:
            return StepRun(step.id, step.kind, "skipped", message=str(skipped))
        except CityGISError as error:
            change = change_marked(mark_of(self.job, step, self.made_of), self.city) if step.kind == "load" else None
            said = "" if change is None else f"\nChange {change} of this step is in the store all the same; the next run finds it."
            return StepRun(step.id, step.kind, "failed", message=f"{error}{said}", change=change)
        self.done[step.id] = made
        one = self._result(step, made, "unchanged" if made is old else "done")
        if not saved:
            return one
        names = ", ".join(path.relative_to(self.home).as_posix() for path in saved)
        said = f"Somebody had changed files of this step, or put files there. They were made anew; what lay there is kept: {names}."
        return one._replace(remarks=(*one.remarks, said))

    def _why(self, step: Step, old: Kept | None, rests_on: Mapping[str, str]) -> tuple[str, ...]:
        """Why a step is done anew; none where it need not be."""
        why = why_anew(self.home / step.id, old, rests_on)
        if not why and step.kind == "load" and (change := old.outcome.change) is not None:
            why = () if holds_change(self.job, step.id, change, self.city) else (f"change {change} is no longer in the store",)
        return why

    def _acted(self, step: Step, place: Path, old: Kept | None, identity: str) -> Outcome:
        marks = self._marks(step)
        work = Work(
            self.job,
            self.city,
            place,
            self.home / f"{step.id}.sheets",
            {name: each.folder for name, each in self.done.items()},
            self.outside,
            self.at,
            mark_of(self.job, step, self.made_of),
            marks,
            self.engine,
            self.scheduler,
            old.folder if old else None,
            identity,
        )
        module = importlib.import_module(f"citygis.jobs.{_ACTIONS[step.kind]}")
        if step.kind == "load":  # what is in the store cannot be left out afterwards
            self._require_same_inputs(step)
        made = getattr(module, f"{step.kind}_step")(step, work)
        if step.kind != "load":
            self._require_same_inputs(step)
        return made

    def _require_same_inputs(self, step: Step) -> None:
        """That what a step takes from outside is what the run began with, and what the ledger says."""
        for name in step.takes:
            if name in self.outside and digest(self.outside[name]) != self.inputs[name]:
                raise Blocked(f"{self.outside[name].path} was changed while the job ran. Let it be whole, and run the job again.")

    def _result(self, step: Step, made: Kept, state: str) -> StepRun:
        said = made.outcome
        return StepRun(
            step.id,
            step.kind,
            state,
            said.counts,
            said.attention,
            said.stop,
            said.change,
            said.links,
            {name: sha for name, (sha, _) in made.outputs.items()},
            made.folder,
            remarks=said.remarks,
        )

    def _rests_on(self, step: Step) -> dict[str, str]:
        inputs: dict[str, Any] = {}
        for name in step.takes:
            if name in self.done:
                inputs[name] = {file: sha for file, (sha, _) in self.done[name].outputs.items()}
            else:
                given = self.inputs[name]
                inputs[name] = [given.name, given.sha256]
        state = store_state(step, self.city, self._marks(step)) if step.kind in READS_STORE else None
        return rests_on(step, self.job, inputs, self.city, state, self.extras[step.id])

    def _marks(self, step: Step) -> frozenset[str]:
        """The marks of this step and those after it."""
        ids = [each.id for each in self.job.steps]
        return frozenset(mark_of(self.job, each, self.made_of) for each in self.job.steps[ids.index(step.id) :])

    def _always(self, step: Step) -> bool:
        """Whether a step asks somebody who answers anew each time."""
        return step.kind == "sync" or any(self.inputs[name].sha256 is None for name in step.takes if name in self.inputs)

    def _event(self, step: Step, one: StepRun) -> dict[str, Any]:
        said: dict[str, Any] = {"step": step.id, "kind": step.kind}
        if one.state in ("done", "unchanged", "kept"):
            said |= {"identity": self.done[step.id].identity, "parameters": step.model_dump(mode="json", exclude={"id", "kind"})}
            said["inputs"] = {
                name: self.inputs[name]._asdict() if name in self.inputs else {"step": name, "outputs": self.done[name].listed}
                for name in step.takes
                if name in self.inputs or name in self.done
            }
            said |= {"counts": dict(one.counts), "outputs": self.done[step.id].listed, "change": one.change}
        said |= {
            "attention": list(one.attention),
            "remarks": list(one.remarks),
            "message": one.message,
            "seconds": round(one.seconds, 3),
        }
        return said

    def _note(self, event: str, said: Mapping[str, Any]) -> None:
        head = append_event(self.ledger, {"event": event, "run": self.id, "job": self.job.name, **said}, at=self.at)
        self.head = (head.count, head.sha256)

    def _note_last(self, event: str, said: Mapping[str, Any]) -> None:
        """`_note` where what was done must be told whether or not the ledger takes it."""
        try:
            self._note(event, said)
        except Unwritten as error:
            text = f"{error} The ledger lacks the end of this run."
            if not self.remarks:
                self.told(text)
                self.remarks.append(text)

    def _lost(self, error: Unwritten, results: list[StepRun]) -> None:
        """Tell of what stands in spite of a ledger that does not say so."""
        changed = [each for each in results if self._changed(each)]
        made = [
            f"what step {each.id!r} sent" if each.change is None else f"change {each.change} of step {each.id!r}"
            for each in changed
        ]
        self.remarks.append(
            f"{error} It may lack {', '.join(made)}, which stands all the same. Mend what keeps it from being written, and run the "
            "job again: it enters what is missing and goes on."
        )
        self.told(self.remarks[-1])

    def _changed(self, one: StepRun) -> bool:
        """Whether a step of this run changed the store, or what others see."""
        step = next(each for each in self.job.steps if each.id == one.id)
        sent = step.kind == "sync" and step.apply and any(one.counts.get(name) for name in PARTS[:3])
        return one.state in ("done", "failed") and (one.change is not None or sent)

    def _exit_code(self, results: list[StepRun]) -> int:
        if any(each.state == "failed" for each in results):
            return 1 if any(map(self._changed, results)) else 3
        needs = any(each.attention or each.state == "refused" or (each.message and each.state != "skipped") for each in results)
        return 1 if needs else 0
