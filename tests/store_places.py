"""What tests of backups, restores and migrations share: two changes to keep, and looking at a store of either kind."""

import contextlib
import sqlite3

from store_city import LATER, load, parcels, source

from citygis.gpkg import add_functions
from citygis.store import database_of
from citygis.store.contents import geopackage_contents, postgis_contents
from citygis.store.dumps import postgis_store


def two_changes(city, n=30):
    """Change 1 brings n parcels, change 2 rewrites five of them and moves one."""
    load(city, {"parcel": parcels(n), "source_document": source()})
    frame = parcels(n).iloc[:5].reset_index(drop=True)
    frame["situs_text"] = frame["situs_text"].str.replace("FIRST", "SECOND")
    frame.loc[0, "geometry"] = frame.geometry[0].buffer(-1)
    load(city, {"parcel": frame, "source_document": source("b" * 64)}, at=LATER)


def run_sql(city, *statements):
    """Statements as somebody with other tools would run them."""
    if city.database:
        import psycopg

        with psycopg.connect(city.database) as connection:
            for statement in statements:
                connection.execute(statement)
        return
    with contextlib.closing(sqlite3.connect(city.store_path)) as connection, connection:
        add_functions(connection)
        for statement in statements:
            connection.execute(statement)


def contents(city):
    """Counts and hashes of all tables of a City's store."""
    with database_of(city).reading() as work:
        if not city.database:
            return geopackage_contents(work.connection)
        held = postgis_store(work)
        return postgis_contents(work.connection, held.origin.schema_name, held.tables)
