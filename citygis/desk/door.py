"""
Who may come in: the checks that each request passes before anything is looked at.

The desk listens on this machine alone, and a page of some other site in the same browser still reaches it there. So a request
must name the desk as its host (a foreign name that was made to point here does not: DNS rebinding), what acts must come from the
desk's own page (Origin or Referer) and carry the token of its forms (OWASP, Cross-Site Request Forgery Prevention Cheat Sheet).
"""

import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

COOKIE = "citygis_desk"
LARGEST_BODY = 64 * 2**10
"""Bytes of a form; more is refused unread."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every reply."""


class Door:
    """
    The desk's door.

    Parameters
    ----------
    host : str
        The address that is listened on.
    port : int
    key : str, optional
        Asked of everybody, when the desk is open to other machines.

    Attributes
    ----------
    token : str
        Of the desk's forms; another one at each start.
    """

    def __init__(self, host: str, port: int, *, key: str = "") -> None:
        self.host, self.port, self.key = host, port, key
        self.token = secrets.token_urlsafe(24)

    @property
    def is_local(self) -> bool:
        """Whether only this machine is listened to."""
        return is_loopback(self.host)

    def refusal(self, method: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """
        Why a request is turned away, as status and sentence; None when it may come in.

        Parameters
        ----------
        method : str
        headers : mapping of str to str
            By any case of their names, as `http.client.HTTPMessage`.
        """
        host = headers.get("Host", "")
        if not self._is_ours(host):
            return 421, "This desk is not known under that name. Open it by the address that it printed."
        if method == "POST":
            # Referer stands in for an Origin that was not sent; one that is null comes from a page that hides where it is from.
            came = headers.get("Origin") or headers.get("Referer") or ""
            if not came.startswith("http://") or _netloc(came) != host.lower():
                return 403, "That did not come from this desk's own page. Open the desk and try again."
        if (
            headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
            and headers.get("Sec-Fetch-Mode") != "navigate"
        ):
            return 403, "That was asked by another site's page."
        return None

    def has_key(self, headers: Mapping[str, str]) -> bool:
        """Whether who asks has shown the key before; always where none is asked."""
        if not self.key:
            return True
        try:
            said = SimpleCookie(headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return said is not None and self.is_key(said.value)

    def is_key(self, said: str) -> bool:
        """Whether a text is the key, told in the same time whatever it is."""
        return bool(self.key) and hmac.compare_digest(said.encode(), self.key.encode())

    def is_token(self, said: str) -> bool:
        """Whether a text is the token of the forms."""
        return hmac.compare_digest(said.encode(), self.token.encode())

    def cookie(self) -> str:
        """What keeps the key in the browser: not for scripts, not for other sites."""
        return f"{COOKIE}={self.key}; Path=/; HttpOnly; SameSite=Strict"

    def _is_ours(self, said: str) -> bool:
        try:
            parts = urlsplit(f"//{said}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if port != self.port or parts.username is not None or parts.path:
            return False
        if name == "localhost" or is_loopback(name):
            return self.is_local or self.host in ("0.0.0.0", "::")
        if self.is_local:
            return False
        # By number, no name can have been made to point here; by name, only the one that was asked for.
        return name == self.host.lower() or (self.host in ("0.0.0.0", "::") and _is_number(name))


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    if host == "localhost":
        return True
    return _is_number(host) and ipaddress.ip_address(host).is_loopback


def _netloc(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
