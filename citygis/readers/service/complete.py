"""
A layer of a feature service read whole, or not at all.

Pages go by key (``OBJECTID > k ORDER BY OBJECTID``), because offsets shift under edits and other clients leave pages with an error
out in silence. The service is asked before how many features there are, and afterwards which; both must be what was read.
"""

import functools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.errors import ReadError
from citygis.readers.service.definition import LayerDefinition, layer_definition
from citygis.readers.service.esri_json import geometries_of, same_reference
from citygis.readers.service.faults import ServiceFault
from citygis.readers.service.remote import ServiceReader
from citygis.readers.service.values import attribute_columns, column_of
from citygis.readers.wkb import Problem

GLOBAL_ID = "global_id"
"""The column that a frame of a service with GlobalIDs has them in, without braces and in lower case."""

MOST_READS = 3
MOST_TRIES = 6
LONGEST_WAIT_S = 60.0
COOLING_S = 60.0
"""After a 429 that does not say how long: ArcGIS Online counts requests by the minute."""
_LEAST_PAGE = 10

Result = TypeVar("Result")


class ServiceReading(NamedTuple):
    """
    A whole layer.

    ``frame`` has the service's fields under their own names (a field that is called like the next two ends in ``_sent``),
    ``global_id`` where there is one, and ``geometry`` in the layer's CRS (None for a table), ordered by object id. ``object_ids``
    and ``curved`` (true curves, drawn as chords) go by row, as do the positions of ``problems``. ``requests`` counts what was asked
    of the server; ``edited_at`` as in `LayerDefinition`.
    """

    definition: LayerDefinition
    frame: gpd.GeoDataFrame
    object_ids: np.ndarray
    curved: np.ndarray
    requests: int
    edited_at: int | None
    problems: tuple[Problem, ...] = ()


class Page(NamedTuple):
    """The features of one reply: a frame as in `ServiceReading`, their object ids, which are curved, and what could not be kept."""

    frame: gpd.GeoDataFrame
    object_ids: np.ndarray
    curved: np.ndarray
    problems: list[Problem]


def complete_read(
    reader: ServiceReader,
    *,
    definition: LayerDefinition | None = None,
    fields: Sequence[str] | None = None,
    where: str = "1=1",
    page_size: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> ServiceReading:
    """
    All features of a layer, proven complete.

    Parameters
    ----------
    reader : ServiceReader
    definition : LayerDefinition, optional
        Of the layer, as it was asked for just now; asked for when not given. Of a layer that comes in several replies it is asked
        again after them, to see that nothing was edited in between; one reply is of one moment.
    fields : sequence of str, optional
        Only these; the object id and the GlobalID are read in any case. All without it.
    where : str
        SQL of the service, to read a part.
    page_size : int, optional
        Features per request; the layer's ``maxRecordCount`` where that is less, or without it. Halved when a reply is too large.
    progress : callable, optional
        Called after each page with the number of features read so far, and of all.
    sleep : callable
        Waits between tries.

    Returns
    -------
    ServiceReading

    Raises
    ------
    ReadError
        If the service does not answer, says no, or still says something else of its features after `MOST_READS` reads.
    ValueError
        If a name in `fields` is no field.
    """
    asker = _Asker(reader, sleep)
    reason = ""
    for _ in range(MOST_READS):
        definition = definition or layer_definition(asker.definition(), where=reader.url)
        names = _names(definition, fields)
        count = asker.query({"where": where, "returnCountOnly": True}).get("count")
        told = None if progress is None else functools.partial(_tell, progress, count)
        pages = _pages(asker, definition, names, where, page_size, told)
        listed = asker.query({"where": where, "returnIdsOnly": True}).get("objectIds") or []
        is_dated = len(pages) > 1 and definition.edited_at is not None
        after = layer_definition(asker.definition(), where=reader.url) if is_dated else None
        read = np.concatenate([page.object_ids for page in pages])
        reason = _difference(read, count, listed, definition.edited_at, after.edited_at if after else definition.edited_at)
        if not reason:
            return _reading(definition, pages, names, asker.requests)
        definition = after
    raise ReadError(
        f"Short read of {reader.url}: {reason}, also after {MOST_READS} reads. Nothing was taken. Ask the publisher whether the "
        "service is being edited or repaired, and read it later."
    )


def page_of(answer: Mapping[str, Any], definition: LayerDefinition, names: Sequence[str]) -> Page:
    """
    The features of one checked reply to a query with geometry.

    Parameters
    ----------
    answer : mapping
        Its ``features`` are taken out of it, so that the JSON is gone when the frame is made.
    names : sequence of str
        Fields to take, spelled as the layer spells them.

    Raises
    ------
    ReadError
        If the reply has no features in it, is in another spatial reference than the layer, lacks a field that the layer has, or a
        feature has no object id.
    """
    features = answer.get("features")
    if not isinstance(features, list) or not all(_is_feature(each) for each in features):
        raise ReadError(f"The service of {definition.name} answered a query without features. Ask its publisher.")
    if not same_reference(answer.get("spatialReference"), definition):
        raise ReadError(
            f"{definition.name} says that it is in {sorted(definition.wkids)} and answers in {answer['spatialReference']}. Ask its "
            "publisher which is right."
        )
    attributes = [each.get("attributes") or {} for each in features]
    told = {str(each.get("name", "")).lower() for each in answer.get("fields") or () if isinstance(each, Mapping)}
    lost = [name for name in names if told and attributes and name.lower() not in told and name not in attributes[0]]
    if lost:
        raise ReadError(f"{definition.name} answered without its field {', '.join(lost)}. It is being changed: read it later.")
    problems: list[Problem] = []
    if definition.geometry_type is None:
        shapes, curves = np.full(len(features), None, dtype=object), np.zeros(len(features), dtype=bool)
    else:
        shapes, curves = geometries_of([each.get("geometry") for each in features], definition, problems=problems)
    if isinstance(answer, dict):
        del answer["features"]
    del features
    columns, lost = attribute_columns(attributes, definition, names)
    problems += [Problem(row, "R04", message) for row, message in lost]
    object_ids = columns[definition.object_id_field]
    if object_ids.isna().any():
        raise ReadError(f"The service of {definition.name} answered with a feature that has no {definition.object_id_field}.")
    taken = {"geometry", GLOBAL_ID} if definition.global_id_field else {"geometry"}
    columns = {
        f"{name}_sent" if name.casefold() in taken and name != definition.global_id_field else name: column
        for name, column in columns.items()
    }
    if definition.global_id_field:
        ids = [each.get(definition.global_id_field) for each in attributes]
        columns[GLOBAL_ID] = column_of(ids, definition.field(definition.global_id_field))[0]
    frame = gpd.GeoDataFrame(columns, geometry=gpd.array.from_shapely(shapes, crs=definition.crs))
    return Page(frame, object_ids.to_numpy(dtype=np.int64), curves, problems)


def answered(
    call: Callable[[], Result],
    reader: ServiceReader,
    *,
    sleep: Callable[[float], None] = time.sleep,
    chance: random.Random | None = None,
) -> Result:
    """
    The answer to a question that may be asked again, such as a query; never for edits.

    Waits between tries as `pause_s`. An ``auth`` fault is followed by one `ServiceReader.renew`.

    Raises
    ------
    ServiceFault
        The last one after `MOST_TRIES`; at once where asking again cannot help (``refused``, ``too_large``).
    """
    chance = chance or random.Random()
    renewed = False
    for attempt in range(1, MOST_TRIES + 1):
        try:
            return call()
        except ServiceFault as fault:
            if fault.kind in ("refused", "too_large") or attempt == MOST_TRIES:
                raise
            if fault.kind == "auth":
                if renewed or not reader.renew():
                    raise
                renewed = True
                continue
            sleep(pause_s(fault, attempt, chance))
    raise AssertionError("the last try returns or raises")


def pause_s(fault: ServiceFault, attempt: int, chance: random.Random) -> float:
    """
    Seconds to wait after a fault: at random up to 2^(attempt - 1), at most a minute, but not less than the server asks, for which
    ten minutes are granted.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
    """
    pause = chance.uniform(0.0, min(LONGEST_WAIT_S, 2.0 ** (attempt - 1)))
    asked = fault.retry_after_s
    if asked is None:
        return max(pause, COOLING_S) if fault.kind == "throttled" else pause
    return max(pause, min(asked, 10 * LONGEST_WAIT_S))


class _Asker:
    """The reader, patient and counted; its faults are told as `ReadError`."""

    def __init__(self, reader: ServiceReader, sleep: Callable[[float], None]) -> None:
        self.reader = reader
        self.sleep = sleep
        self.requests = 0

    def definition(self) -> Mapping[str, Any]:
        return self._told(self.reader.definition)

    def query(self, parameters: Mapping[str, str | int | bool]) -> Mapping[str, Any]:
        return self._told(lambda: self.reader.query(parameters))

    def page(self, parameters: Mapping[str, str | int | bool]) -> Mapping[str, Any] | None:
        """None where the page is too large to be answered."""
        try:
            return answered(self._counted(lambda: self.reader.query(parameters)), self.reader, sleep=self.sleep)
        except ServiceFault as fault:
            if fault.kind == "too_large" or (fault.code in (500, 504) and parameters["resultRecordCount"] > _LEAST_PAGE):
                return None
            raise self._error(fault) from None

    def _told(self, call: Callable[[], Result]) -> Result:
        try:
            return answered(self._counted(call), self.reader, sleep=self.sleep)
        except ServiceFault as fault:
            raise self._error(fault) from None

    def _counted(self, call: Callable[[], Result]) -> Callable[[], Result]:
        def counted() -> Result:
            self.requests += 1
            return call()

        return counted

    def _error(self, fault: ServiceFault) -> ReadError:
        return unanswered(self.reader.url, fault)


def unanswered(url: str, fault: ServiceFault) -> ReadError:
    """The error for a service that does not answer, with what to do."""
    advice = {
        "auth": "It wants a login: give credentials that may see this layer.",
        "refused": "Look at the address, and ask the publisher whether the layer may be queried.",
        "not_sent": "Look at the address and the network.",
        "throttled": "It answers too many requests: try again in some minutes.",
    }.get(fault.kind, "Try again later; if it stays, ask the publisher.")
    if fault.kind == "not_sent" and "certificate" in str(fault).lower():
        advice = (
            "Its certificate is not trusted here. If it is the right server, name the PEM file of its authority: "
            "CITYGIS_CERTIFICATE=FILE in the environment, or --certificate FILE of citygis sync pull."
        )
    return ReadError(f"{url} did not answer: {fault}. Nothing was taken. {advice}")


def _pages(
    asker: _Asker,
    definition: LayerDefinition,
    names: Sequence[str],
    where: str,
    page_size: int | None,
    told: Callable[[int], None] | None,
) -> list[Page]:
    key = definition.object_id_field
    size = max(1, min(page_size or definition.max_record_count, definition.max_record_count))
    last, pages, done = -1, [], 0
    parameters: dict[str, str | int | bool] = {
        "outFields": "*" if len(names) == len(definition.fields) else ",".join(names),
        "returnGeometry": definition.geometry_type is not None,
        "orderByFields": key,
    }
    if definition.geometry_type is not None:
        parameters |= {"returnTrueCurves": True} | ({"returnZ": True} if definition.has_z else {})
    while True:
        after = f"{key} > {last}"
        parameters["where"] = after if where == "1=1" else f"({where}) AND {after}"
        parameters["resultRecordCount"] = size
        answer = asker.page(parameters)
        if answer is None:
            if size <= _LEAST_PAGE:
                raise ReadError(f"{asker.reader.url} cannot answer even {size} features at a time. Ask its publisher.")
            size = max(_LEAST_PAGE, size // 2)
            continue
        is_more = bool(answer.get("exceededTransferLimit"))
        page = page_of(answer, definition, names)
        del answer
        found = len(page.object_ids)
        if found and page.object_ids.min() <= last:
            raise ReadError(f"{asker.reader.url} does not keep to the condition {after}, so it cannot be read. Ask its publisher.")
        if found or not pages:
            pages.append(page)
        done += found
        if told is not None:
            told(done)
        if found:
            last = int(page.object_ids.max())
        if not found or (found < size and not is_more):
            return pages


def _is_feature(said: Any) -> bool:
    """Whether what a page lists can be one at all; its values are looked at later."""
    return isinstance(said, Mapping) and all(
        said.get(part) is None or isinstance(said[part], Mapping) for part in ("attributes", "geometry")
    )


def _tell(progress: Callable[[int, int], None], count: Any, done: int) -> None:
    progress(done, count if isinstance(count, int) else done)


def _names(definition: LayerDefinition, fields: Sequence[str] | None) -> list[str]:
    every = [each.name for each in definition.fields if each.kind not in ("Geometry", "Blob", "Raster", "XML")]
    if fields is None:
        return every
    for name in fields:
        if definition.field(name) is None:
            raise ValueError(f"Invalid field {name!r}. Must be one of: {', '.join(every)}.")
    wanted = {name.lower() for name in (*fields, definition.object_id_field, definition.global_id_field or "")}
    return [name for name in every if name.lower() in wanted]


def _difference(read: np.ndarray, count: Any, listed: Sequence[int], before: int | None, after: int | None) -> str:
    """In what the service says something else than was read; empty where it says the same."""
    if len(read) != len(np.unique(read)):
        return f"{len(read) - len(np.unique(read)):,} of {len(read):,} features came twice"
    if count != len(read):
        return f"{len(read):,} features were read and it counts {count}"
    if len(listed) != len(read) or not np.array_equal(np.sort(np.array(listed, dtype=np.int64)), np.sort(read)):
        return f"{len(read):,} features were read and it lists {len(listed):,}, not the same ones"
    if before != after:
        return "it was edited while it was read"
    return ""


def _reading(definition: LayerDefinition, pages: list[Page], names: Sequence[str], requests: int) -> ServiceReading:
    full = [page for page in pages if len(page.object_ids)] or pages[:1]
    problems, start = [], 0
    for page in full:
        problems += [problem._replace(row=problem.row + start) for problem in page.problems]
        start += len(page.object_ids)
    frame = full[0].frame if len(full) == 1 else pd.concat([page.frame for page in full], ignore_index=True)
    object_ids = np.concatenate([page.object_ids for page in full])
    curves = np.concatenate([page.curved for page in full])
    order = np.argsort(object_ids, kind="stable")
    if (order[1:] < order[:-1]).any():
        frame, object_ids, curves = frame.iloc[order].reset_index(drop=True), object_ids[order], curves[order]
        place = np.argsort(order)
        problems = [problem._replace(row=int(place[problem.row])) for problem in problems]
    return ServiceReading(definition, frame, object_ids, curves, requests, definition.edited_at, tuple(problems))
