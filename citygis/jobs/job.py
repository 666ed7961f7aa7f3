"""
A job file: what it takes, its steps in order, who accepts what, and whom to tell.
"""

import datetime
import difflib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, PrivateAttr, field_validator

from citygis.city import City
from citygis.errors import SettingsError
from citygis.settings import Settings, check, read_toml

NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"
"""Of a job, a step and an input: they become names of folders."""

Accepted = Literal["attribute", "moved", "renumbered", "split", "merged", "resubdivided", "recycled", "new", "retired"]
"""Kinds of change that a policy can accept. What nobody can tell apart (ambiguous) and a shift of the layer are for a person."""


class Alert(Settings):
    """
    A command that is told how a run ended: JSON on its standard input, CITYGIS_JOB and CITYGIS_EXIT in its environment.

    ``command`` is run without a shell, in the folder of the job file. ``on`` trouble: exit code other than 0.
    """

    command: tuple[str, ...] = Field(min_length=1)
    on: Literal["trouble", "always"] = "trouble"
    timeout_s: float = Field(default=60.0, gt=0, le=3600)


class Step(Settings):
    """What every step has: its ``id`` and ``kind``."""

    id: str = Field(pattern=NAME)
    kind: str

    @property
    def takes(self) -> tuple[str, ...]:
        """The inputs of the step: ids of earlier steps, names of ``[inputs]``, or file paths."""
        said = [getattr(self, name, None) for name in ("source", "file", "against", "request")]
        flat = [each for one in said if one for each in ((one,) if isinstance(one, str) else one)]
        return tuple(each for each in flat if each != "store")


class _FromSeveral(Step):
    source: tuple[str, ...] = Field(alias="from", min_length=1)

    @field_validator("source", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Read(Step):
    """`citygis.read`: an outside file as sent."""

    file: str
    layer: str | None = None
    source_crs: str | None = None


class Convert(Step):
    """`citygis.convert`: what a ``read`` step gave, as a City layer; the rest in quarantine."""

    source: str = Field(alias="from")
    to: str
    crosswalk: str | None = None


class Validate(_FromSeveral):
    """`citygis.validate`: City layers seen together with the store; or a partitioned data set (a folder), as one ``layer``."""

    only: Literal["geometry", "attributes"] | None = None
    layer: str | None = None
    fail_on: Literal["error", "review", "never"] = "error"


class Repair(_FromSeveral):
    """`citygis.repair`: City layers mended where it is safe."""

    tolerance_ft: float | None = Field(default=None, gt=0, le=0.12)
    apply: tuple[str, ...] = ()


class Compare(Step):
    """
    `citygis.compare`: a converted layer against the store, or against an earlier delivery.

    ``accept`` are kinds of change that are taken without asking; ``review`` is the file in which a person decides the others.
    Fewer rows than ``min_rows``, or a share of them gone that is larger than ``max_shrink``, stop the job: the extract looks cut
    off. ``allow_retired``: so many features are gone indeed.
    """

    source: str = Field(alias="from")
    against: str = "store"
    layer: str = "parcel"
    key: tuple[str, ...] = ()
    tolerance_ft: float = Field(default=0.01, gt=0)
    ignore: tuple[str, ...] = ()
    accept: tuple[Accepted, ...] = ()
    review: str | None = None
    min_rows: int = Field(default=1, ge=0)
    max_shrink: float = Field(default=0.1, ge=0, le=1)
    allow_retired: int | None = Field(default=None, ge=0)


class Load(_FromSeveral):
    """
    `Store.load` of converted layers, or `Store.apply` of what a ``compare`` step accepts.

    ``effective``: from when the changes of a comparison, or the layers, hold in law.
    """

    message: str | None = None
    effective: datetime.date | None = None


class Analyse(Step):
    """A department's question, or a ``request`` file, answered from the store as a package of files."""

    question: str | None = None
    request: str | None = None
    parameters: dict[str, Any] = {}


class Sheet(Step):
    """`citygis.draw`: a sheet file (here, or in the City's sheets folder) drawn from the store, and measured."""

    sheet: str
    form: Literal["pdf", "svg", "png", "tif", "plt"] = "pdf"
    scale: str | None = None


class Series(Step):
    """A series file drawn from the store as one PDF; a run that was stopped goes on with the sheets that are missing."""

    series: str
    pages: str | None = None


class Report(Step):
    """A saved query, answered from the store with its controls; ``set`` is what it asks for."""

    report: str
    form: Literal["xlsx", "html", "csv"] = "xlsx"
    given: dict[str, str] = Field(default={}, alias="set")


class Backup(Step):
    """A backup of the store, restored and compared unless ``prove`` is false."""

    prove: bool = True


class Sync(Step):
    """A plan of what a target would be sent; sent only with ``apply``. ``optional``: passed over where there is no target."""

    target: str
    apply: bool = False
    optional: bool = False


STEPS: dict[str, type[Step]] = {
    "read": Read,
    "convert": Convert,
    "validate": Validate,
    "repair": Repair,
    "compare": Compare,
    "load": Load,
    "analyse": Analyse,
    "sheet": Sheet,
    "series": Series,
    "report": Report,
    "backup": Backup,
    "sync": Sync,
}
"""The kinds of step, and what each is asked."""

FROM = {"convert": ("read",), "validate": ("convert", "repair"), "repair": ("convert",), "compare": ("convert", "repair")}
FROM["load"] = ("convert", "repair", "compare")
"""The kinds of step that a step can take from; none listed: it takes files."""


class Job(Settings):
    """
    A job file.

    ``inputs`` names files, of a pattern the newest, those outside of the City's folder by their absolute paths, and addresses of
    services. ``accept`` are the reasons by code for which errors do not stand in the way. ``steps`` are in order.
    """

    name: str = Field(pattern=NAME)
    title: str = ""
    inputs: dict[str, str] = {}
    accept: dict[str, str] = {}
    alert: Alert | None = None
    step: tuple[dict[str, Any], ...] = Field(min_length=1)
    _path: Path = PrivateAttr(default=Path())
    _steps: tuple[Step, ...] = PrivateAttr(default=())

    @field_validator("accept")
    @classmethod
    def _with_reasons(cls, value: dict[str, str]) -> dict[str, str]:
        for code, reason in value.items():
            if not reason.strip():
                raise ValueError(f"{code} has no reason. Say why it is accepted.")
        return value

    @property
    def path(self) -> Path:
        """The job file."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder of the job file, which its paths start from."""
        return self._path.parent

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps in their order, each as its kind."""
        return self._steps


def find_job(name: str | Path, city: City) -> Path:
    """
    The file of a job: a path, or the name of one in the City's jobs folder.

    Raises
    ------
    SettingsError
        If there is none; the message lists those there are.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    jobs = jobs_folder(city)
    for there in (jobs / path, jobs / f"{name}.toml"):
        if there.suffix == ".toml" and there.is_file():
            return there
    known = sorted(each.stem for each in jobs.glob("*.toml"))
    raise SettingsError(f"There is no job {str(name)!r}. There are: {', '.join(known) or 'none'}, in {jobs}. Or name a .toml file.")


def jobs_folder(city: City) -> Path:
    """
    The folder of a City's jobs, with their ledger.

    Raises
    ------
    SettingsError
        For the packaged defaults, which have none.
    """
    if city.folder is None:
        raise SettingsError("There is no City folder, so no jobs. Name one with --city DIR, or make one: citygis init DIR")
    return city.folder / city.folders.jobs


def read_job(path: Path | str) -> Job:
    """
    A job file, looked through: every key is known, every step takes from files or from steps before it.

    Raises
    ------
    SettingsError
        Naming file, step and key, and what was probably meant; for a cycle, the steps in it. A secret in an address is refused, and
        not repeated.
    """
    path = Path(path)
    tables = read_toml(path)
    _require_no_secrets(tables, path)
    job = check(tables, Job, str(path))
    job._path = path.resolve()
    job._steps = tuple(_step(each, number, path) for number, each in enumerate(job.step, start=1))
    _require_references(job, path)
    return job


def is_address(text: str) -> bool:
    """Whether an input is the address of a service rather than a file."""
    return text.startswith(("https://", "http://"))


def _step(table: dict[str, Any], number: int, path: Path) -> Step:
    said = table.get("id")
    where = f"{path}: step {number}" + (f" ({said})" if isinstance(said, str) else "")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in STEPS:
        close = difflib.get_close_matches(str(kind), STEPS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f". Must be one of: {', '.join(STEPS)}."
        raise SettingsError(f"{where}: " + (f"there is no kind {kind!r}{hint}" if kind is not None else f"no `kind`{hint}"))
    step = check(table, STEPS[kind], where)
    if kind == "analyse" and (step.question is None) == (step.request is None):
        raise SettingsError(f"{where}: say `question` or `request`, one of them.")
    return step


def _require_references(job: Job, path: Path) -> None:
    """That ids are single, and each step takes from what is there before it."""
    kinds = {step.id: step.kind for step in job.steps}
    if len(kinds) < len(job.steps):
        ids = [step.id for step in job.steps]
        twice = [name for name, n in Counter(ids).items() if n > 1]
        raise SettingsError(f"{path}: two steps are called {twice[0]!r}. Give each an id of its own.")
    both = sorted(set(kinds) & set(job.inputs))
    if both:
        raise SettingsError(f"{path}: {both[0]!r} is a step and an input. Give one of them another name.")
    taken = {step.id: [each for each in step.takes if each in kinds] for step in job.steps}
    if circle := _circle(taken):
        raise SettingsError(f"{path}: steps that wait for each other: {' takes from '.join(circle)}. Nothing was run.")
    before: set[str] = set()
    for step in job.steps:
        where = f"{path}: step {step.id!r}"
        for name in step.takes:
            if name in kinds and name not in before:
                raise SettingsError(f"{where} takes from {name!r}, which comes after it. Put {name!r} before it.")
            if name in kinds and kinds[name] not in FROM.get(step.kind, ()):
                wanted = " or ".join(FROM.get(step.kind, ())) or "a file"
                raise SettingsError(f"{where} ({step.kind}) takes from {wanted}, not from {name!r} ({kinds[name]}).")
            if name not in kinds and name not in job.inputs and not _is_path(name):
                close = difflib.get_close_matches(name, [*before, *job.inputs], n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ". Must be an earlier step, a name of [inputs], or a file."
                raise SettingsError(f"{where}: there is no {name!r}{hint}")
            if name not in kinds and step.kind == "convert":
                raise SettingsError(f"{where} (convert) takes from a read step, not from a file. Read {name!r} before it.")
        compares = [name for name in getattr(step, "source", ()) if kinds.get(name) == "compare"] if step.kind == "load" else []
        if compares and len(step.source) > 1:
            raise SettingsError(f"{where} takes the changes of {compares[0]!r}: load other layers by a step of their own.")
        before.add(step.id)


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or "." in name


def _circle(taken: dict[str, list[str]]) -> list[str]:
    """Steps that take from each other in a ring, the first again at the end; empty where there is none."""
    left = dict(taken)
    while free := [step for step, others in left.items() if not any(other in left for other in others)]:
        for step in free:
            del left[step]
    way = [next(iter(left))] if left else []
    while way:
        following = next(other for other in left[way[-1]] if other in left)
        if following in way:
            return [*way[way.index(following) :], following]
        way.append(following)
    return []


_SECRET = re.compile(r"^(token|password|passwd|pwd|secret|key|api_?key|access_?key|sig|signature|client_secret)$", re.IGNORECASE)


def _require_no_secrets(tables: object, path: Path) -> None:
    """Looked at before anything can repeat a value in a message."""
    for key, text in _texts(tables, ""):
        if "://" not in text:
            continue
        try:
            parts = urlsplit(text)
            has_secret = bool(parts.password) or any(_SECRET.match(name) for name in parse_qs(parts.query))
        except ValueError:
            has_secret = "@" in text
        if has_secret:
            raise SettingsError(
                f"{path}: `{key}` holds a password or token, where everybody reads it. Take it out; a service's account is "
                "named by its profile, a database's password comes from ~/.pgpass."
            )


def _texts(value: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _texts(inner, f"{key}.{number}")
