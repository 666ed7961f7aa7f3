"""
A business table joined to the parcels by their numbers: as they are spelt, then through what became of old ones; none in silence.
"""

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.analysis.answer import Answer, Method, excluded, second_way, unanswered
from citygis.analysis.joined import STATUSES, apn_column, carried, control_totals, join_map, listed_together, require_table
from citygis.analysis.layers import in_force, load_first, require_layers, sources_of, without_ground
from citygis.analysis.parcels import bare
from citygis.analysis.questions import Parameter, Question
from citygis.city import City, default_city
from citygis.schema import normalise_apn

_COLUMNS = ("row", "apn_given", "status", "apn", "apn_display", "candidates", "note")
_MOST_CANDIDATES = 20


def join_by_apn(
    parcels: gpd.GeoDataFrame,
    *,
    table: pd.DataFrame,
    column: str | None = None,
    amounts: Sequence[str] = (),
    apn_history: pd.DataFrame | None = None,
    names: bool = False,
    city: City | None = None,
) -> Answer:
    """
    The rows of a business table, each with its parcel or the reason why it has none.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``apn_display, status``. In feet.
    table : DataFrame of text
        From `citygis.analysis.tables.read_table`.
    column : str, optional
        Which holds the parcel number; found by its values and its name when not given, and told.
    amounts : sequence of str
        Columns whose sums are reconciled.
    apn_history : DataFrame, optional
        ``old_apn, new_apn``, as far as there ``change, area_share``.
    names : bool
        Whether the table's columns of people (owner, mailing address, phone) are in the answer.
    city : City, optional
        For its spellings of parcel numbers.

    Returns
    -------
    Answer
        ``table``: one row per row of the table, in its order: ``row`` (from 1), ``apn_given, status`` (matched, by_history,
        ambiguous, unmatched), ``apn, apn_display`` (null unless joined), ``candidates, note``, then its own columns.
        ``tables``: ``control_totals``, ``parcels_without_row``, ``several_rows``.

    Raises
    ------
    AnalysisError
        If the table is empty or has no such column, or no column of parcel numbers is found.
    CRSError
        If the parcels are not in feet.
    """
    require_layers({"parcel": parcels}, {"parcel": ["apn"]})
    city = city or default_city()
    table = require_table(table, [*([column] if column else []), *amounts])
    remarks = []
    if column is None:
        column = apn_column(table, city.spellings)
        remarks.append(f"The parcel number was taken from the column {column!r}.")
    parcels = parcels.reset_index(drop=True)
    live = pd.Series(parcels.index.isin(in_force(parcels).index))
    held = _held(parcels, live)
    given = table[column].astype("str").str.strip()
    key = _spelt(given, city)
    found = _found(key, given, held, _history(apn_history), set(parcels["apn"][~live].astype("str")), city)
    own, said = carried(table, _COLUMNS, names=names, keys=[column])
    number = pd.Series([each.apn or None for each in found], dtype="str")
    shown = _displays(parcels)
    rows = pd.DataFrame(
        {
            "row": np.arange(1, len(table) + 1),
            "apn_given": given,
            "status": [each.status for each in found],
            "apn": number,
            "apn_display": number.map(shown).astype("str"),
            "candidates": pd.Series([", ".join(each.candidates) or None for each in found], dtype="str"),
            "note": pd.Series([each.note or None for each in found], dtype="str"),
        }
    )
    answer = pd.concat([rows, own], axis=1)
    totals = control_totals(table, rows["status"], amounts)
    counts = rows["status"].value_counts().reindex(list(STATUSES), fill_value=0)
    place = dict(zip(held.index.to_numpy(dtype=object), held["at"].to_numpy(), strict=True))
    nowhere = without_ground(parcels).to_numpy()
    at = np.array([place.get(apn, -1) if pd.notna(apn) else -1 for apn in rows["apn"].to_numpy(dtype=object)], dtype=int)
    on_ground = np.flatnonzero((at >= 0) & ~nowhere[at])
    ground = gpd.GeoDataFrame(
        rows[["row", "status", "apn"]].iloc[on_ground].reset_index(drop=True),
        geometry=gpd.GeoSeries(parcels.geometry.values[at[on_ground]], crs=parcels.crs),
    )
    per_parcel = rows["apn"].dropna().value_counts()
    without = held[~held.index.isin(per_parcel.index)].index
    return Answer(
        question="join",
        title=f"{len(table):,} rows joined by parcel number",
        table=answer,
        geometry=ground,
        excluded=excluded(
            [("parcel", str(apn), "not in force: no row is joined to it") for apn in sorted(parcels["apn"][~live].astype("str"))]
        ),
        method=Method(
            steps=(
                f"Each number in {column!r} was brought into the City's spelling ({', '.join(city.apn_profiles)}).",
                "It is matched where one parcel in force has that number.",
                "Else its successors were followed in the history of numbers, from one change to the next, to parcels in force: "
                "one alone is taken (renumbered, merged); of several (a split) each is a candidate, and none is taken.",
                "Rows and amounts in are held against those of each status; amounts are added as decimals, without rounding.",
            ),
            parameters={"column": column, "amounts": ", ".join(amounts), "names": names},
            sources=sources_of({"table": table, "parcel": parcels, "apn_history": apn_history}),
            remarks=(
                *remarks,
                *said,
                f"{len(held) - len(without):,} of {len(held):,} parcels in force have a row; "
                f"{int((per_parcel > 1).sum()):,} have several.",
            ),
        ),
        check=(*totals.check, _read_again(rows)),
        unanswered=unanswered([*totals.open, *_open(counts, apn_history)]),
        tables={
            "control_totals": totals.table,
            "parcels_without_row": pd.DataFrame({"apn": without, "apn_display": [shown.get(apn) for apn in without]}),
            "several_rows": listed_together(rows["apn"], rows["row"], columns=("apn", "rows", "which")),
        },
        layers=_layers(parcels, place, nowhere, per_parcel, rows),
        map=join_map(
            "Rows joined by parcel number", f"{counts['matched'] + counts['by_history']:,} of {len(table):,} rows", len(per_parcel)
        ),
    )


class _Found(NamedTuple):
    status: str
    apn: str = ""
    candidates: tuple[str, ...] = ()
    note: str = ""


def _held(parcels: gpd.GeoDataFrame, live: pd.Series) -> pd.DataFrame:
    """Parcels in force by number, in its order: the first row of each, and how many there are."""
    held = pd.DataFrame({"apn": parcels["apn"].astype("str"), "at": np.arange(len(parcels))})[live.to_numpy()].dropna()
    return held.groupby("apn", sort=True)["at"].agg(at="min", count="size")


def _spelt(given: pd.Series, city: City) -> pd.Series:
    """Each number in the City's spelling; each spelling once, for tables repeat theirs."""
    each = given.dropna().drop_duplicates()
    spelt = normalise_apn(each, city.spellings)["apn"]
    return given.map(dict(zip(each.to_numpy(dtype=object), spelt.to_numpy(dtype=object), strict=True))).astype("str")


def _displays(parcels: gpd.GeoDataFrame) -> dict[str, str]:
    shown = parcels["apn_display" if "apn_display" in parcels.columns else "apn"].astype("str")
    return dict(zip(parcels["apn"].astype("str").to_numpy(dtype=object), shown.to_numpy(dtype=object), strict=True))


def _history(apn_history: pd.DataFrame | None) -> dict[str, list[tuple[str, str]]]:
    """By old number the new ones, each with what happened; rows that lead nowhere or to themselves are none."""
    if apn_history is None or not len(apn_history):
        return {}
    rows = pd.DataFrame({"old": apn_history["old_apn"].astype("str"), "new": apn_history["new_apn"].astype("str")})
    rows["change"] = apn_history["change"].astype("str").fillna("") if "change" in apn_history else ""
    rows = rows.dropna()
    rows = rows[(rows["old"] != rows["new"]) & (rows["new"] != "")].sort_values(["old", "new", "change"])
    return {old: list(zip(group["new"], group["change"], strict=True)) for old, group in rows.groupby("old")}


def _found(key: pd.Series, given: pd.Series, held: pd.DataFrame, history: dict, retired: set[str], city: City) -> list[_Found]:
    count = held["count"].to_dict()
    known: dict[tuple[str | None, str | None], _Found] = {}
    out = []
    for number, written in zip(key.to_numpy(dtype=object), given.to_numpy(dtype=object), strict=True):
        number, written = (value if isinstance(value, str) else None for value in (number, written))
        if (number, written) not in known:
            known[number, written] = _one(number, written, count, history, retired, city)
        out.append(known[number, written])
    return out


def _one(number: str | None, written: str | None, count: dict, history: dict, retired: set[str], city: City) -> _Found:
    if not written:
        return _Found("unmatched", note="no parcel number is given")
    if number is None:
        return _without_zeros(written, count, city)
    if count.get(number) == 1:
        heirs = sorted({new for new, _ in history.get(number, ())})
        return _Found("matched", number, note=f"part of it went to {', '.join(heirs)}" if heirs else "")
    if number in count:
        return _Found("ambiguous", "", (number,), f"{count[number]:,} parcels in force have this number")
    ends, dead, changes = _successors(number, history, count)
    if len(ends) == 1 and not dead:
        return _Found("by_history", ends[0], note=f"{number} became {ends[0]}: {', '.join(changes) or 'change not stated'}")
    if ends:
        said = f"{number} became {len(ends):,} parcels" + (f"; what became of {', '.join(dead)} is not known" if dead else "")
        return _Found("ambiguous", "", tuple(ends[:_MOST_CANDIDATES]), said)
    if dead:
        return _Found("unmatched", note=f"{number} became {', '.join(dead)}, which is no parcel in force")
    if number in retired:
        return _Found("unmatched", note="the parcel is not in force, and the history does not say what became of it")
    return _Found("unmatched", note="no parcel has this number, now or in the history")


def _successors(number: str, history: dict, count: dict) -> tuple[list[str], list[str], list[str]]:
    """Where the numbers after a number end: parcels in force, numbers that are none and lead no further, and what happened."""
    ends, dead, changes = set(), set(), set()
    seen, ahead = {number}, [number]
    while ahead:
        this = ahead.pop()
        heirs = history.get(this, ())
        if this != number and not heirs:
            dead.add(this)
        for new, change in heirs:
            changes.add(change)
            if new in count:
                ends.add(new)
            elif new not in seen:
                seen.add(new)
                ahead.append(new)
    return sorted(ends), sorted(dead), sorted(changes - {""})


def _without_zeros(written: str, count: dict, city: City) -> _Found:
    """A number that fits no spelling; where it lacks zeros before it, the parcels it would be are candidates."""
    if written.isdigit():
        padded = pd.Series([written.zfill(width) for width in range(len(written) + 1, 16)])
        there = sorted({apn for apn in normalise_apn(padded, city.spellings)["apn"].dropna() if apn in count})
        if there:
            return _Found("ambiguous", "", tuple(there), "the number seems to have lost the zeros before it")
    return _Found("unmatched", note="this is no parcel number as the City spells them")


def _read_again(rows: pd.DataFrame):
    """That what was matched is what was written: the parcel's letters and digits begin what stands in the table."""
    at = rows["status"] == "matched"
    written, apn = bare(rows.loc[at, "apn_given"]), bare(rows.loc[at, "apn"])
    same = sum(one.startswith(other) for one, other in zip(written.to_numpy(dtype=object), apn.to_numpy(dtype=object), strict=True))
    way = "rows where the letters and digits of the parcel's number begin what stands in the table"
    return second_way("rows matched as written", int(at.sum()), way, int(same), unit="rows")


def _open(counts: pd.Series, apn_history: pd.DataFrame | None) -> list[tuple[str, str, str]]:
    rows = []
    if counts["ambiguous"]:
        rows.append(
            (
                f"Which parcel {counts['ambiguous']:,} rows mean",
                "Several parcels may be meant; each is in candidates.",
                "Decide row by row, by the record, and correct the number at its source.",
            )
        )
    if counts["unmatched"]:
        rows.append(
            (
                f"Where {counts['unmatched']:,} rows belong",
                "No parcel in force has their number; note says why.",
                "Ask their source.",
            )
        )
    if counts["unmatched"] and apn_history is None:
        rows.append(
            (
                "What became of old numbers",
                "No history of parcel numbers was given.",
                load_first("apn_history"),
            )
        )
    return rows


def _layers(parcels, place: dict, nowhere: np.ndarray, per_parcel: pd.Series, rows: pd.DataFrame) -> dict[str, gpd.GeoDataFrame]:
    maybe = rows.loc[rows["status"] == "ambiguous", "candidates"].dropna()
    candidates = sorted({apn for said in maybe for apn in said.split(", ")} - set(per_parcel.index))
    layers = {}
    for name, numbers in (("joined", sorted(per_parcel.index)), ("candidate", candidates)):
        numbers = [apn for apn in numbers if apn in place and not nowhere[place[apn]]]
        shapes = parcels.geometry.values[[place[apn] for apn in numbers]]
        columns = {"apn": pd.Series(numbers, dtype="str")}
        if name == "joined":
            columns["rows"] = per_parcel.reindex(numbers).to_numpy(dtype=int)
        layers[name] = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, crs=parcels.crs))
    return layers


QUESTIONS = (
    Question(
        name="join",
        department="All",
        summary="A business table joined to the parcels by number, old numbers through their history, with control totals.",
        answer=join_by_apn,
        layers=("parcel",),
        optional={"apn_history": "apn_history"},
        parameters=(
            Parameter("table", "table", "The table: CSV, XLSX, or a database's address with #TABLE or #SELECT.", required=True),
            Parameter("column", "text", "Column of the parcel number; found by its values when not given."),
            Parameter("amounts", "text", "Column whose sum is reconciled; several times for several.", many=True, option="amount"),
            Parameter("apn_history", "table", "old_apn, new_apn, change as CSV or XLSX, in place of the store's."),
            Parameter("names", "flag", "Keep the table's columns of people: owners, mailing addresses, phones."),
        ),
    ),
)
