"""
The words of an SQL text: where its named parameters stand, and that it is one statement.

SQLite takes ``:name``; PostgreSQL does not. Quoted texts and names, comments and ``::casts`` are passed over.
"""

import re

from citygis.errors import SettingsError

_WORDS = re.compile(
    r"""
    (?P<skipped> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | :: )
    | :(?P<name>[A-Za-z_]\w*)
    | (?P<end>;)
    | (?P<open>['"]|/\*)
    """,
    re.VERBOSE | re.DOTALL,
)


def parameter_names(sql: str) -> list[str]:
    """The names of an SQL text's parameters, each once, in the order they first occur."""
    return list(dict.fromkeys(match["name"] for match in _WORDS.finditer(sql) if match["name"]))


def numbered(sql: str) -> tuple[str, list[str]]:
    """
    An SQL text with ``$1, $2 ...`` for its named parameters, as PostgreSQL numbers them.

    Returns
    -------
    str
    list of str
        The name that each number stands for.
    """
    names = parameter_names(sql)
    return _WORDS.sub(lambda match: f"${names.index(match['name']) + 1}" if match["name"] else match[0], sql), names


def one_statement(sql: str, where: str) -> str:
    """
    An SQL text without the semicolon at its end.

    Raises
    ------
    SettingsError
        If there is nothing in it, more than one statement, or a quote or comment that is not closed.
    """
    sql = sql.strip()
    for match in _WORDS.finditer(sql):
        if match["open"]:
            raise SettingsError(
                f"{where}: the {'comment' if match['open'] == '/*' else 'quote'} at {sql[match.start() :][:20]!r} is not closed."
            )
        if match["end"]:
            if _is_silent(sql[match.end() :]):
                sql = sql[: match.start()]
                break
            raise SettingsError(f"{where}: there is more than one statement. A report is one SELECT; make a file for each.")
    if _is_silent(sql):
        raise SettingsError(f"{where}: there is no statement in it. Write a SELECT.")
    return sql


def _is_silent(sql: str) -> bool:
    """Whether nothing is left without comments and blanks."""
    return not re.sub(r"--[^\n]*|/\*.*?\*/|;", "", sql, flags=re.DOTALL).strip()
