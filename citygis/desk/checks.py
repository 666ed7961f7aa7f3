"""
Findings for the engineer's page: of the runs that lie in the City's folder, and of one that the desk makes itself.
"""

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any, NamedTuple

from citygis.city import City
from citygis.desk.holdings import OWNERS, Holdings
from citygis.desk.workers import Workers
from citygis.errors import CityGISError, ReadError
from citygis.findings import SEVERITIES
from citygis.quality import records, validate
from citygis.quality.trend import read_run
from citygis.store.acceptance import excused

logger = logging.getLogger(__name__)

LARGEST_BYTES = 64 * 2**20
"""A findings.json that is larger is not opened."""
MOST_RUNS = 20
LIMIT_S = 3600.0
"""After this a validation is given up."""
PAGE = 200
"""Findings on a page."""


class Run(NamedTuple):
    """
    A validation.

    Parameters
    ----------
    name : str
        What it is called on the page; never more than the name of its folder.
    path : Path or None
        Of its ``findings.json``; None for the desk's own.
    moment : float
        When it was written, in seconds of the system's clock.
    """

    name: str
    path: Path | None
    moment: float


class Checks:
    """
    Validations of the City, the newest first.

    Parameters
    ----------
    city : City
    owners : bool
        Whether findings of the roll are shown.
    """

    def __init__(self, city: City, *, owners: bool) -> None:
        self._city, self._owners = city, owners
        self._workers = Workers(city, 1, LIMIT_S, keep=False)
        self._lock = threading.Lock()
        self._own: tuple[int, list[dict]] | None = None
        self._read: dict[tuple[Path, float], list[dict]] = {}
        self.is_running = False
        self.trouble = ""

    def runs(self) -> list[Run]:
        """Runs whose ``findings.json`` lies in the City's folder, one in it, or with a job: newest first, after the desk's own."""
        folder = self._city.folder
        named = (
            [(path.parent.name, path) for path in (*folder.glob("findings.json"), *folder.glob("*/findings.json"))]
            if folder
            else []
        )
        made = (folder / self._city.folders.jobs / ".work").glob("*/*/findings.json") if folder else ()
        named += [(f"job {path.parts[-3]}, step {path.parts[-2]}", path) for path in made]
        there = [Run(name, path, path.stat().st_mtime) for name, path in named if not path.is_symlink()]
        there = sorted(there, key=lambda run: -run.moment)[:MOST_RUNS]
        if self._own is not None:
            there.insert(0, Run(f"this desk, change {self._own[0]}", None, 0.0))
        return there

    def findings(self, run: Run) -> list[dict[str, Any]]:
        """
        The findings of a run, as `citygis.quality.records` makes them; without those of the roll under the public profile.

        Raises
        ------
        ReadError
            If the file is too large, or is no list of findings.
        """
        if run.path is None:
            rows = self._own[1] if self._own else []
        else:
            key = (run.path, run.moment)
            if key not in self._read:
                if run.path.stat().st_size > LARGEST_BYTES:
                    raise ReadError(f"The findings of {run.name} are too many to be shown here. Open its report.html.")
                self._read = {key: read_run(run.path)}
            rows = self._read[key]
        return rows if self._owners else [row for row in rows if OWNERS not in (row.get("layer"), row.get("other"))]

    def start(self, held: Holdings) -> bool:
        """Hold the City's layers to its rules, beside everything else; False where that is under way already."""
        with self._lock:
            if self.is_running:
                return False
            self.is_running, self.trouble = True, ""
        self._workers.submit(held, _validated).add_done_callback(lambda future: self._done(held, future))
        return True

    def close(self) -> None:
        """End what is under way."""
        self._workers.close()

    def _done(self, held: Holdings, future: "Future[list[dict]]") -> None:
        try:
            self._own = (held.change, future.result())
        except CancelledError:
            pass
        except CityGISError as error:
            self.trouble = str(error)
        except Exception:
            logger.exception("validation failed")
            self.trouble = "The validation failed, for a reason that the desk's log tells."
        finally:
            self.is_running = False


def _validated(city: City, held: Holdings) -> list[dict[str, Any]]:
    found = validate(dict(held.layers), city=city)
    applied = excused(found, held.layers, city)
    return records(found if applied is None else applied.left)


def narrowed(rows: list[dict[str, Any]], wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """
    Findings of a code, a severity and with a text, errors first.

    Parameters
    ----------
    rows : list of dict
    wanted : mapping of str to str
        ``code``, ``severity``, ``text``; empty for all.
    """
    text = wanted.get("text", "").strip().casefold()
    kept = [
        row
        for row in rows
        if wanted.get("code", "") in ("", row["code"])
        and wanted.get("severity", "") in ("", row["severity"])
        and (not text or text in " ".join(str(row.get(name) or "") for name in ("feature", "other", "layer", "message")).casefold())
    ]
    rank = {name: k for k, name in enumerate(SEVERITIES)}
    return sorted(kept, key=lambda row: (rank.get(row["severity"], 9), row["code"]))
