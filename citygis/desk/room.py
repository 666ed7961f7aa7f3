"""
The desk's rooms: each page as a function of what is held and what was asked, apart from how it is sent.
"""

import gc
import json
import threading
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

import jinja2
import pandas as pd

from citygis import __version__
from citygis.analysis import Answer, Question, questions
from citygis.analysis.package import cells
from citygis.city import City
from citygis.desk import checks, forms, records
from citygis.desk.answers import WAIT_S, Answers, Asked
from citygis.desk.checks import Checks
from citygis.desk.drawing import drawn, ground
from citygis.desk.holdings import Holdings, Keeper
from citygis.desk.places import Places, found, places, told
from citygis.errors import AnalysisError, CityGISError

PROFILES = ("public", "staff")
SHOWN_ROWS = 200
"""Rows of an answer's list on the page; the package has all."""
SHOWN_REASONS = 12

_HERE = {"front": "Questions", "form": "Questions", "answer": "Questions", "waiting": "Questions", "find": "Questions"}
_HERE |= {"findings": "Findings", "batches": "Changes", "batch": "Changes", "plans": "Plans", "plan": "Plans", "jobs": "Jobs"}

_CHANGE_STYLES = {
    "retired": {"legend": "Retired", "fill": "#d9a39b", "line": {"color": "#8a1f1f", "width_pt": 0.8, "dash_pt": [4.0, 2.0]}},
    "updated": {"legend": "Updated, as it is after", "fill": "#f1dfae", "line": {"color": "#7a5a12", "width_pt": 0.8}},
    "added": {"legend": "Added", "fill": "#bcd8c1", "line": {"color": "#23613a", "width_pt": 0.8}},
}


class Reply(NamedTuple):
    """
    What is sent back.

    Parameters
    ----------
    body : bytes
    kind : str
        Its media type.
    status : int
    location : str
        Where to go on, for status 303.
    name : str
        Of a file to be saved; empty for what is shown.
    """

    body: bytes
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    location: str = ""
    name: str = ""


class Room:
    """
    What a desk has and does.

    Parameters
    ----------
    city : City
        With a store.
    profile : str
        ``public``: the roll is never read. ``staff``: it is, where the City has it.

    Raises
    ------
    ValueError
        If `profile` is neither.
    StoreError
        If the City has no store.
    """

    def __init__(self, city: City, *, profile: str = "public") -> None:
        if profile not in PROFILES:
            raise ValueError(f"Invalid profile {profile!r}. Must be one of: {', '.join(PROFILES)}.")
        self.city, self.profile, self.owners = city, profile, profile == "staff"
        self.keeper = Keeper(city, owners=self.owners)
        self.answers = Answers(city, profile)
        self.checks = Checks(city, owners=self.owners)
        self._questions = questions()
        self._looked_at: records.ChangeRows | None = None
        self._places: tuple[int, Places] | None = None
        self._searching = threading.Lock()
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("citygis.desk"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"cell": _cell, "title": _title}

    def prepare(self) -> Holdings:
        """Read the layers and make the search and the workers ready, so that the first clerk does not wait."""
        held = self.keeper.current()
        self._search(held)
        gc.freeze()  # the layers live as long as the desk: looking among them for what to throw away would hold up the clerks
        self.answers.prepare(held)
        return held

    def page(self, template: str, token: str, *, status: int = 200, **more: Any) -> Reply:
        """A page by its template; every value is escaped."""
        about = {
            "city": self.city,
            "profile": self.profile,
            "version": __version__,
            "token": token,
            "here": _HERE.get(template, ""),
            "unread": self.keeper.trouble,
        }
        return Reply(self._templates.get_template(f"{template}.html.j2").render(**about, **more).encode(), status=status)

    def message(self, title: str, text: str, token: str, *, status: int) -> Reply:
        """A page that says one thing."""
        return self.page("message", token, status=status, title=title, text=text)

    # ---- the clerk's side

    def front(self, token: str) -> Reply:
        """The questions by department."""
        held = self.keeper.current()
        departments: dict[str, list[tuple[Question, str]]] = {}
        for each in self._questions.values():
            why = forms.unavailable(each, held.layers, owners=self.owners)
            departments.setdefault(each.department, []).append((each, why))
        return self.page("front", token, departments=departments, held=held, parcels=int(held.standing.sum()))

    def form(self, name: str, query: Mapping[str, Sequence[str]], token: str, *, trouble: str = "", status: int = 200) -> Reply:
        """The form of a question, filled in with what `query` says; where it says ``find``, with the parcels that were found."""
        asked = self._question(name)
        held = self.keeper.current()
        filled = {key: [value for value in values if value] for key, values in query.items()}
        wanted = " ".join(filled.get("find", ()))
        matches = found(self._search(held), wanted) if wanted else []
        fields = forms.fields(asked, self.city, owners=self.owners)
        return self.page(
            "form",
            token,
            status=status,
            asked=asked,
            fields=fields,
            filled=filled,
            has_parcels=any(field.is_parcel for field in fields),
            why=forms.unavailable(asked, held.layers, owners=self.owners),
            trouble=trouble,
            wanted=wanted,
            matches=matches,
            extent=json.dumps(held.extent),
            folder=forms.FOLDER,
        )

    def ask(self, name: str, form: Mapping[str, Sequence[str]], token: str) -> Reply:
        """Ask a question; on to its answer, or back to the form with what is wrong."""
        asked = self._question(name)
        held = self.keeper.current()
        if why := forms.unavailable(asked, held.layers, owners=self.owners):
            return self.message("This question cannot be asked here", why, token, status=409)
        try:
            given = forms.filled_in(asked, form, self.city, owners=self.owners)
            one = self.answers.ask(asked, given, held)
        except CityGISError as error:
            return self.form(name, form, token, trouble=str(error), status=422)
        outcome = one.outcome(WAIT_S)
        if isinstance(outcome, str):
            return self.form(name, form, token, trouble=outcome, status=422)
        return Reply(b"", status=303, location=f"/answer/{one.id}")

    def answer(self, id_: str, token: str) -> Reply:
        """An answer, or that it is still being worked out."""
        one = self._asked(id_)
        outcome = one.outcome(0.2)
        if outcome is None:
            return self.page("waiting", token, one=one)
        if isinstance(outcome, str):
            return self.message(f"{_title(one.question)}: not answered", outcome, token, status=422)
        columns, rows, total = _head(outcome.table)
        reasons = outcome.excluded.groupby("reason", sort=True).size().sort_values(ascending=False, kind="stable")
        return self.page(
            "answer",
            token,
            one=one,
            answer=outcome,
            columns=columns,
            rows=rows,
            total=total,
            left_out=list(reasons.head(SHOWN_REASONS).items()),
            more_reasons=max(0, len(reasons) - SHOWN_REASONS),
            tables=[(name, *_head(table)) for name, table in outcome.tables.items() if len(table)],
            unanswered=outcome.unanswered.to_dict("records"),
            has_map=bool(self._drawn(outcome)),
            is_stale=one.held.change != self.keeper.current().change,
            extent=json.dumps(one.held.extent),
        )

    def answer_ground(self, id_: str) -> Reply:
        """The ground of an answer, for the map."""
        outcome = self._asked(id_).outcome(0.2)
        return _json(self._drawn(outcome) if isinstance(outcome, Answer) else [])

    def package(self, id_: str) -> Reply:
        """The files of an answer, as ZIP."""
        one = self._asked(id_)
        name = f"{one.question.name}_{one.at:%Y%m%d_%H%M}.zip"
        return Reply(self.answers.package(one), "application/zip", name=name)

    # ---- the map and the search

    def ground(self, query: Mapping[str, Sequence[str]]) -> Reply:
        """The City's ground in a box: ``box`` of four numbers, ``px``, pixels across."""
        box = _numbers(query, "box", 4)
        (width,) = _numbers(query, "px", 1)
        if not (box[2] > box[0] and box[3] > box[1] and 1 <= width <= 10_000 and box[2] - box[0] < 1e8):
            raise AnalysisError("A map needs a box with a width and a height.")
        return _json(ground(self.keeper.current(), box, (box[2] - box[0]) / width))

    def parcel_at(self, query: Mapping[str, Sequence[str]]) -> Reply:
        """The parcel at a place: ``at``, easting and northing in feet; an empty list where there is none."""
        easting, northing = _numbers(query, "at", 2)
        held = self.keeper.current()
        row = held.parcel_at(easting, northing)
        return _json([] if row is None else [told(held, row)])

    def search(self, query: Mapping[str, Sequence[str]]) -> Reply:
        """Parcels by a number or an address: ``q``."""
        return _json(found(self._search(self.keeper.current()), " ".join(query.get("q", ()))))

    def find(self, query: Mapping[str, Sequence[str]], token: str) -> Reply:
        """The same as a page, for browsers without script."""
        wanted = " ".join(query.get("find", ()))
        return self.page("find", token, wanted=wanted, matches=found(self._search(self.keeper.current()), wanted))

    # ---- the engineer's side

    def findings(self, query: Mapping[str, Sequence[str]], token: str) -> Reply:
        """The findings of a run, narrowed by ``code``, ``severity`` and ``text``."""
        runs = self.checks.runs()
        at = _position(query, "run")
        run = runs[at] if at < len(runs) else None
        rows = self.checks.findings(run) if run else []
        wanted = {name: " ".join(query.get(name, ())) for name in ("code", "severity", "text")}
        kept = checks.narrowed(rows, wanted)
        first = _position(query, "from")
        return self.page(
            "findings",
            token,
            runs=runs,
            at=at,
            wanted=wanted,
            codes=sorted({row["code"] for row in rows}),
            rows=kept[first : first + checks.PAGE],
            first=first,
            total=len(kept),
            page_size=checks.PAGE,
            is_running=self.checks.is_running,
            trouble=self.checks.trouble,
            extent=json.dumps(self.keeper.current().extent),
        )

    def validate(self) -> Reply:
        """Start a validation of the store; on to the findings."""
        self.checks.start(self.keeper.current())
        return Reply(b"", status=303, location="/findings")

    def batches(self, token: str) -> Reply:
        """The changes of the store."""
        return self.page("batches", token, changes=records.changes(self.keeper.store))

    def batch(self, number: str, token: str) -> Reply:
        """One change."""
        told_ = self._change(number)
        extent = json.dumps(self.keeper.current().extent)
        return self.page("batch", token, told=told_, has_map=bool(told_.ground), extent=extent)

    def batch_ground(self, number: str) -> Reply:
        """What one change touched, for the map."""
        return _json(drawn(self._change(number).ground, _CHANGE_STYLES))

    def plans(self, token: str) -> Reply:
        """Saved plans of the sync."""
        return self.page("plans", token, names=list(enumerate(records.plans(self.city))))

    def plan(self, number: str, token: str) -> Reply:
        """One plan, by its place in the list."""
        there, at = list(records.plans(self.city).items()), _whole(number)
        if at >= len(there):
            raise AnalysisError("There is no such plan.")
        return self.page("plan", token, plan=records.plan(*there[at], held=self.keeper.current(), owners=self.owners))

    def jobs(self, token: str) -> Reply:
        """The last runs of the jobs."""
        runs, wrong = records.job_runs(self.city)
        return self.page("jobs", token, runs=runs, wrong=wrong, folder=self.city.folders.jobs)

    def close(self) -> None:
        """Let go of what waits, and end what is under way."""
        self.answers.close()
        self.checks.close()

    def _question(self, name: str) -> Question:
        if name not in self._questions:
            raise AnalysisError("There is no such question at this desk.")
        return self._questions[name]

    def _asked(self, id_: str) -> Asked:
        one = self.answers.get(id_)
        if one is None:
            raise AnalysisError("That answer is not kept any more. Ask the question again.")
        return one

    def _change(self, number: str) -> records.ChangeRows:
        """One change; what it did never changes, so the last one looked at is kept for its map."""
        known = self._looked_at
        if known is None or known.change["id"] != _whole(number):
            known = self._looked_at = records.change_rows(self.keeper.store, _whole(number), owners=self.owners)
        return known

    def _search(self, held: Holdings) -> Places:
        with self._searching:  # who comes second waits, and does not put the same list in order again
            if self._places is None or self._places[0] != held.change:
                self._places = (held.change, places(held))
            return self._places[1]

    @staticmethod
    def _drawn(answer: Answer) -> list[dict[str, Any]]:
        if answer.map is not None:
            own = {name: style for name, style in answer.map.styles.items() if "layer" not in style or name in answer.layers}
            if layers := drawn(answer.layers, own):
                return layers
        if answer.geometry is None:
            return []
        style = {"legend": answer.question.replace("_", " "), "fill": "#f1dfae", "line": {"color": "#7a5a12", "width_pt": 0.8}}
        return drawn({answer.question: answer.geometry}, {answer.question: style})


def static(name: str) -> Reply | None:
    """A file of the page, of the few there are; None for any other name."""
    kinds = {"desk.css": "text/css", "desk.js": "text/javascript", "map.js": "text/javascript", "icon.svg": "image/svg+xml"}
    if name not in kinds:
        return None
    body = (resources.files("citygis.desk") / "static" / name).read_bytes()
    return Reply(body, f"{kinds[name]}; charset=utf-8")


def _json(value: Any) -> Reply:
    return Reply(json.dumps(value, separators=(",", ":"), allow_nan=False).encode(), "application/json; charset=utf-8")


def _numbers(query: Mapping[str, Sequence[str]], name: str, many: int) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in query.get(name, [""])[0].split(","))
    except ValueError:
        values = ()
    if len(values) != many or not all(abs(value) < 1e9 for value in values):
        raise AnalysisError(f"{name} must be {many} numbers.")
    return values


def _whole(text: str) -> int:
    if not _is_whole(text):
        raise AnalysisError("That is no number of a page here.")
    return int(text)


def _position(query: Mapping[str, Sequence[str]], name: str) -> int:
    """A place in a list; its beginning, where the query does not say."""
    text = query.get(name, [""])[0]
    return int(text) if _is_whole(text) else 0


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _head(table: pd.DataFrame) -> tuple[tuple[str, ...], list[tuple], int]:
    """Columns and first rows of a table, its parcel numbers in one spelling, and how many rows it has."""
    table = table.drop(columns="apn") if {"apn", "apn_display"} <= set(table.columns) else table
    columns, rows = cells(table.head(SHOWN_ROWS).rename(columns={"apn_display": "apn"}))
    return columns, rows, len(table)


def _title(asked: Question) -> str:
    """What a question is called on the page: its function's name, which says more than the word of the command line."""
    said = asked.answer.__name__.replace("_", " ").replace(" apn", " parcel number")
    return said[:1].upper() + said[1:]


def _cell(value: Any) -> str:
    """A cell as text, numbers as a person writes them; jinja escapes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
