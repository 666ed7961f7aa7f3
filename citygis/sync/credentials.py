"""
Who logs in, and with what: from the environment, a file that only its owner reads, or the system's keyring.

Never from the command line, which every process of the machine can read.
"""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from citygis.errors import SyncError
from citygis.sync.redaction import known_secret

FILE = "CITYGIS_CREDENTIALS"
DEFAULT_FILE = Path("~/.config/citygis/credentials.toml")
_LARGEST_FILE_BYTES = 64 * 1024
_KEYS = ("user", "password", "token")


class Credentials:
    """
    A user with a password, or a token; written out it shows neither.

    Attributes
    ----------
    user, password, token : str or None
    source : str
        Where they are from, for messages.
    """

    __slots__ = ("password", "source", "token", "user")

    def __init__(self, *, user: str | None = None, password: str | None = None, token: str | None = None, source: str = "") -> None:
        self.user = user
        self.password = password
        self.token = token
        self.source = source
        known_secret(password, token)

    @property
    def can_log_in(self) -> bool:
        """Whether a new token can be had with these; a bare token ends for good."""
        return bool(self.user and self.password)

    @property
    def is_anonymous(self) -> bool:
        """Whether there is nothing to log in with."""
        return not (self.token or self.can_log_in)

    def __repr__(self) -> str:
        kind = "user and password" if self.can_log_in else "token" if self.token else "anonymous"
        return f"Credentials({kind}, from {self.source or 'the caller'})"

    def __reduce__(self):
        raise TypeError("Credentials are not written to files or sent to other processes.")


def credentials_for(name: str, *, environ: Mapping[str, str] = os.environ) -> Credentials:
    """
    The credentials of that name.

    Sources, the first that has some: the environment, ``CITYGIS_<NAME>_TOKEN`` or ``CITYGIS_<NAME>_USER`` and
    ``CITYGIS_<NAME>_PASSWORD``; the table ``[name]`` of the TOML file that
    ``CITYGIS_CREDENTIALS`` names (``~/.config/citygis/credentials.toml`` without it); the keyring, service ``citygis:<name>``,
    entries ``user``, ``password``, ``token``.

    Parameters
    ----------
    name : str
        Letters, digits, ``_`` and ``-``; as `credentials` of a target says. Empty: ``CITYGIS_TOKEN``, or
        ``CITYGIS_USER`` and ``CITYGIS_PASSWORD``, and nothing else. Those never stand in for a name that has none: they may be
        another portal's.
    environ : mapping

    Returns
    -------
    Credentials
        With ``user`` and ``password``, or ``token``, or both.

    Raises
    ------
    SyncError
        If there are none, if a source has half of them, or if the file may be read by others, is not TOML or has other keys.
    ValueError
        If `name` has other characters.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", name):
        raise ValueError(f"Invalid name of credentials {name!r}. Must have letters, digits, _ and - only.")
    named = f"CITYGIS_{name.upper().replace('-', '_')}_" if name else "CITYGIS_"
    found = {key: environ.get(f"{named}{key.upper()}") or None for key in _KEYS}
    if any(found.values()):
        return _whole(found, f"the environment ({named}...)")
    if name:
        path = Path(environ.get(FILE) or DEFAULT_FILE).expanduser()
        found = _from_file(path, name, must_exist=FILE in environ)
        if found:
            return _whole(found, str(path))
        found = _from_keyring(name)
        if any(found.values()):
            return _whole(found, f"the keyring (citygis:{name})")
    wanted = f"Set {named}TOKEN, or {named}USER and {named}PASSWORD, in the environment"
    if not name:
        raise SyncError(
            f'There is nothing to log in with. {wanted}; or name a login in the target (credentials = "riverbend"), which may also '
            "lie in a file or the keyring."
        )
    unnamed = [f"CITYGIS_{key.upper()}" for key in _KEYS if environ.get(f"CITYGIS_{key.upper()}")]
    aside = f" What {' and '.join(unnamed)} say is only for targets that name no credentials, and was not used." if unnamed else ""
    raise SyncError(
        f"There are no credentials {name!r}. {wanted}; or write the table [{name}] with user and password, or token, into "
        f"{DEFAULT_FILE} (mode 600); or put them into the keyring as citygis:{name}.{aside}"
    )


def _whole(found: Mapping[str, str | None], source: str) -> Credentials:
    if bool(found.get("user")) != bool(found.get("password")) and not found.get("token"):
        missing = "password" if found.get("user") else "user"
        raise SyncError(f"The credentials in {source} have no {missing}. Give user and password, or a token.")
    return Credentials(user=found.get("user"), password=found.get("password"), token=found.get("token"), source=source)


def _from_file(path: Path, name: str, *, must_exist: bool) -> dict[str, str]:
    try:
        file = open(path, "rb")  # noqa: SIM115, closed below
    except FileNotFoundError:
        if must_exist:
            raise SyncError(f"{path}, which {FILE} names, is not there. Look at the spelling.") from None
        return {}
    except OSError as error:
        raise SyncError(f"{path} cannot be read ({error.strerror}). It must belong to you, mode 600.") from None
    with file:
        # Of the open file, so that nobody exchanges it in between.
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST_FILE_BYTES:
            raise SyncError(f"{path} is no ordinary small file. Credentials are a few lines of TOML.")
        if os.name == "posix" and (about.st_mode & 0o077 or about.st_uid not in (os.getuid(), 0)):
            raise SyncError(f"{path} may be read by others than you (mode {about.st_mode & 0o777:03o}). Run: chmod 600 {path}")
        text = file.read(_LARGEST_FILE_BYTES)
    try:
        said = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The parser's own message quotes the line, and the line is a secret.
        raise SyncError(f"{path} is not TOML. Write: [{name}], then user = and password =, or token =.") from None
    table = said.get(name)
    if table is None:
        return {}
    if not isinstance(table, dict) or set(table) - set(_KEYS) or not all(isinstance(value, str) for value in table.values()):
        raise SyncError(f"{path}: [{name}] must have user and password, or token, as text, and nothing else.")
    return table


def _from_keyring(name: str) -> dict[str, str | None]:
    """Nothing where there is no keyring, or it is locked: then the message lists what would do."""
    try:
        import keyring
    except ImportError:
        return {}
    try:
        return {key: keyring.get_password(f"citygis:{name}", key) for key in _KEYS}
    except Exception:  # every back end has its own; all mean that there is nothing to be had
        return {}
