"""
What must never be written down, cut out of whatever is: tokens, passwords, headers that carry them.

Two nets: the places where secrets stand (a parameter, a header, a key of JSON), and the secrets themselves wherever they occur,
once `known_secret` was told of them.
"""

import builtins
import http.client
import logging
import re
import threading
import urllib.parse
from collections.abc import Iterable
from typing import Any

CUT = "***"
"""What stands in the place of a secret."""

_SHORTEST = 4
_NAMES = r"(?:access_token|refresh_token|client_secret|api_?key|serverToken|token|password|passwd|pwd|secret)"
_PATTERNS = (
    # A header, as text or as an item of a dict: (X-Esri-)Authorization: Bearer abc
    re.compile(r"(?i)((?:X-Esri-)?Authorization['\"]?\s*[:=,]\s*(?:b?['\"])?(?:(?:Bearer|Basic|Token)\s+)?)[^\s'\",;}\\]+"),
    re.compile(r"(?i)(\b(?:Bearer)\s+)[A-Za-z0-9._~+/\-]{6,}=*"),
    # JSON and dicts: "token": "abc"
    re.compile(rf"(?i)(['\"]{_NAMES}['\"]\s*:\s*b?['\"])[^'\"]*"),
    # Query strings, forms, settings: token=abc
    re.compile(rf"(?i)(\b{_NAMES}\s*=\s*['\"]?)[^&\s'\",;}}]+"),
    # A multipart form: name="password" CRLF CRLF value
    re.compile(rf"(?i)(name=\\?['\"]{_NAMES}\\?['\"](?:\\r\\n|\r?\n){{2}})[^\r\n\\]+"),
    # https://user:password@host
    re.compile(r"(?i)(\bhttps?://[^\s/:@]+:)[^\s/@]+(?=@)"),
)
_LOGGERS = ("urllib3", "requests", "requests_oauthlib", "arcgis", "keyring", "http.client")

_secrets: set[str] = set()
_is_redacting = False
_lock = threading.Lock()


def known_secret(*values: str | None) -> None:
    """
    Remember secrets of this process, to be cut out wherever they occur, also where they are written percent-encoded.

    Values of less than four characters are left out: they would be cut out of ordinary words.
    """
    with _lock:
        for value in values:
            if value and len(value) >= _SHORTEST:
                _secrets.update({value, urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), repr(value)[1:-1]})


def redacted(text: object) -> str:
    """
    A text without secrets.

    Parameters
    ----------
    text : any
        Written with ``str`` where it is no text.

    Returns
    -------
    str
        Known secrets, and what stands where secrets stand, are `CUT`.
    """
    words = text if isinstance(text, str) else str(text)
    with _lock:
        secrets = sorted(_secrets, key=len, reverse=True)
    for secret in secrets:
        words = words.replace(secret, CUT)
    for pattern in _PATTERNS:
        words = pattern.sub(rf"\g<1>{CUT}", words)
    return words


class RedactingFilter(logging.Filter):
    """A filter for loggers and handlers: message, arguments and traceback lose their secrets; no record is held back."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in its place; always true."""
        try:
            message = record.getMessage()
        except Exception:  # a record that cannot be written out is the business of its handler
            message = str(record.msg)
        record.msg, record.args = redacted(message), None
        if record.exc_info:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        return True


def redact_logging(handlers: Iterable[logging.Handler] = ()) -> None:
    """
    Cut secrets out of every record of this process as it is made, and out of what ``http.client`` prints when it is debugged.

    Parameters
    ----------
    handlers : iterable of logging.Handler
        To be given a `RedactingFilter`, besides those of the root logger and of the libraries that talk to services. They would
        still redact if somebody put another factory of records in the place of this one.

    Notes
    -----
    May be called again, for handlers added since.
    """
    global _is_redacting
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in _LOGGERS)]
    for place in [*loggers, *(handler for each in loggers for handler in each.handlers), *handlers]:
        if not any(isinstance(each, RedactingFilter) for each in place.filters):
            place.addFilter(RedactingFilter())
    if _is_redacting:
        return
    _is_redacting = True
    make, clean = logging.getLogRecordFactory(), RedactingFilter()

    def redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        clean.filter(record)
        return record

    logging.setLogRecordFactory(redacted_record)
    # With a debug level it prints whole requests to standard output, past all logging; its own `print` is the only way between.
    http.client.print = lambda *words, **options: builtins.print(*map(redacted, words), **options)
