"""
A PostGIS store's tables out of a database and into one: PostgreSQL's own programs, told what belongs to the store.

The password comes from PGPASSWORD, ``~/.pgpass`` or a service file, as those programs read it; it is in no argument.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from citygis.errors import StoreError
from citygis.gpkg import quoted
from citygis.store.layout import history_of
from citygis.store.manifest import Origin
from citygis.store.postgis import PostGISTransaction

_DEBIAN = Path("/usr/lib/postgresql")


class StoreTables(NamedTuple):
    """A store in a database: where it lies, its tables, and those of them that are layers."""

    origin: Origin
    tables: tuple[str, ...]
    layers: tuple[str, ...]


def postgis_store(work: PostGISTransaction) -> StoreTables:
    """
    What in a database is the store's.

    Raises
    ------
    StoreError
        If there is no store.
    """
    rows = work.rows(
        "SELECT c.relname, EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'cs_to' "
        "AND NOT a.attisdropped) FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' "
        "ORDER BY c.relname"
    )
    names = {name for name, _ in rows}
    layers = tuple(name for name in sorted(names) if any(row == (history_of(name), True) for row in rows))
    own = tuple(sorted(n for n in names if n.startswith("citygis_") or n in layers or n in map(history_of, layers)))
    if not {"citygis_meta", "citygis_change"} <= set(own):
        raise StoreError(f"There is no store in {work.rows('SELECT current_database()')[0][0]}. Look at `store` in city.toml.")
    schema, postgis = work.rows(
        "SELECT current_schema()::text, (SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'postgis')"
    )[0]
    srs = None
    for name in layers:
        srid = work.table(name).srs_id
        if srid:
            found = work.rows("SELECT srid, auth_name, auth_srid, srtext, proj4text FROM spatial_ref_sys WHERE srid = ?", srid)
            srs = found[0] if found else None
            break
    functions = work.rows(
        "SELECT DISTINCT pg_get_functiondef(t.tgfoid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (?) ORDER BY 1",
        list(own),
    )
    origin = Origin(schema_name=schema, postgis_schema=postgis or "public", srs=srs, functions=tuple(text for (text,) in functions))
    return StoreTables(origin, own, layers)


def pg_dump(address: str, held: StoreTables, target: Path, *, snapshot: str) -> None:
    """
    Dump a store's tables to a file, as a transaction that is open elsewhere sees them.

    Parameters
    ----------
    address : str
    held : StoreTables
    target : path
    snapshot : str
        As ``pg_export_snapshot()`` named it.

    Raises
    ------
    StoreError
        If the program is missing, older than the server, or fails.
    """
    tables = [f"--table={quoted(held.origin.schema_name)}.{quoted(name)}" for name in held.tables]
    run_program(
        "pg_dump",
        "--format=custom",
        f"--snapshot={snapshot}",
        "--no-owner",
        "--no-privileges",
        f"--file={target}",
        *tables,
        f"--dbname={address}",
    )


def restore_dump(
    address: str,
    dump: Path,
    origin: Origin,
    *,
    replaced: Sequence[str] = (),
    last_change: int | None = None,
    timeout_s: float = 10.0,
) -> None:
    """
    Put a dumped store into a database, in one transaction.

    Parameters
    ----------
    address : str
    dump : path
    origin : Origin
        Where the store lay; it comes to lie in a schema of the same name.
    replaced : sequence of str
        Tables of a store that is there, and goes.
    last_change : int, optional
        Of the store that goes: if another came meanwhile, nothing is done.
    timeout_s : float
        How long to wait for others that use the store.

    Raises
    ------
    StoreError
        Nothing is changed then.
    """
    schema = quoted(origin.schema_name)
    lines = [
        "BEGIN;",
        f"SET LOCAL lock_timeout = {int(timeout_s * 1000)};",
        f"CREATE SCHEMA IF NOT EXISTS {schema};",
        f"CREATE EXTENSION IF NOT EXISTS postgis SCHEMA {quoted(origin.postgis_schema)};",
    ]
    if replaced:
        names = ", ".join(f"{schema}.{quoted(name)}" for name in replaced)
        lines += [
            f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE;",
            f"DO $$ BEGIN IF (SELECT max(id) FROM {schema}.citygis_change) IS DISTINCT FROM {last_change or 'NULL'} THEN "
            "RAISE EXCEPTION 'the store was changed while it was being replaced; try again'; END IF; END $$;",
            f"DROP TABLE {names};",
        ]
    if origin.srs:
        values = ", ".join("NULL" if value is None else _literal(value) for value in origin.srs)
        lines.append(f"INSERT INTO {quoted(origin.postgis_schema)}.spatial_ref_sys VALUES ({values}) ON CONFLICT DO NOTHING;")
    lines += [
        f"SET LOCAL search_path = {schema}, {quoted(origin.postgis_schema)};",
        *(f"{function.strip()};" for function in origin.functions),
    ]
    with tempfile.TemporaryDirectory(prefix="citygis-") as folder:
        body, script = Path(folder) / "tables.sql", Path(folder) / "restore.sql"
        run_program("pg_restore", "--no-owner", "--no-privileges", f"--file={body}", str(dump))
        before, after = Path(folder) / "before.sql", Path(folder) / "after.sql"
        for temporary, text in (
            (before, "\n".join(lines)),
            (after, "COMMIT;"),
            (script, f"\\i '{before}'\n\\i '{body}'\n\\i '{after}'\n"),
        ):
            temporary.write_text(text, encoding="utf-8")
        run_program(
            "psql", "--no-psqlrc", "--quiet", "--output=" + os.devnull, "--set=ON_ERROR_STOP=1", f"--file={script}", address
        )


@contextlib.contextmanager
def temporary_database(address: str) -> Iterator[str]:
    """
    An empty database on the same server, gone when the block ends.

    Yields
    ------
    str
        Its address.

    Raises
    ------
    StoreError
        If the account may not make databases.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo

    name = f"citygis_trial_{secrets.token_hex(6)}"
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE template0")
    except psycopg.Error as error:
        raise StoreError(
            f"A trial needs a database of its own, and the server makes none: {' '.join(str(error).split())}. Ask who keeps it "
            f"to let this account make databases (ALTER ROLE ... CREATEDB)."
        ) from None
    try:
        yield make_conninfo(address, dbname=name)
    finally:
        with contextlib.suppress(psycopg.Error), psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


def run_program(name: str, *arguments: str) -> None:
    """
    Run one of PostgreSQL's programs.

    Raises
    ------
    StoreError
        If it is not installed, or ends with an error; the message is the program's.
    """
    ended = subprocess.run(
        [_program(name), "--no-password", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C", "PGOPTIONS": os.environ.get("PGOPTIONS", "")},
    )
    if ended.returncode:
        said = [line for line in ended.stderr.splitlines() if line.strip()]
        first = next((line for line in said if "ERROR" in line or "error" in line), said[0] if said else "no message")
        hint = " Install the client programs of the server's version." if "version mismatch" in ended.stderr else ""
        raise StoreError(f"{name} stopped: {first.strip()}.{hint} Nothing was changed.")


def _program(name: str) -> str:
    """The path of a program: the newest of a Debian machine, as it serves all servers up to its own version; else the PATH's."""
    versions = (
        sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]), reverse=True) if _DEBIAN.is_dir() else []
    )
    found = str(versions[0]) if versions else shutil.which(name)
    if found is None:
        raise StoreError(f"The program {name} is not installed. Install PostgreSQL's client programs (postgresql-client).")
    return found


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
