"""
What can go wrong between here and a feature service, told apart by what is to be done next.

Every reply and every exception goes through `fault_of`; nothing else in the project decides what a failed request was.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

FaultKind = Literal["not_sent", "throttled", "auth", "too_large", "ambiguous", "refused"]
"""
``not_sent``: the server was never reached. ``throttled``: 429, it asks for patience. ``auth``: the token is not (any more)
taken, 498 or 499, 401 or 403. ``too_large``: 413, or a reply cut off by a limit of size; ask for less. ``ambiguous``: sent, and no
reply that says what became of it (reset, timeout, 5xx, half a body, HTML, error 500). ``refused``: the server understood and
says no; asking again gets the same answer.
"""

_LONGEST_MESSAGE = 300
_NEVER_CONNECTED = frozenset(
    {
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
        "ConnectTimeout",
        "ConnectionRefusedError",
        "gaierror",
        "SSLCertVerificationError",
        "CertificateError",
        "ProxyError",
    }
)
"""Exceptions of urllib3, requests and the standard library that are raised before a request leaves; by name, none is imported."""

_NEVER_MADE = frozenset({"MissingSchema", "InvalidSchema", "InvalidURL", "InvalidHeader", "UnicodeError"})


class ServiceFault(Exception):
    """
    One request that did not get its answer. Never leaves the library: what reads tells it as a `ReadError`, what writes as a
    `SyncError` or an outcome.

    Attributes
    ----------
    kind : FaultKind
    code : int or None
        Of the reply: the HTTP status, or the code of Esri's error object.
    retry_after_s : float or None
        What the server asked to wait.
    """

    def __init__(self, kind: FaultKind, message: str, *, code: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.retry_after_s = retry_after_s


class Reply(NamedTuple):
    """A reply as it came: HTTP status, headers, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def answer_of(reply: Reply) -> Mapping[str, Any]:
    """
    The JSON object that a reply carries.

    Raises
    ------
    ServiceFault
        If the reply is anything else: a status other than 200, an error object (also with status 200), HTML, half a body.
    """
    fault, answer = _read(reply)
    if fault is not None:
        raise fault
    return answer


def fault_of(problem: BaseException | Reply) -> ServiceFault | None:
    """
    What a reply or an exception means for the one who asked.

    Parameters
    ----------
    problem : Reply or exception
        Of the standard library, ``requests``, ``urllib3``, or the ``arcgis`` package, which raises a bare ``Exception`` that ends
        in "(Error Code: NNN)" and a ``ValueError`` with the error object in it.

    Returns
    -------
    ServiceFault or None
        None for a reply that is an answer. An exception that is not known counts as ``ambiguous``: the request may have been
        carried out.

    Notes
    -----
    Codes: ArcGIS REST API, "Error codes" and "Tokens" (498, 499); RFC 9110 and RFC 6585 (429). HTTP 5xx is ambiguous because a
    gateway gives up on edits that the server goes on to commit.
    """
    if isinstance(problem, Reply):
        return _read(problem)[0]
    if isinstance(problem, ServiceFault):
        return problem
    chain = list(_chain(problem))
    for each in chain:
        if isinstance(each, ServiceFault):
            return each
    for each in chain:
        error = next((part for part in each.args if isinstance(part, Mapping)), None)
        if error is not None:
            inner = error.get("error", error)
            return _of_error(inner if isinstance(inner, Mapping) else {"message": str(inner)}, None)
        code = re.search(r"\(Error Code: (-?\d+)\)", str(each))
        if code:
            return _of_error({"code": int(code[1]), "message": str(each)[: code.start()]}, None)
    names = {kind.__name__ for each in chain for kind in type(each).__mro__}
    words = _short(f"{type(problem).__name__}: {problem}")
    if names & _NEVER_MADE:
        return ServiceFault("refused", f"the request could not be made ({words})")
    if names & _NEVER_CONNECTED:
        return ServiceFault("not_sent", f"the server was not reached ({words})")
    return ServiceFault("ambiguous", f"no reply ({words})")


def _read(reply: Reply) -> tuple[ServiceFault | None, Mapping[str, Any]]:
    said = None
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(reply.body)
    if isinstance(said, Mapping) and (said.get("error") or said.get("status") == "error"):
        error = said.get("error")
        if not isinstance(error, Mapping):
            error = {"code": said.get("code"), "message": error or " ".join(map(str, said.get("messages") or ()))}
        return _of_error(error, reply), {}
    if reply.status == 200 and isinstance(said, Mapping):
        return None, said
    if reply.status == 200:
        if not reply.body:
            return ServiceFault("ambiguous", "the reply is empty", code=200), {}
        is_page = reply.body.lstrip()[:1] == b"<"
        return ServiceFault("ambiguous", "the reply is a page, not data" if is_page else "the reply was cut off", code=200), {}
    if 300 <= reply.status < 400:
        to = reply.headers.get("Location") or "nowhere"
        return ServiceFault("refused", f"the server points to another address ({_short(to.split('?')[0])})", code=reply.status), {}
    return _of_error({"code": reply.status, "message": f"HTTP status {reply.status}"}, reply), {}


def _of_error(error: Mapping[str, Any], reply: Reply | None) -> ServiceFault:
    try:
        code = int(error.get("code") or 0)
    except (TypeError, ValueError):
        code = 0
    # A 400 that carries Esri's own object is a refusal; a gateway's status stands above whatever its body says.
    if reply is not None and reply.status in (401, 403, 413, 429, 502, 503, 504) and code not in (498, 499):
        code = reply.status
    details = error.get("details") or error.get("description") or ()
    words = [str(error.get("message") or "no message")]
    words += [details] if isinstance(details, str) else [str(part) for part in details]
    message = _short(" ".join(part.strip() for part in dict.fromkeys(words) if part.strip()))
    wait = _seconds(reply.headers.get("Retry-After")) if reply is not None else None
    return ServiceFault(_kind(code, message), f"{message} ({code})" if code else message, code=code or None, retry_after_s=wait)


def _kind(code: int, message: str) -> FaultKind:
    if code in (401, 403, 498, 499):
        return "auth"
    if code == 429:
        return "throttled"
    if code == 413:
        return "too_large"
    if "rolled back" in message.lower():
        return "refused"
    return "ambiguous" if code == 408 or code >= 500 or code <= 0 else "refused"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, and those inside it: causes, and what requests and urllib3 keep in ``args`` and ``reason``."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(seen) < 30:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or any(each is other for other in seen):
            continue
        seen.append(each)
        yield each
        waiting += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]


def _seconds(text: str | None) -> float | None:
    """``Retry-After`` in seconds (RFC 9110, section 10.2.3); a date is taken as a minute, which is ArcGIS Online's window."""
    if not text:
        return None
    return float(text) if text.strip().isdigit() else 60.0


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."
