"""
Who is asking: one user with a password, and tokens that live as long as they are told.
"""

import hmac
import secrets
import threading
import time
from collections.abc import Mapping

from citygis.rehearsal.rules import RequestError

USER = "rehearsal"


class Accounts:
    """
    The user of the rehearsal, and the tokens that were given out; nothing of it is written anywhere.

    Parameters
    ----------
    password : str
    """

    def __init__(self, password: str) -> None:
        self._password = password
        self._lock = threading.Lock()
        self._tokens: dict[str, float] = {}
        self._states: dict[str, tuple[str, str]] = {}

    def issue(self, minutes: float) -> tuple[str, int]:
        """A new token, and when it ends (milliseconds since 1970)."""
        token, now = secrets.token_urlsafe(48), time.time()
        with self._lock:
            self._tokens = {t: until for t, until in self._tokens.items() if until > now - 3600}
            self._tokens[token] = now + minutes * 60
        return token, int((now + minutes * 60) * 1000)

    def expire_all(self) -> None:
        """Let every token end now."""
        with self._lock:
            self._tokens = dict.fromkeys(self._tokens, 0.0)

    def is_right(self, user: str, password: str) -> bool:
        """Whether a name and a password are the right ones."""
        same_user = hmac.compare_digest(user.encode(), USER.encode())
        return hmac.compare_digest(password.encode(), self._password.encode()) and same_user

    def who(self, token: str | None) -> str | None:
        """
        The user of a token, None without one.

        Raises
        ------
        RequestError
            498 for a token that is not known or has ended.
        """
        if not token:
            return None
        with self._lock:
            until = self._tokens.get(token, 0.0)
        if until <= time.time():
            raise RequestError(498, "Invalid Token")
        return USER

    def begin_sign_in(self, redirect: str, state: str) -> str:
        """Note a sign-in that began; returns what the form must send back."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._states) > 1000:
                self._states.clear()
            self._states[key] = (redirect, state)
        return key

    def end_sign_in(self, key: str) -> tuple[str, str] | None:
        """Where a sign-in that began leads back to, and its state."""
        with self._lock:
            return self._states.pop(key, None)


def token_of(headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[str | None, str]:
    """
    The token of a request, and where it was.

    Returns
    -------
    token : str or None
    place : str
        ``X-Esri-Authorization``, ``Authorization``, ``token`` or "" without one.
    """
    for name in ("X-Esri-Authorization", "Authorization"):
        scheme, _, token = (headers.get(name) or "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip(), name
    return (form["token"], "token") if form.get("token") else (None, "")
