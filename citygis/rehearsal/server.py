"""
The server: TLS on 127.0.0.1, a thread per connection, every request traced, and faults where they are asked for.
"""

import collections
import contextlib
import json
import logging
import select
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from citygis.rehearsal.accounts import token_of
from citygis.rehearsal.bodies import parameters
from citygis.rehearsal.exchange import Reply, Request
from citygis.rehearsal.faults import Fault, Faults
from citygis.rehearsal.rules import RequestError
from citygis.rehearsal.site import Site

_log = logging.getLogger(__name__)
TRACE_LENGTH = 20_000
_IDLE_S = 120
_HTML = b"<!doctype html><html><head><title>Service unavailable</title></head><body>Try again later.</body></html>"
_FAULTS = {
    "429": (429, {"error": {"code": 429, "message": "Too many requests.", "details": []}}),
    "429-in-200": (200, {"error": {"code": 429, "message": "Unable to perform operation. Too many requests.", "details": []}}),
    "503": (503, _HTML),
    "504": (504, _HTML),
    "html-200": (200, _HTML),
    "error-500": (200, {"error": {"code": 500, "message": "Error performing operation", "details": []}}),
    "498": (200, {"error": {"code": 498, "message": "Invalid Token", "details": []}}),
    "499": (200, {"error": {"code": 499, "message": "Token Required", "details": []}}),
}


class Trace:
    """What was asked and answered, the last 20,000 requests; no values of parameters, no tokens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: collections.deque[dict] = collections.deque(maxlen=TRACE_LENGTH)
        self._count = 0

    def add(self, entry: dict) -> None:
        """Note a request that has come; it gets a number."""
        with self._lock:
            self._count += 1
            entry["n"] = self._count
            self._entries.append(entry)

    def complete(self, entry: dict, **said) -> None:
        """Say more of a request that was noted; nothing where it has been forgotten since."""
        with self._lock:
            entry |= said

    def entries(self) -> list[dict]:
        """All that is noted, the oldest first."""
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Forget all; numbers begin again at 1."""
        with self._lock:
            self._entries.clear()
            self._count = 0


class LoopbackServer(ThreadingHTTPServer):
    """A server on 127.0.0.1 whose connections end with the process, and whose failures are logged, not printed."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address) -> None:
        """Log what ended a connection; the base class prints it."""
        _log.debug("a connection ended", exc_info=True)


class SiteServer(LoopbackServer):
    """
    The portal and the services over TLS.

    Parameters
    ----------
    port : int
        0 for any that is free.
    certificate, key : path
    """

    def __init__(self, port: int, certificate: Path, key: Path) -> None:
        self.site: Site | None = None
        self.faults, self.trace = Faults(), Trace()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """``https://127.0.0.1:PORT``."""
        return f"https://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: socket.socket, client_address) -> None:
        """Shake hands in the connection's own thread, so that a client that never does holds up nobody else; then answer."""
        request.settimeout(_IDLE_S)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            secure = self._context.wrap_socket(request, server_side=True)
            try:
                self.RequestHandlerClass(secure, client_address, self)
            finally:
                secure.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Rehearsal", ""
    server: SiteServer

    def log_message(self, format: str, *args) -> None:
        _log.debug("request answered")  # addresses may hold tokens

    def do_GET(self) -> None:
        self._exchange()

    def do_POST(self) -> None:
        self._exchange()

    def _exchange(self) -> None:
        begun, address = time.perf_counter(), urlsplit(self.path)
        entry = {"at": round(time.time(), 3), "method": self.command, "path": address.path, "operation": "", "fault": None}
        reply: Reply | None = None
        # Noted when it comes: a client that gave it up may look at the trace before its reply is there.
        self.server.trace.add(entry)
        try:
            reply = self._reply(address, entry)
        except RequestError as refused:
            reply = _refusal(refused)
        except Exception:
            _log.exception("a request failed")
            reply = _refusal(RequestError(500, "Unable to complete operation.", ["The rehearsal server failed; its log says why."]))
        finally:
            self.server.trace.complete(
                entry,
                status=reply.status if reply else 0,
                error=_error_code(reply),
                bytes=len(reply.body) if reply else 0,
                duration_s=round(time.perf_counter() - begun, 4),
            )
        if reply is not None:
            self._send(reply)

    def _reply(self, address, entry: dict) -> Reply | None:
        """The reply to send as a whole; None when a fault has dealt with the connection."""
        site = self.server.site
        said = self.headers.get("Content-Length") or "0"
        length = int(said) if said.isdecimal() else 0
        if not said.isdecimal() or self.headers.get("Transfer-Encoding") or length > site.conduct.max_body_bytes:
            self.close_connection = True  # what was not read stands before the next request
            return Reply(413 if length else 411, _HTML, "text/html")
        body = self.rfile.read(length)
        form, files = parameters(address.query, self.headers.get("Content-Type") or "", body)
        token, place = token_of(self.headers, form)
        in_url = parse_qs(address.query).keys()
        keys = sorted(set(form) | set(files))
        self.server.trace.complete(entry, keys=keys, auth=place, token_in_url="token" in in_url, request_bytes=length)
        operations, act = site.route(address.path, form)
        self.server.trace.complete(entry, operation=operations[-1] if operations[0] == "query" else operations[0])

        def work() -> Reply:
            try:
                user = site.accounts.who(token)
                request = Request(self.command, address.path, form, files, user, "password" in in_url)
                return _reply_of(act(request))
            except RequestError as refused:
                return _refusal(refused)

        fault = self.server.faults.hit(operations)
        if fault is None:
            return work()
        self.server.trace.complete(entry, fault=f"{fault.kind} {fault.when}")
        return self._faulty(fault, work)

    def _faulty(self, fault: Fault, work) -> Reply | None:
        if fault.kind == "twice":
            work()
            return work()
        if fault.kind == "slow":
            if fault.when == "after":
                reply = work()
                time.sleep(fault.seconds)
                return reply
            time.sleep(fault.seconds)
            # Who has gone is not worked for: what was "before" must not be done behind the client's back.
            return None if self._has_gone() else work()
        reply = work() if fault.when == "after" else None
        if fault.kind == "reset":
            self._reset()
            return None
        if fault.kind == "half-body":
            self._half(reply or Reply(200, b'{"error":{"code":500,"message":"Unable to complete operation."}}'))
            return None
        status, body = _FAULTS[fault.kind]
        retry = (("Retry-After", f"{fault.retry_after_s:g}"),) if fault.retry_after_s is not None else ()
        if isinstance(body, bytes):
            return Reply(status, body, "text/html", retry)
        return Reply(status, json.dumps(body).encode(), headers=retry)

    def _has_gone(self) -> bool:
        """Whether the client closed: whatever it sends while it waits for a reply is its good-bye."""
        gone = bool(select.select([self.connection], [], [], 0)[0])
        if gone:
            self.close_connection = True
        return gone

    def _reset(self) -> None:
        self.close_connection = True
        # Lingering for no time makes closing a reset (SO_LINGER, POSIX); the TLS layer says no good-bye.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw = socket.socket(fileno=self.connection.detach())
        raw.close()

    def _half(self, reply: Reply) -> None:
        self.close_connection = True
        self.wfile.write(self._head(reply) + reply.body[: len(reply.body) // 2])
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, reply: Reply) -> None:
        try:
            self.wfile.write(self._head(reply) + reply.body)
        except OSError:
            self.close_connection = True

    def _head(self, reply: Reply) -> bytes:
        lines = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('',))[0]}", f"Content-Type: {reply.content_type}"]
        lines += [f"Content-Length: {len(reply.body)}", "Cache-Control: no-store", "Server: Rehearsal"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines += ["Connection: close"] if self.close_connection else []
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()


def _reply_of(result) -> Reply:
    if isinstance(result, Reply):
        return result
    body = result if isinstance(result, bytes) else json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode()
    return Reply(200, body)


def _refusal(refused: RequestError) -> Reply:
    return Reply(refused.status, json.dumps(refused.body, ensure_ascii=False).encode())


def _error_code(reply: Reply | None) -> int | None:
    """The code of an error at the top of a reply."""
    if reply is None or not reply.body.startswith(b'{"error"') or len(reply.body) > 1_000_000:
        return None
    try:
        return json.loads(reply.body)["error"].get("code")
    except (ValueError, AttributeError):
        return None
