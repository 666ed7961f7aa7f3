"""
Between a session and the network: what leaves, to whom, how often, and how long it may take.

Works on any session of ``requests``, whatever stands above it: its adapters are put behind the gate, so nothing above can repeat a
request, follow a redirect, or reach a host that was not named.
"""

import contextlib
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from citygis.readers.service.client import LONGEST_REPLY_S
from citygis.readers.service.faults import Reply, ServiceFault, fault_of
from citygis.readers.service.values import plain_id
from citygis.sync.model import ItemResult
from citygis.sync.redaction import redacted

_ONLINE = ".arcgis.com"
"""ArcGIS Online's portal, sign-in and services are hosts below this one; a portal there may lead to any of them."""


LARGEST_BODY_BYTES = 64 * 2**20
"""Of a reply that is not read by us; that to 2,000 edits is below 1 MB."""

_CHUNK = 1 << 16


class Bearer:
    """What ``requests`` calls to authenticate a request: one header, no hooks, nothing sent again."""

    def __init__(self) -> None:
        self.token: str | None = None

    def __call__(self, request: Any) -> Any:
        if self.token:
            request.headers["X-Esri-Authorization"] = f"Bearer {self.token}"
        return request


class Gate:
    """
    What leaves the session: to which hosts, with which time limit, and within `once` a single request to one operation.
    """

    def __init__(self, portal: str, url: str, timeout_s: tuple[float, float]) -> None:
        self._hosts = {urllib.parse.urlsplit(each).netloc.lower() for each in (portal, url) if each}
        self._is_online = f".{urllib.parse.urlsplit(portal).netloc.lower()}".endswith(_ONLINE)
        self._timeout_s = timeout_s
        self._once: str | None = None
        self._is_sent = False
        self._response: Any = None

    def guarding(self, adapter: Any) -> "_Guard":
        """The adapter of a session behind this gate."""
        return _Guard(adapter, self)

    def allow(self, url: str) -> None:
        """
        One host more: where the portal says that it made a service.

        Raises
        ------
        ServiceFault
            If it is no https address.
        """
        if urllib.parse.urlsplit(url).scheme != "https":
            raise ServiceFault("refused", f"the portal points to an address that is not https ({url})")
        self._hosts.add(urllib.parse.urlsplit(url).netloc.lower())

    @contextlib.contextmanager
    def once(self, operation: str) -> Iterator[None]:
        """Within it at most one request to an address that ends in `operation`."""
        self._once, self._is_sent, self._response = operation, False, None
        try:
            yield
        finally:
            self._once = None

    def fault(self, error: Exception) -> ServiceFault:
        """What became of the one request: by its reply where there is one, else by the exception."""
        if not self._is_sent:
            return unsent(fault_of(error))
        if self._response is not None:
            with contextlib.suppress(Exception):  # a body that could not be read tells nothing; the exception does
                reply = Reply(self._response.status_code, self._response.headers, self._response.content)
                return without_secrets(fault_of(reply) or ServiceFault("ambiguous", "the reply was not understood"))
        return without_secrets(fault_of(error))

    def send(self, adapter: Any, request: Any, stream: bool, verify: Any, cert: Any, proxies: Any) -> Any:
        """
        One request, or none.

        Raises
        ------
        ServiceFault
            If it may not leave.
        """
        parts = urllib.parse.urlsplit(request.url)
        host = parts.netloc.lower()
        is_known = host in self._hosts or (self._is_online and host.endswith(_ONLINE))
        if parts.scheme != "https" or not is_known:
            raise ServiceFault("refused", f"a request to {host}, which is neither the portal nor the service, was held back")
        is_counted = self._once is not None and parts.path.endswith(self._once)
        if is_counted and self._is_sent:
            raise ServiceFault("ambiguous", "a second request of the same edits was held back")
        self._is_sent = self._is_sent or is_counted
        response = adapter.send(request, stream=True, timeout=self._timeout_s, verify=verify, cert=cert, proxies=proxies)
        if is_counted or not stream:  # before anything above takes the body whole, however large it becomes
            _read_body(response)
        if is_counted:
            self._response = response
        if 300 <= response.status_code < 400:
            to = str(response.headers.get("Location", "")).split("?")[0]
            response.close()
            raise ServiceFault("refused", f"the server points to another address ({to[:200]})", code=response.status_code)
        return response


def _read_body(response: Any) -> None:
    """Take the body, counted as it is decoded, so that whoever asks for it afterwards finds it there."""
    pieces, size, deadline = [], 0, time.monotonic() + LONGEST_REPLY_S
    for piece in response.iter_content(_CHUNK):
        size += len(piece)
        if size > LARGEST_BODY_BYTES or time.monotonic() > deadline:
            response.close()
            limit = f"{LARGEST_BODY_BYTES / 2**20:.0f} MB" if size > LARGEST_BODY_BYTES else f"{LONGEST_REPLY_S:.0f} s"
            raise ServiceFault("ambiguous", f"the reply goes on beyond {limit}")
        pieces.append(piece)
    response._content, response._content_consumed = b"".join(pieces), True


class _Guard:
    """An adapter, as `requests` mounts it, behind a `Gate`."""

    def __init__(self, adapter: Any, gate: Gate) -> None:
        self._adapter = adapter
        self._gate = gate

    def send(
        self, request: Any, stream: bool = False, timeout: Any = None, verify: Any = True, cert: Any = None, proxies: Any = None
    ) -> Any:
        """As an adapter; the time limit is the gate's, whatever the caller says."""
        return self._gate.send(self._adapter, request, stream, verify, cert, proxies)

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()


def unsent(fault: ServiceFault | None) -> ServiceFault:
    """A fault before the edits left: whatever became of the other request, of the edits nothing was done."""
    if fault is None or fault.kind in ("ambiguous", "too_large"):
        return ServiceFault(
            "not_sent", redacted(fault), code=fault.code if fault else None, retry_after_s=fault.retry_after_s if fault else None
        )
    return without_secrets(fault)


def without_secrets(fault: ServiceFault) -> ServiceFault:
    """The same fault; a server may have put the token that it was sent into its message."""
    return ServiceFault(fault.kind, redacted(fault), code=fault.code, retry_after_s=fault.retry_after_s)


def edit_results(said: Any, sent: Sequence[str]) -> tuple[ItemResult, ...]:
    """
    The results of one list of edits, in the order sent: matched by GlobalID, else by position (ArcGIS REST API, "Apply edits").
    """
    if not sent:
        return ()
    if not isinstance(said, list) or len(said) != len(sent):
        raise ServiceFault("ambiguous", f"the reply tells of {len(said) if isinstance(said, list) else 0} of {len(sent)} edits")
    if not all(isinstance(each, Mapping) for each in said):
        raise ServiceFault("ambiguous", "the reply tells of edits in a form that is not known")
    ids = [plain_id(each) or "" for each in sent]
    given = [plain_id(each.get("globalId")) for each in said]
    if any(each is not None and each not in ids for each in given):
        raise ServiceFault("ambiguous", "the reply tells of other features than were sent")
    by_id = {each: result for each, result in zip(given, said, strict=True) if each is not None}
    results = []
    for position, global_id in enumerate(ids):
        if global_id not in by_id and given[position] is not None:
            raise ServiceFault("ambiguous", "the reply does not tell which edit it speaks of")
        result = by_id.get(global_id, said[position])
        error = result.get("error") if isinstance(result.get("error"), Mapping) else {}
        is_done = result.get("success") is True
        code = None if is_done else error["code"] if isinstance(error.get("code"), int) else 1000
        message = "" if is_done else " ".join(str(error.get("description") or error.get("message") or "no reason given").split())
        results.append(ItemResult(global_id, is_done, code, redacted(message)[:300]))
    return tuple(results)
