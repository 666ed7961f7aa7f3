"""
A store brought back to what it was after an earlier change, and its later history with it.

Never done to the City's own store: only to a copy that is being restored. In the store itself an earlier state is read with
``read(as_of=)``, and a change is taken back with ``undo``, which forgets nothing.
"""

from collections.abc import Iterable

from citygis.gpkg import quoted
from citygis.store.database import Transaction
from citygis.store.layout import history_of


def rewind(work: Transaction, layers: Iterable[str], change: int) -> dict[str, int]:
    """
    Undo all that came after a change, history included.

    Parameters
    ----------
    work : Transaction
        On a copy, with the right to write; the histories' guards against deletion lifted.
    layers : iterable of str
    change : int
        0 is the store before its first change.

    Returns
    -------
    dict
        Rows of each layer's table that went or came back.
    """
    touched = {}
    for layer in layers:
        table, past = work.table(layer), quoted(history_of(layer))
        geometry = [table.geometry_column] if table.geometry_column else []
        names = [*geometry, *(column.name for column in table.columns)]
        into = ", ".join(map(quoted, [table.key, *names]))
        # A version that holds again has no end.
        taken = ", ".join(["fid", *("NULL" if name == "tx_to" else quoted(name) for name in names)])
        gone = work.run(f"DELETE FROM {quoted(layer)} WHERE cs_from > ?", change)
        back = work.run(
            f"INSERT INTO {quoted(layer)} ({into}) SELECT {taken} FROM {past} "
            "WHERE cs_to > ? AND (cs_from IS NULL OR cs_from <= ?) ORDER BY fid",
            change,
            change,
        )
        work.run(f"DELETE FROM {past} WHERE cs_to > ?", change)
        touched[layer] = gone + back
    for table in ("citygis_lineage", "citygis_accepted"):
        work.run(f"DELETE FROM {table} WHERE change > ?", change)
        work.run(f"UPDATE {table} SET undone_by = NULL WHERE undone_by > ?", change)
    work.run("DELETE FROM citygis_change WHERE id > ?", change)
    return touched
