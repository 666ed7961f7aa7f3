"""
What a database server complains of, said so that somebody can act on it; without passwords.
"""

import os
import re

_PASSWORD = re.compile(r"(password\s*=\s*)('[^']*'|\S+)", re.IGNORECASE)


def advice(error: Exception) -> str:
    """What psycopg says in one line that says what to do, and nothing that a log must not hold."""
    text = " ".join(str(error).split())
    for secret in filter(None, [os.environ.get("PGPASSWORD")]):
        text = text.replace(secret, "***")
    text = _PASSWORD.sub(r"\1***", text)
    state = getattr(error, "sqlstate", None) or ""
    for code, advice in {
        "55P03": "another program is writing to it (QGIS in an edit session, another citygis). Save or stop there, retry.",
        "40P01": "another program is writing to it, and each waits for the other. Retry.",
        "53100": "the disk of the database is full. Make room, then try again.",
        "42501": "this account may not do that. Ask who keeps the database for the right to write.",
        "25006": "it is read-only. Ask who keeps the database for the right to write.",
        "57P01": "the database was stopped. Start it, then try again.",
    }.items():
        if state == code:
            return f"{advice} ({text})"
    for part, advice in {
        "password authentication failed": "the password is wrong or missing. Give it by PGPASSWORD, ~/.pgpass or a service file.",
        "no password supplied": "the password is missing. Give it by PGPASSWORD, ~/.pgpass or a service file.",
        "does not exist": "there is no such database, account or table. Look at `store` in city.toml.",
        "closed": "the connection was lost. Look to the server and the network, then try again.",
        "connection failed": "it cannot be reached. Look at `store` in city.toml, the server and the network.",
        "could not": "it cannot be reached. Look at `store` in city.toml, the server and the network.",
    }.items():
        if part in text:
            return f"{advice} ({text})"
    return f"{text}."
