"""
The desk's server: the standard library's, one thread for each connection, behind the `Door`.
"""

import contextlib
import gzip
import http.server
import io
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from citygis.desk.door import HEADERS, LARGEST_BODY, Door
from citygis.desk.room import Reply, Room, static
from citygis.errors import CityGISError, SettingsError

logger = logging.getLogger(__name__)

CONNECTIONS = 128
"""Open at a time. For another one, the connection that has been waited for longest is closed."""
IDLE_S = 30.0
"""A connection that says nothing for so long is closed, as is one whose request takes longer to come."""
_PACKED = 1_500
"""Bytes from which text is sent packed."""
_PIECE = 2**18
"""Bytes that must get through in `IDLE_S`."""


class Server(http.server.ThreadingHTTPServer):
    """
    The desk, listening.

    Parameters
    ----------
    room : Room
    host : str
        The address to listen on.
    port : int
        0 for any that is free.
    key : str
        Asked of everybody; empty for none.
    log : callable, optional
        Takes a line for each request: method, path without its query, status.

    Raises
    ------
    SettingsError
        If the port is taken or the address is not this machine's.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, room: Room, host: str, port: int, *, key: str = "", log: Callable[[str], Any] | None = None) -> None:
        self.room, self.log = room, log
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self._lock = threading.Lock()
        self._waited_for: dict[socket.socket, None] = {}
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise SettingsError(f"The desk cannot listen on {host} port {port}: {error.strerror}. Name another --port.") from None
        self.door = Door(host, self.server_address[1], key=key)

    @property
    def url(self) -> str:
        """Where the desk is opened; with the key, where one is asked."""
        host = f"[{self.door.host}]" if ":" in self.door.host else self.door.host
        return f"http://{host}:{self.door.port}/" + (f"?key={self.door.key}" if self.door.key else "")

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for a connection; where there are `CONNECTIONS`, instead of the one that has been waited for longest."""
        if not self._free.acquire(blocking=False):
            with self._lock:
                if self._waited_for:
                    oldest = next(iter(self._waited_for))
                    del self._waited_for[oldest]
                    with contextlib.suppress(OSError):
                        oldest.shutdown(socket.SHUT_RDWR)
            self._free.acquire()
        super().process_request(request, client_address)

    def wait_for(self, request: socket.socket) -> None:
        """Note that a connection has no request that could be answered, and may be closed for another."""
        with self._lock:
            self._waited_for[request] = None

    def wait_no_more(self, request: socket.socket) -> None:
        """Note that what a connection asked is there, and is being answered."""
        with self._lock:
            self._waited_for.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and free its place."""
        self.wait_no_more(request)
        super().shutdown_request(request)
        self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off is no news; anything else is told in the log."""
        logger.debug("a connection ended", exc_info=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "citygis-desk"
    sys_version = ""
    disable_nagle_algorithm = True
    path, headers = "", {}  # as long as there is no request

    def setup(self) -> None:
        super().setup()
        self._incoming = _InTime(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def handle_one_request(self) -> None:
        self._incoming.until = None
        self.server.wait_for(self.connection)
        super().handle_one_request()

    def do_GET(self) -> None:
        self._answer("GET")

    def do_HEAD(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        try:
            path, query = self._parts()
            form = self._form() if method == "POST" else {}
            if method == "GET" and (self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers):
                self.close_connection = True  # what is not read must not be taken for the next request
            self.server.wait_no_more(self.connection)
            said = self._let_in(method, query, form)
            reply = self._reply(method, path, said, form) if isinstance(said, dict) else said
        except _Turned as turned:
            self.close_connection = True
            reply = Reply(str(turned).encode(), "text/plain; charset=utf-8", turned.status)
        except CityGISError as error:
            reply = self._told("That cannot be shown", str(error), 404)
        except (ValueError, KeyError, IndexError):
            logger.exception("a request failed")
            reply = self._told("That was not understood", "Something in the address or the form is not as it must be.", 400)
        except Exception:
            logger.exception("a request failed")
            reply = self._told("Something went wrong", "The desk's log tells what. Tell whoever runs the desk.", 500)
        self._send(reply)

    def _let_in(self, method: str, query: str, form: dict[str, list[str]]) -> dict[str, list[str]] | Reply:
        """What the query says, when the request may come in; who shows the key is sent on."""
        door = self.server.door
        if len(self.headers.get_all("Host", [""])) != 1:
            raise _Turned(400, "The request names more than one desk.")
        if refused := door.refusal(method, self.headers):
            raise _Turned(*refused)
        try:
            said = parse_qs(query, keep_blank_values=True, max_num_fields=200)
        except ValueError:
            raise _Turned(400, "The address is not as it must be.") from None
        if not door.has_key(self.headers):
            if method == "GET" and door.is_key("".join(said.get("key", ())[:1])):
                return Reply(b"", status=303, location="/")
            raise _Turned(403, "This desk asks for its key. Open it by the whole address that it printed.")
        if method == "POST" and not door.is_token("".join(form.pop("token", ())[:1])):
            raise _Turned(403, "The form is of an earlier start of the desk. Open the page again.")
        return said

    def _reply(self, method: str, path: str, said: dict[str, list[str]], form: dict[str, list[str]]) -> Reply:
        door, room = self.server.door, self.server.room
        match (method, unquote(path).strip("/").split("/")):
            case "GET", [""]:
                return room.front(door.token)
            case "GET", ["static", name] if (file := static(name)) is not None:
                return file
            case "GET", ["favicon.ico"]:
                return static("icon.svg")
            case "GET", ["ask", name]:
                return room.form(name, said, door.token)
            case "POST", ["ask", name]:
                return room.ask(name, form, door.token)
            case "GET", ["answer", id_]:
                return room.answer(id_, door.token)
            case "GET", ["answer", id_, "ground"]:
                return room.answer_ground(id_)
            case "GET", ["answer", id_, "package.zip"]:
                return room.package(id_)
            case "GET", ["ground"]:
                return room.ground(said)
            case "GET", ["parcel"]:
                return room.parcel_at(said)
            case "GET", ["search"]:
                return room.search(said)
            case "GET", ["find"]:
                return room.find(said, door.token)
            case "GET", ["findings"]:
                return room.findings(said, door.token)
            case "POST", ["validate"]:
                return room.validate()
            case "GET", ["batches"]:
                return room.batches(door.token)
            case "GET", ["batches", number]:
                return room.batch(number, door.token)
            case "GET", ["batches", number, "ground"]:
                return room.batch_ground(number)
            case "GET", ["plans"]:
                return room.plans(door.token)
            case "GET", ["plans", number]:
                return room.plan(number, door.token)
            case "GET", ["jobs"]:
                return room.jobs(door.token)
        return self._told("There is no such page", "Go on from one of the pages named above.", 404)

    def _form(self) -> dict[str, list[str]]:
        """The form that was sent; refused unread where it is too large, or of another kind."""
        if self.headers.get("Transfer-Encoding"):
            raise _Turned(411, "Say how long the form is.")
        length = ",".join(self.headers.get_all("Content-Length", []))
        if not (length.isascii() and length.isdigit()):
            raise _Turned(411, "Say how long the form is.")
        if len(length) > 12 or int(length) > LARGEST_BODY:
            raise _Turned(413, f"The form is larger than {LARGEST_BODY // 1024} KiB.")
        if self.headers.get_content_type() != "application/x-www-form-urlencoded":
            raise _Turned(415, "Only a form of this desk is taken.")
        try:
            body = self.rfile.read(int(length))
        except OSError:
            body = b""
        if len(body) < int(length):
            raise _Turned(400, "The form broke off.")
        try:
            return parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200)
        except ValueError:
            raise _Turned(400, "The form is not as it must be.") from None

    def _told(self, title: str, text: str, status: int) -> Reply:
        return self.server.room.message(title, text, self.server.door.token, status=status)

    def _send(self, reply: Reply) -> None:
        body = reply.body
        packs = "gzip" in self.headers.get("Accept-Encoding", "") and len(body) >= _PACKED and "zip" not in reply.kind
        body = gzip.compress(body, 3) if packs else body
        self.send_response(reply.status)
        headers = dict(HEADERS)
        if reply.location:
            headers["Location"] = reply.location
            if reply.location == "/" and self.server.door.key:
                headers["Set-Cookie"] = self.server.door.cookie()
        if reply.name:
            headers["Content-Disposition"] = f'attachment; filename="{reply.name}"'
        if packs:
            headers["Content-Encoding"] = "gzip"
        headers |= {"Content-Type": reply.kind, "Content-Length": str(len(body)), "Vary": "Accept-Encoding"}
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.connection.settimeout(IDLE_S)
        self.end_headers()
        if self.command != "HEAD":
            for start in range(0, len(body), _PIECE):
                self.wfile.write(body[start : start + _PIECE])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no request of HTTP, or none that is known here: told as everything else is, and the connection closed."""
        self.close_connection = True
        self._send(Reply(b"That is no request that this desk knows.", "text/plain; charset=utf-8", code))

    def _parts(self) -> tuple[str, str]:
        """The path and the query that were asked for."""
        try:
            parts = urlsplit(self.path)
        except ValueError:
            raise _Turned(400, "The address is not as it must be.") from None
        return parts.path, parts.query

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Method, path and status; never the query, which may hold what somebody looks for, and no id of an answer."""
        if self.server.log is not None:
            path = self.path.partition("?")[0]
            path = "/answer/..." if "/answer" in unquote(path) else path
            self.server.log(f"{self.command} {path[:80]!a} {getattr(code, 'value', code)}".replace("'", ""))

    def log_message(self, format: str, *args: Any) -> None:
        """What the standard library would write to standard error."""
        logger.debug("a request that is none")


class _InTime(io.RawIOBase):
    """What comes in on a connection: its first byte within `IDLE_S`, and the whole request within as much again."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.until: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = IDLE_S if self.until is None else self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request takes too long to come")
        self.connection.settimeout(left)
        count = self.connection.recv_into(buffer)
        self.until = self.until or time.monotonic() + IDLE_S
        return count


class _Turned(Exception):
    """A request that is turned away with a plain sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
