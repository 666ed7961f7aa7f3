"""
Questions worked out a few at a time, kept while they may be wanted again, and packed when somebody asks for the files.
"""

import datetime
import hashlib
import io
import json
import logging
import secrets
import tempfile
import threading
import zipfile
from collections import OrderedDict, deque
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import Any

from citygis.analysis import Answer, Question, write_package
from citygis.analysis.request import keywords
from citygis.city import City
from citygis.desk.forms import FOLDER, SUFFIXES, offered
from citygis.desk.holdings import Holdings
from citygis.desk.workers import Workers
from citygis.errors import AnalysisError, CityGISError

logger = logging.getLogger(__name__)

WORKERS = 2
"""Questions worked out at a time."""
WAITING = 60
"""Questions that may wait for a worker; more are turned away."""
KEPT = 200
"""Answers kept, the latest used."""
STATES = 2
"""States of the store whose answers are kept: that of now, and the one before."""
WAIT_S = 20.0
"""How long a page waits for an answer before it says that it is still being worked out."""
LIMIT_S = 300.0
"""After this a question is given up, and its worker ended."""

_BASE = ("parcel", "right_of_way", "street_centerline")


class Asked:
    """
    A question that was asked.

    Attributes
    ----------
    id : str
        Opaque; whoever knows it may see the answer.
    question : Question
    given : dict of str to object
        What was filled in.
    held : Holdings
        What it is answered from.
    at : datetime
        When it was asked, in UTC.
    """

    def __init__(self, question: Question, given: dict[str, Any], held: Holdings) -> None:
        self.id = secrets.token_urlsafe(18)
        self.question, self.given, self.held = question, given, held
        self.at = datetime.datetime.now(datetime.UTC)
        self._future: Future[Answer] | None = None
        self._packed: bytes | None = None
        self._packing = threading.Lock()

    def outcome(self, wait_s: float) -> Answer | str | None:
        """
        The answer; a sentence where it was refused or given up; None while it is being worked out.

        Parameters
        ----------
        wait_s : float
            How long to wait for it.
        """
        try:
            return self._future.result(max(0.0, wait_s))
        except NotYet:
            return None
        except CityGISError as error:
            return str(error)
        except ValueError as error:
            return _plain(error)
        except Exception:
            logger.exception("the question %s failed", self.question.name)
            return "The question could not be worked out, for a reason that the desk's log tells. Tell whoever runs the desk."


class Answers:
    """
    The questions that were asked at this desk.

    Parameters
    ----------
    city : City
    profile : str
        ``public`` or ``staff``; a part of what an answer is known by.
    """

    def __init__(self, city: City, profile: str) -> None:
        self._city, self._profile = city, profile
        self._workers = Workers(city, WORKERS, LIMIT_S)
        self._lock = threading.RLock()  # an answer that is there at once is told of (`_done`) while it is still being asked
        self._by_id: OrderedDict[str, Asked] = OrderedDict()
        self._by_print: dict[str, str] = {}
        self._waiting = 0
        self._states: deque[Holdings] = deque(maxlen=STATES)

    def prepare(self, held: Holdings) -> None:
        """Make ready for the first question."""
        self._workers.prepare(held)

    def ask(self, question: Question, given: dict[str, Any], held: Holdings) -> Asked:
        """
        Ask a question, or take the answer that is there: the same question of the same change under the same rules.

        Raises
        ------
        AnalysisError
            If too many questions wait already, or what was filled in is not of its kind.
        """
        print_ = self._print(question, given, held)
        with self._lock:
            known = self._by_id.get(self._by_print.get(print_, ""))
            if known is not None:
                self._by_id.move_to_end(known.id)
                return known
            if self._waiting >= WAITING:
                raise AnalysisError("Too many questions wait at this desk. Ask again in a minute.")
            self._let_go_before(held)
            asked = Asked(question, given, held)
            self._waiting += 1
            asked._future = self._workers.submit(held, _worked_out, question, given)
            asked._future.add_done_callback(lambda future: self._done(asked, print_, future))
            self._by_id[asked.id] = asked
            self._by_print[print_] = asked.id
            while len(self._by_id) > KEPT:
                self._by_id.popitem(last=False)
            return asked

    def get(self, id_: str) -> Asked | None:
        """What was asked under an id; None where nothing was, or it is no longer kept."""
        with self._lock:
            return self._by_id.get(id_)

    def package(self, asked: Asked) -> bytes:
        """
        The files of an answer as one ZIP file, made when they are first wanted.

        Raises
        ------
        AnalysisError
            If there is no answer.
        CityGISError
            If a file cannot be made.
        """
        answer = asked.outcome(WAIT_S)
        if not isinstance(answer, Answer):
            raise AnalysisError(answer or "The answer is still being worked out. Ask for its files again in a moment.")
        with asked._packing:
            if asked._packed is None:
                asked._packed = self._workers.submit(asked.held, _files, answer, asked.at).result()
            return asked._packed

    def close(self) -> None:
        """Let go of what waits, and end what is under way."""
        self._workers.close()

    def _let_go_before(self, held: Holdings) -> None:
        """Answers of earlier states of the store go with them: each holds a whole City in memory."""
        if not any(state is held for state in self._states):
            self._states.append(held)
            for one in [one for one in self._by_id.values() if not any(state is one.held for state in self._states)]:
                del self._by_id[one.id]

    def _done(self, asked: Asked, print_: str, future: Future) -> None:
        with self._lock:
            self._waiting -= 1
            if future.cancelled() or future.exception() is not None:  # asked again, it is tried again
                self._by_print.pop(print_, None)

    def _print(self, question: Question, given: Mapping[str, Any], held: Holdings) -> str:
        """What makes an answer another one: question, what was filled in, change, profile, day, the City's rules, files used."""
        rules = sorted((self._city.folder / "rules").glob("*.toml")) if self._city.folder else []
        files = [offered(self._city, each.kind).get(given.get(each.name)) for each in question.parameters if each.kind in SUFFIXES]
        said = [question.name, dict(given), held.change, self._profile, datetime.date.today().isoformat()]
        said += [hashlib.sha256(path.read_bytes()).hexdigest() for path in rules]
        said += [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files if path]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _worked_out(city: City, held: Holdings, question: Question, given: dict[str, Any]) -> Answer:
    folder = city.folder / FOLDER if city.folder else Path()
    optional = {keyword: held.layers[name] for keyword, name in question.optional.items() if len(held.layers.get(name, ()))}
    said = keywords(question, given, city=city, folder=folder)
    return question.answer(*(held.layers[name] for name in question.layers), **{**optional, **said}, city=city)


def _files(city: City, held: Holdings, answer: Answer, at: datetime.datetime) -> bytes:
    base = {name: held.layers[name] for name in _BASE if name in held.layers}
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="citygis_desk_") as temporary:
        package = write_package(answer, Path(temporary) / answer.question, city=city, base=base, at=at)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            for path in package.files:
                file.write(path, f"{answer.question}/{path.name}")
    return packed.getvalue()


def _plain(error: ValueError) -> str:
    """A wrong argument as a sentence: of citygis, which says "Invalid", its own words; of a library nothing."""
    text = str(error)
    if text.startswith("Invalid "):
        return text
    logger.warning("refused: %s", type(error).__name__)
    return "Something that was filled in cannot be used. Look at each field again."
