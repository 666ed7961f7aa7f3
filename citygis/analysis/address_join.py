"""
A business table joined to the parcels by address: the address found among the City's points, the parcel by its point.
"""

import re
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.address_book import LEAST_LEAD, LEAST_RATIO, address_book, address_matches
from citygis.analysis.answer import Answer, Method, excluded, second_way, unanswered
from citygis.analysis.joined import STATUSES, address_column, carried, control_totals, join_map, require_table
from citygis.analysis.layers import in_force, require_layers, sources_of, without_ground
from citygis.analysis.questions import Parameter, Question
from citygis.city import City

_COLUMNS = (
    "row",
    "address_given",
    "status",
    "apn",
    "address",
    "how",
    "ratio",
    "lead",
    "candidates",
    "note",
    "number",
    "street",
    "unit",
)
_COLUMNS += ("zip", "NGUID")


def join_by_address(
    parcels: gpd.GeoDataFrame,
    address_point: gpd.GeoDataFrame,
    *,
    table: pd.DataFrame,
    columns: Sequence[str] = (),
    amounts: Sequence[str] = (),
    street_centerline: gpd.GeoDataFrame | None = None,
    names: bool = False,
    city: City | None = None,
) -> Answer:
    """
    The rows of a business table, each with the parcel at its address or the reason why it has none.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``status``. In feet.
    address_point : GeoDataFrame, points
        In NENA names; ``apn`` where the points name their parcels.
    table : DataFrame of text
        From `citygis.analysis.tables.read_table`.
    columns : sequence of str
        Which hold the address, in the order it is written; found by name and values when not given, and told.
    amounts : sequence of str
        Columns whose sums are reconciled.
    street_centerline : GeoDataFrame, optional
        Streets that are known too: one without an address is not taken for another that is called nearly so.
    names : bool
        Whether the table's columns of people (owner, mailing address, phone) are in the answer.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per row of the table, in its order: ``row`` (from 1), ``address_given, status`` (matched, ambiguous,
        unmatched), ``apn`` (of the parcel that the point names or, where it names none in force, lies on), ``address`` (the
        City's), ``how, ratio, lead`` (of 100, where the street was only alike), ``candidates`` (best first), ``note, number,
        street, unit, zip`` (as read), ``NGUID`` (of the point), then its own columns. ``tables``: ``control_totals``,
        ``by_way``.

    Raises
    ------
    AnalysisError
        If the table is empty, no column of addresses is found, or rapidfuzz or usaddress are not there.
    CRSError
        If the layers are not in feet of one system.
    """
    require_layers({"parcel": parcels, "address_point": address_point, "street_centerline": street_centerline}, {"parcel": ["apn"]})
    table = require_table(table, [*columns, *amounts])
    columns, amounts, remarks = list(columns), list(amounts), []
    if not columns:
        columns = [address_column(table)]
        remarks.append(f"The address was taken from the column {columns[0]!r}.")
    given = one_line(table, columns)
    points, parcels = address_point.reset_index(drop=True), parcels.reset_index(drop=True)
    book = address_book(points, street_centerline)
    found = address_matches(given, book)
    at = _parcel_rows(points, parcels, found["point"].to_numpy(dtype=int))
    is_point = found["point"].to_numpy(dtype=int) >= 0
    adrift = is_point & (at < 0)
    status = found["status"].mask(adrift, "unmatched")
    note = found["reason"].mask(adrift, "the address is there, but its point names no parcel in force and lies on none")
    place = {int(row): k for k, row in enumerate(book.rows)}
    own, said = carried(table, _COLUMNS, names=names, keys=columns)
    at_point = [place.get(row, -1) for row in found["point"]]
    rows = pd.DataFrame(
        {
            "row": np.arange(1, len(table) + 1),
            "address_given": given,
            "status": status,
            "apn": pd.Series([str(parcels["apn"].iat[k]) if k >= 0 else None for k in at], dtype="str"),
            "address": pd.Series([f"{book.number[k]} {book.street[k]}" if k >= 0 else None for k in at_point], dtype="str"),
            **{name: found[name] for name in ("how", "ratio", "lead", "candidates")},
            "note": note,
            **{name: found[name] for name in ("number", "street", "unit", "zip")},
            "NGUID": point_names(points, found["point"].to_numpy(dtype=int)),
        }
    ).replace({"": None})
    totals = control_totals(table, rows["status"], amounts)
    counts = rows["status"].value_counts().reindex(list(STATUSES), fill_value=0)
    left_out = np.setdiff1d(np.arange(len(points)), book.rows)
    return Answer(
        question="join_address",
        title=f"{len(table):,} rows joined by address",
        table=pd.concat([rows, own], axis=1),
        geometry=gpd.GeoDataFrame(
            rows.loc[is_point, ["row", "status", "apn", "address"]].reset_index(drop=True),
            geometry=gpd.GeoSeries(points.geometry.values[found["point"].to_numpy(dtype=int)[is_point]], crs=points.crs),
        ),
        excluded=excluded(
            [
                ("address_point", name, "not in force, or without number or street")
                for name in sorted(point_names(points, left_out).astype("str"))
            ]
        ),
        method=Method(
            steps=(
                f"Each address of {' '.join(columns)!r} was taken apart; street types, directions and ordinals were shortened as "
                "USPS Publication 28 does, in the table and in the City's points alike.",
                "It is matched where one point has the number, the street and the unit.",
                "Else the street most alike was looked for (indel ratio of rapidfuzz, also with its words in order): it is taken "
                f"at {LEAST_RATIO:g} of 100 with a lead of {LEAST_LEAD:g} over the next, when no stated type, direction or digit "
                "contradicts it and it has the house number. What was left was taken apart once more by usaddress.",
                "A house number is never mended; a ZIP code or community that contradicts the point leaves the row ambiguous.",
                "The parcel is the one in force that the point names, else the one it lies on.",
                "Rows and amounts in are held against those of each status; amounts are added as decimals, without rounding.",
            ),
            parameters={"columns": ", ".join(columns), "amounts": ", ".join(amounts), "names": names},
            sources=sources_of(
                {"table": table, "address_point": points, "parcel": parcels, "street_centerline": street_centerline}
            ),
            remarks=(*remarks, *said),
        ),
        check=(*totals.check, _read_again(rows, points, found)),
        unanswered=unanswered([*totals.open, *_open(counts)]),
        tables={"control_totals": totals.table, "by_way": _by_way(rows)},
        layers=_layers(parcels, at),
        map=join_map("Rows joined by address", f"{counts['matched']:,} of {len(table):,} rows", rows["apn"].nunique()),
    )


def one_line(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """The columns of an address in one line; a ZIP+4 as it stands, and numbers of a workbook without ``.0``."""
    line = pd.Series("", index=table.index, dtype="str")
    for name in columns:
        text = table[name].astype("str").fillna("").str.strip().str.replace(r"^(\d+)\.0$", r"\1", regex=True)
        line = line.str.cat(text, sep=" ").str.strip()
    return line.mask(line == "")


def _parcel_rows(points: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame, rows: np.ndarray) -> np.ndarray:
    """Where the parcel of each matched point stands, -1 for none."""
    live = np.flatnonzero(parcels.index.isin(in_force(parcels).index))
    out = np.full(len(rows), -1)
    asked = np.flatnonzero(rows >= 0)
    if "apn" in points.columns:
        first = pd.Series(live, index=parcels["apn"].iloc[live].astype("str"))
        first = first[~first.index.duplicated()]
        out[asked] = points["apn"].iloc[rows[asked]].astype("str").map(first).fillna(-1).to_numpy(dtype=int)
    left = asked[out[asked] < 0]
    ground = live[~without_ground(parcels).to_numpy()[live]]
    shapes = points.geometry.values[rows[left]]
    hit, by = shapely.STRtree(parcels.geometry.values[ground]).query(shapes, predicate="intersects")
    order = np.lexsort((parcels["apn"].iloc[ground[by]].astype("str").to_numpy(dtype=object).astype(str), hit))
    hit, by = hit[order], by[order]
    alone = np.bincount(hit, minlength=len(left))[hit] == 1
    out[left[hit[alone]]] = ground[by[alone]]
    return out


def point_names(points: gpd.GeoDataFrame, rows: np.ndarray) -> pd.Series:
    """The identifiers of some points: NGUID, else their number in the layer; null where -1."""
    if "NGUID" in points.columns:
        name = points["NGUID"].astype("str").to_numpy(dtype=object)
    else:
        name = np.array([f"#{k + 1}" for k in range(len(points))], dtype=object)
    return pd.Series([name[k] if k >= 0 else None for k in rows], dtype="str")


def _read_again(rows: pd.DataFrame, points: gpd.GeoDataFrame, found: pd.DataFrame):
    """That no number was mended: the number of the point stands, as a number of its own, in the text as it was written."""
    at = np.flatnonzero(rows["status"] == "matched")
    number = pd.to_numeric(points["Add_Number"].iloc[found["point"].iloc[at]]).astype(int)
    written = rows["address_given"].iloc[at]
    same = sum(bool(re.search(rf"(?<!\d)0*{n}(?!\d)", text)) for n, text in zip(number, written, strict=True))
    return second_way("rows matched", len(at), "rows whose text holds the house number of their point", same, unit="rows")


def _open(counts: pd.Series) -> list[tuple[str, str, str]]:
    rows = []
    if counts["ambiguous"]:
        what = f"Which address {counts['ambiguous']:,} rows mean"
        rows.append((what, "More than one may be meant, or what is written contradicts itself.", "Choose among their candidates."))
    if counts["unmatched"]:
        what = f"Where {counts['unmatched']:,} rows belong"
        rows.append(
            (what, "The City has no such address; note says why.", "Correct it at its source, or enter the missing address point.")
        )
    return rows


def _by_way(rows: pd.DataFrame) -> pd.DataFrame:
    """How many rows were settled in which way."""
    table = rows.assign(
        how=rows["how"].fillna(""), note=rows["note"].fillna("").str.replace(r"[A-Z0-9/]{2,}[A-Z0-9/ ]*", "…", regex=True)
    )
    return table.groupby(["status", "how", "note"], sort=True).size().rename("rows").reset_index()


def _layers(parcels: gpd.GeoDataFrame, at: np.ndarray) -> dict[str, gpd.GeoDataFrame]:
    rows, counts = np.unique(at[at >= 0], return_counts=True)
    rows, counts = (each[~without_ground(parcels).to_numpy()[rows]] for each in (rows, counts))
    columns = {"apn": parcels["apn"].iloc[rows].astype("str").to_numpy(dtype=object), "rows": counts}
    layer = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(parcels.geometry.values[rows], crs=parcels.crs))
    return {"joined": layer.sort_values("apn", ignore_index=True)}


QUESTIONS = (
    Question(
        name="join_address",
        department="All",
        summary="A business table joined to the parcels by address: candidates ranked, no house number mended, control totals.",
        answer=join_by_address,
        layers=("parcel", "address_point"),
        optional={"street_centerline": "street_centerline"},
        parameters=(
            Parameter("table", "table", "The table: CSV, XLSX, or a database's address with #TABLE or #SELECT.", required=True),
            Parameter(
                "columns", "text", "Column of the address; several times in the order it is written.", many=True, option="column"
            ),
            Parameter("amounts", "text", "Column whose sum is reconciled; several times for several.", many=True, option="amount"),
            Parameter("names", "flag", "Keep the table's columns of people: owners, mailing addresses, phones."),
        ),
    ),
)
