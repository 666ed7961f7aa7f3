"""
Reading from feature services with the standard library alone: what ``citygis.read("https://.../FeatureServer/0")`` talks with.

Nothing is sent where it was not meant to go: https only (plain http to this machine itself), no redirects, certificates verified, a
token only to the host that it was given for.
"""

import http.client
import os
import re
import ssl
import time
import urllib.parse
import urllib.request
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from citygis.errors import ReadError
from citygis.readers.service.faults import Reply, ServiceFault, answer_of, fault_of

LARGEST_REPLY_BYTES = 256 * 2**20
"""A page of 2,000 parcels is about 2 MB; more than this is no page."""

LONGEST_REPLY_S = 600.0
"""A reply that drips in for longer than this is given up."""

TOKEN = "CITYGIS_TOKEN"
TOKEN_HOST = "CITYGIS_TOKEN_HOST"
CERTIFICATE = "CITYGIS_CERTIFICATE"

_LONGEST_ADDRESS = 1800
_CHUNK = 1 << 16
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SERVICE = re.compile(r"/(Feature|Map)Server(/\d+)?/?$", re.IGNORECASE)


def is_service_url(text: object) -> bool:
    """Whether something is the web address of a feature or map service, or of a layer in one."""
    if not isinstance(text, str) or not re.match(r"https?://", text, re.IGNORECASE):
        return False
    try:
        return bool(_SERVICE.search(urllib.parse.urlsplit(text).path))
    except ValueError:
        return False


def require_service_url(url: str) -> str:
    """
    An address that may be talked to, without query, fragment and last slash.

    Raises
    ------
    ReadError
        If it is no service, is not https (this machine itself excepted), or has a name, a password or a token in it.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ReadError(f"{url.split('?')[0]!r} is no address. Name a layer: https://HOST/.../FeatureServer/0.") from None
    shown = urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    if parts.username or parts.password or re.search(r"(?i)(^|&)token=", parts.query):
        raise ReadError(
            f"{shown}: an address with a password or token in it is refused, because addresses are written into logs. Leave it "
            f"out; set {TOKEN} and {TOKEN_HOST}."
        )
    if not is_service_url(url):
        raise ReadError(f"{shown} is no feature service. Name a layer: https://HOST/.../FeatureServer/0.")
    if parts.scheme.lower() != "https" and host.lower() not in _LOOPBACK:
        raise ReadError(f"{shown}: services are read over https only. Write the address with https://.")
    return shown.rstrip("/")


def plain_reader(
    url: str, *, token: str | None = None, certificate: Path | str | None = None, timeout_s: tuple[float, float] = (10, 60)
) -> "PlainReader":
    """
    A `ServiceReader` that needs no other package.

    Parameters
    ----------
    url : str
        ``https://.../FeatureServer/N``, or the service itself for `PlainReader.layers`.
    token : str, optional
        Sent in a header, to this host only. Without it: the environment's ``CITYGIS_TOKEN`` where ``CITYGIS_TOKEN_HOST`` names this
        host (``host`` or ``host:port``), else none.
    certificate : path, optional
        PEM file of the authority or the server, trusted besides the system's authorities (``SSL_CERT_FILE`` replaces those).
        Without it: the one that the environment's ``CITYGIS_CERTIFICATE`` names, if any.
    timeout_s : (float, float)
        To connect; between two pieces of a reply.

    Raises
    ------
    ReadError
        As `require_service_url`; if the certificate cannot be read.
    """
    url = require_service_url(url)
    parts = urllib.parse.urlsplit(url)
    if token is None and parts.netloc.lower() in {host.strip().lower() for host in os.environ.get(TOKEN_HOST, "").split(",")}:
        token = os.environ.get(TOKEN) or None
    context = None
    if parts.scheme.lower() == "https":
        context = ssl.create_default_context()
        certificate = certificate or os.environ.get(CERTIFICATE) or None
        if certificate is not None:
            try:
                context.load_verify_locations(cafile=certificate)
            except (OSError, ssl.SSLError) as error:
                raise ReadError(f"{certificate} is no certificate that can be read ({error}). Name a PEM file.") from None
    return PlainReader(url, token, context, timeout_s)


class PlainReader:
    """
    A feature service over one kept connection; see `plain_reader`. Implements `ServiceReader`.

    Attributes
    ----------
    url : str
        Without a token.
    """

    def __init__(self, url: str, token: str | None, context: ssl.SSLContext | None, timeout_s: tuple[float, float]) -> None:
        self.url = url
        self._token = token
        self._context = context
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def __repr__(self) -> str:
        return f"PlainReader({self.url!r})"

    def definition(self) -> Mapping[str, Any]:
        """The layer's, or the service's, own JSON. Errors as `ServiceReader`."""
        return self._answer("", {})

    def query(self, parameters: Mapping[str, str | int | bool]) -> Mapping[str, Any]:
        """The reply to one query. Errors as `ServiceReader`."""
        return self._answer("/query", parameters)

    def renew(self) -> bool:
        """There is nothing to log in with."""
        return False

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _answer(self, operation: str, parameters: Mapping[str, str | int | bool]) -> Mapping[str, Any]:
        parts = urllib.parse.urlsplit(self.url)
        asked = urllib.parse.urlencode({**{key: _written(value) for key, value in parameters.items()}, "f": "json"})
        path = urllib.parse.quote(parts.path, safe="/%:@!$&'()*+,;=~-._") + operation
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "citygis", "Referer": "citygis"}
        if self._token:
            headers["X-Esri-Authorization"] = f"Bearer {self._token}"
        method, body = ("GET", None) if len(path) + len(asked) < _LONGEST_ADDRESS else ("POST", asked.encode())
        if body is None:
            path = f"{path}?{asked}"
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            reply = self._exchange(method, path, body, headers)
        except (OSError, http.client.HTTPException, zlib.error, EOFError) as error:
            self.close()
            raise fault_of(error) from None
        except BaseException:
            self.close()
            raise
        try:
            return answer_of(reply)
        except ServiceFault as fault:  # a server may say the token back
            said = str(fault).replace(self._token, "***") if self._token else str(fault)
            raise ServiceFault(fault.kind, said, code=fault.code, retry_after_s=fault.retry_after_s) from None

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        if self._connection is None:
            self._connection = self._connected()
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        pieces, size, deadline = [], 0, time.monotonic() + LONGEST_REPLY_S
        inflate = (
            zlib.decompressobj(16 + zlib.MAX_WBITS) if response.headers.get("Content-Encoding", "").lower() == "gzip" else None
        )
        while chunk := response.read(_CHUNK):
            chunk = inflate.decompress(chunk, LARGEST_REPLY_BYTES + 1 - size) if inflate else chunk
            size += len(chunk)
            if size > LARGEST_REPLY_BYTES or (inflate and inflate.unconsumed_tail):
                raise ServiceFault("too_large", f"the reply is larger than {LARGEST_REPLY_BYTES / 2**20:.0f} MB")
            if time.monotonic() > deadline:
                raise ServiceFault("ambiguous", f"the reply took longer than {LONGEST_REPLY_S:.0f} s")
            pieces.append(chunk)
        # http.client tells of a body that ends early only where all of it is asked for at once.
        if response.length or (inflate and not inflate.eof):
            raise ServiceFault("ambiguous", "the reply was cut off")
        if response.will_close:
            self.close()
        return Reply(response.status, response.headers, b"".join(pieces))

    def _connected(self) -> http.client.HTTPConnection:
        parts = urllib.parse.urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        connect_s, read_s = self._timeout_s
        proxy = urllib.request.getproxies().get(parts.scheme.lower())
        if proxy and host.lower() not in _LOOPBACK and not urllib.request.proxy_bypass(host):
            through = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
            connection = self._to(through.hostname or "", through.port or 80, connect_s)
            if self._context is not None:
                connection.set_tunnel(host, port or 443)
        else:
            connection = self._to(host, port, connect_s)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise ServiceFault("not_sent", f"the server was not reached ({type(error).__name__}: {error})") from None
        connection.sock.settimeout(read_s)
        return connection

    def _to(self, host: str, port: int | None, timeout_s: float) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._context)


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
