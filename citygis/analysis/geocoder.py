"""
A local geocoder: addresses to places, from the City's own points, and between the numbers of its centrelines where there is none.
"""

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.address_book import AddressBook, address_book, address_matches
from citygis.analysis.address_join import one_line, point_names
from citygis.analysis.addresses import street
from citygis.analysis.answer import Answer, MapPlan, Method, excluded, second_way, unanswered
from citygis.analysis.joined import address_column, carried, require_table
from citygis.analysis.layers import require_layers, sources_of
from citygis.analysis.questions import Parameter, Question
from citygis.city import City, default_city
from citygis.quality.ranges import Ranges, ranges_of, within_ranges
from citygis.quality.street_names import street_names
from citygis.quality.subject import subject

OFFSET_FT = 30.0
"""How far beside the centreline a place is put when nothing else is asked: on the walk side of a local street of 60 ft."""

_LEAST_KNOWN = 20
_COLUMNS = ("row", "address_given", "status", "place", "easting_ft", "northing_ft", "accuracy_ft", "address", "NGUID", "ties")
_COLUMNS += ("candidates", "note")


class Interpolated(NamedTuple):
    """
    Numbers placed along the ranges of their streets.

    Parameters
    ----------
    easting_ft, northing_ft : (n,) arrays of float
        NaN where no range has the number.
    line : (n,) array of int
        Position of the centreline, -1 for none.
    length_ft : (n,) array of float
        Of that centreline.
    ties : (n,) array of int
        How many other ranges have the number too.
    """

    easting_ft: np.ndarray
    northing_ft: np.ndarray
    line: np.ndarray
    length_ft: np.ndarray
    ties: np.ndarray


def geocode(
    address_point: gpd.GeoDataFrame,
    street_centerline: gpd.GeoDataFrame,
    *,
    table: pd.DataFrame,
    columns: Sequence[str] = (),
    offset_ft: float = OFFSET_FT,
    names: bool = False,
    city: City | None = None,
) -> Answer:
    """
    Where the addresses of a table are.

    Parameters
    ----------
    address_point : GeoDataFrame, points
        In NENA names, in feet.
    street_centerline : GeoDataFrame, lines
        In NENA names, with ranges.
    table : DataFrame of text
    columns : sequence of str
        Which hold the address, in the order it is written; found when not given, and told.
    offset_ft : float
        How far beside the centreline an interpolated place lies, on the side of its number.
    names : bool
        Whether the table's columns of people are in the answer.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per row of the table, in its order: ``row, address_given, status`` (placed, ambiguous, unmatched),
        ``place`` (point, or interpolated), ``easting_ft, northing_ft, accuracy_ft`` (95 %; of a point where the layer states it),
        ``address, NGUID`` (of the point or the centreline), ``ties, candidates, note``, then its own columns. ``tables``:
        ``accuracy``, the City's own points placed by their ranges; ``match_rate``.

    Raises
    ------
    AnalysisError
        If the table is empty, no column of addresses is found, or rapidfuzz or usaddress are not there.
    CRSError
        If the layers are not in feet of one system.
    ValueError
        If the offset is negative or not finite.

    Notes
    -----
    The place along a line is that of the number between the ends of its range, linearly. Tie rule: of several ranges that have a
    number, the one with the fewest numbers is taken, then the one whose NGUID comes first; ``ties`` says so.
    """
    if not np.isfinite(offset_ft) or offset_ft < 0:
        raise ValueError(f"Invalid offset_ft {offset_ft!r}. Must be 0 or more.")
    require_layers({"address_point": address_point, "street_centerline": street_centerline}, {"street_centerline": ["St_Name"]})
    table = require_table(table, list(columns))
    columns, remarks = list(columns), []
    if not columns:
        columns = [address_column(table)]
        remarks.append(f"The address was taken from the column {columns[0]!r}.")
    points, lines = address_point.reset_index(drop=True), street_centerline.reset_index(drop=True)
    given = one_line(table, columns)
    book = address_book(points, lines)
    found = address_matches(given, book)
    ways = Ways.of(lines, city or default_city())
    known = _tested(book, points, ways, offset_ft)
    at = found["point"].to_numpy(dtype=int)
    here = found["zip"].isin(["", *book.zip]) & found["community"].isin(["", *book.communities])
    asked = np.flatnonzero((at < 0) & ((found["status"] == "unmatched") & found["number"].str.isdigit() & here).to_numpy())
    # The City's streets that the book knows by another spelling stand under the name that was found.
    wanted = found["street_found"].where(found["street_found"] != "", found["street"])
    streets, number = wanted.iloc[asked].to_numpy(dtype=object), found["number"].iloc[asked].astype(float).to_numpy()
    laid = ways.placed(streets, number, offset_ft)
    rows = _rows(given, found, points, lines, book, at, asked, laid, known.p95_ft)
    own, said = carried(table, _COLUMNS, names=names, keys=columns)
    there = rows["easting_ft"].notna().to_numpy()
    counts = rows["status"].value_counts().reindex(["placed", "ambiguous", "unmatched"], fill_value=0)
    rate = pd.DataFrame(
        {
            "place": ["point", "interpolated", "ambiguous", "unmatched"],
            "rows": [int((rows["place"] == p).sum()) for p in ("point", "interpolated")]
            + [int(counts[s]) for s in ("ambiguous", "unmatched")],
        }
    )
    rate["share"] = (rate["rows"] / len(table)).round(4)
    ground = gpd.GeoDataFrame(
        rows.loc[there, ["row", "place", "address", "accuracy_ft"]].reset_index(drop=True),
        geometry=gpd.GeoSeries(
            shapely.points(rows.loc[there, ["easting_ft", "northing_ft"]].to_numpy(dtype=float)), crs=points.crs
        ),
    )
    return Answer(
        question="geocode",
        title=f"{len(table):,} addresses placed by the City's points and centrelines",
        table=pd.concat([rows, own], axis=1),
        geometry=ground,
        excluded=excluded(_left_out(points, book, lines, ways)),
        method=Method(
            steps=(
                "Each address was looked for among the City's address points, as the question join_address does.",
                f"A number that no point has was put between the ends of the range of its street that holds it, by parity on its "
                f"side, {offset_ft:g} ft beside the line.",
                "Of several ranges that hold a number the one with the fewest numbers was taken, then the first by NGUID.",
                f"How far off such places are was found by placing {known.tested:,} of the City's own points by their ranges.",
            ),
            parameters={"columns": ", ".join(columns), "offset_ft": offset_ft, "names": names},
            sources=sources_of({"table": table, "address_point": points, "street_centerline": lines}),
            remarks=(*remarks, *said, *known.remarks),
        ),
        check=(
            second_way("rows of the table", int(counts.sum()), "rows before any was placed", len(table), unit="rows"),
            _walked(laid, streets, number, ways),
        ),
        unanswered=unanswered(_open(counts, known)),
        tables={"match_rate": rate, "accuracy": known.table},
        layers={
            "on_point": ground[ground["place"] == "point"].reset_index(drop=True),
            "interpolated": ground[ground["place"] == "interpolated"].reset_index(drop=True),
        },
        map=MapPlan(
            "Addresses placed",
            f"{int(counts['placed']):,} of {len(table):,}",
            {
                "on_point": {"legend": "On the City's point", "marker": {"shape": "circle", "size_pt": 3.5, "fill": "#2f6b3c"}},
                "interpolated": {
                    "legend": "Between numbers of a range",
                    "marker": {"shape": "circle", "size_pt": 3.5, "fill": "#c07a15"},
                },
            },
        ),
    )


class Ways(NamedTuple):
    """
    The ranges of centrelines, by streets as addresses are compared.

    Parameters
    ----------
    ranges : Ranges
        Of lines that are drawn as one; ``street`` is `citygis.analysis.addresses.Street.full`.
    lines : (n,) array of LineString
    rank : (n,) array of int
        Of each line, in the order of NGUID.
    """

    ranges: Ranges
    lines: np.ndarray
    rank: np.ndarray

    @classmethod
    def of(cls, street_centerline: gpd.GeoDataFrame, city: City) -> "Ways":
        """The ranges of a street_centerline layer; multilines of one part count as lines."""
        frame = street_centerline.reset_index(drop=True)
        shapes = np.asarray(frame.geometry.values, dtype=object).copy()
        single = (shapely.get_type_id(shapes) == 5) & (shapely.get_num_geometries(shapes) == 1)
        shapes[single] = shapely.get_geometry(shapes[single], 0)
        about = subject("street_centerline", frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs)), None, city=city)
        said = street_names(about.frame)
        short = {name: street(name).full for name in pd.unique(pd.Series(said.said, dtype=object))}
        ranges = ranges_of(about, said)
        ranges = ranges._replace(street=np.array([short[name] for name in said.said[ranges.row]], dtype=object))
        sound = (shapely.get_type_id(about.place[ranges.row]) == 1) & ~ranges.has_zero
        name = frame["NGUID"].astype("str").fillna("") if "NGUID" in frame else pd.Series([f"{k:09d}" for k in range(len(frame))])
        rank = np.empty(len(frame), dtype=int)
        rank[np.argsort(name.to_numpy(dtype=object).astype(str), kind="stable")] = np.arange(len(frame))
        return cls(ranges.take(np.flatnonzero(sound)), about.place, rank)

    def placed(self, streets: np.ndarray, number: np.ndarray, offset_ft: float) -> Interpolated:
        """Where numbers of streets lie by the ranges."""
        n = len(number)
        east, north, length = (np.full(n, np.nan) for _ in range(3))
        line, ties = np.full(n, -1), np.zeros(n, dtype=int)
        if not n or not len(self.ranges.row):
            return Interpolated(east, north, line, length, ties)
        at, by = within_ranges(self.ranges, number, number, streets)
        fits = self.ranges.fits(by, number[at])
        at, by = at[fits], by[fits]
        width = self.ranges.high[by] - self.ranges.low[by]
        order = np.lexsort((self.ranges.side[by], self.rank[self.ranges.row[by]], width, at))
        at, by = at[order], by[order]
        first = np.flatnonzero(np.r_[True, np.diff(at) != 0]) if len(at) else np.zeros(0, dtype=int)
        ties[at[first]] = np.diff(np.append(first, len(at))) - 1
        at, by = at[first], by[first]
        line[at] = self.ranges.row[by]
        way = self.lines[line[at]]
        length[at] = shapely.length(way)
        span = self.ranges.last[by] - self.ranges.first[by]
        share = np.where(span == 0, 0.5, (number[at] - self.ranges.first[by]) / np.where(span == 0, 1.0, span))
        along = share * length[at]
        step = np.minimum(0.5, length[at] / 4)
        foot = shapely.get_coordinates(shapely.line_interpolate_point(way, along))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(way, np.minimum(along + step, length[at])))
        back = shapely.get_coordinates(shapely.line_interpolate_point(way, np.maximum(along - step, 0)))
        run = ahead - back
        run /= np.hypot(*run.T)[:, None]
        beside = np.where(self.ranges.side[by] == 0, offset_ft, -offset_ft)
        east[at], north[at] = foot[:, 0] - run[:, 1] * beside, foot[:, 1] + run[:, 0] * beside
        return Interpolated(east, north, line, length, ties)


class _Known(NamedTuple):
    table: pd.DataFrame
    tested: int
    p95_ft: float
    remarks: tuple[str, ...]


def _tested(book: AddressBook, points: gpd.GeoDataFrame, ways: Ways, offset_ft: float) -> _Known:
    """The City's own points placed by their ranges: how far off that is."""
    plain = np.array([each.isdigit() for each in book.number], dtype=bool)
    shapes = points.geometry.values[book.rows]
    plain &= shapely.get_type_id(shapes) == 0
    laid = ways.placed(book.street[plain], book.number[plain].astype(float), offset_ft)
    true = shapely.get_coordinates(shapes[plain]).reshape(-1, 2)
    off = np.hypot(laid.easting_ft - true[:, 0], laid.northing_ft - true[:, 1])
    off = off[np.isfinite(off)]
    median, p95, most = (float(np.quantile(off, q)) if len(off) else np.nan for q in (0.5, 0.95, 1.0))
    facts = [("points tested", len(off)), ("points without a range", int(plain.sum() - len(off)))]
    facts += [
        (f"displacement, {name}, ft", round(value, 1)) for name, value in (("median", median), ("95 %", p95), ("largest", most))
    ]
    remarks = []
    if len(off) >= _LEAST_KNOWN:
        remarks.append(
            f"Interpolated places are off by {median:,.0f} ft in the median and {p95:,.0f} ft at 95 %, by {len(off):,} points."
        )
    return _Known(
        pd.DataFrame(facts, columns=["what", "value"]), len(off), p95 if len(off) >= _LEAST_KNOWN else np.nan, tuple(remarks)
    )


def _rows(given, found, points, lines, book, at, asked, laid: Interpolated, p95_ft: float) -> pd.DataFrame:
    n = len(found)
    east, north, accuracy = (np.full(n, np.nan) for _ in range(3))
    is_point = at >= 0
    shapes = points.geometry.values[at[is_point]]
    east[is_point], north[is_point] = shapely.get_x(shapes), shapely.get_y(shapes)
    if "h_accuracy_ft" in points.columns:
        accuracy[is_point] = pd.to_numeric(points["h_accuracy_ft"], errors="coerce").to_numpy(dtype=float)[at[is_point]]
    hit = laid.line >= 0
    on = asked[hit]
    east[on], north[on] = laid.easting_ft[hit], laid.northing_ft[hit]
    accuracy[on] = p95_ft if np.isfinite(p95_ft) else laid.length_ft[hit] / 2
    place = np.where(is_point, "point", "").astype(object)
    place[on] = "interpolated"
    ties = np.zeros(n, dtype=int)
    ties[on] = laid.ties[hit]
    name = point_names(points, at).to_numpy(dtype=object)
    name[on] = point_names(lines, laid.line[hit]).to_numpy(dtype=object)
    row_of = {int(row): k for k, row in enumerate(book.rows)}
    address = np.array([f"{book.number[row_of[k]]} {book.street[row_of[k]]}" if k >= 0 else "" for k in at], dtype=object)
    address[on] = (found["number"] + " " + found["street_found"].where(found["street_found"] != "", found["street"])).iloc[on]
    status = found["status"].mask(found["status"] == "matched", "placed").to_numpy(dtype=object)
    nowhere = is_point & ~np.isfinite(east)
    status[on], status[nowhere] = "placed", "unmatched"
    place[nowhere] = ""
    note = found["reason"].to_numpy(dtype=object)
    note[on] = "no point has this number; it lies in a range"
    note[nowhere] = "the City's point of this address has no place"
    return pd.DataFrame(
        {
            "row": np.arange(1, n + 1),
            "address_given": given,
            "status": status,
            "place": place,
            "easting_ft": east.round(2),
            "northing_ft": north.round(2),
            "accuracy_ft": accuracy.round(1),
            "address": address,
            "NGUID": name,
            "ties": ties,
            "candidates": found["candidates"].where(~np.isin(np.arange(n), on), ""),
            "note": note,
        }
    ).replace({"": None})


def _left_out(points: gpd.GeoDataFrame, book: AddressBook, lines: gpd.GeoDataFrame, ways: Ways) -> list[tuple[str, str, str]]:
    rows = np.setdiff1d(np.arange(len(points)), book.rows)
    out = [("address_point", name, "not in force, or without number or street") for name in sorted(point_names(points, rows))]
    rows = np.setdiff1d(np.arange(len(lines)), ways.ranges.row)
    why = "no range that a number can lie in: none, one end 0, retired, without name, or not one line"
    return [*out, *(("street_centerline", name, why) for name in sorted(point_names(lines, rows)))]


def _walked(laid: Interpolated, streets: np.ndarray, number: np.ndarray, ways: Ways):
    """The numbers that a range holds, had again by looking at every range of the street, one by one."""
    of_street: dict[str, list[int]] = {}
    for k, name in enumerate(ways.ranges.street):
        of_street.setdefault(name, []).append(k)
    again = 0
    for name, n in zip(streets, number, strict=True):
        for k in of_street.get(name, ()):
            low, high = sorted((int(ways.ranges.first[k]), int(ways.ranges.last[k])))
            parity = {"O": 1, "E": 0}.get(ways.ranges.parity[k])
            if low <= n <= high and parity in (None, int(n) % 2):
                again += 1
                break
    way = "every range of the street, one by one, without an index"
    return second_way("numbers placed in a range", int((laid.line >= 0).sum()), way, again, unit="rows")


def _open(counts: pd.Series, known: _Known) -> list[tuple[str, str, str]]:
    rows = []
    if counts["ambiguous"] or counts["unmatched"]:
        rows.append(
            (
                f"Where {int(counts['ambiguous'] + counts['unmatched']):,} addresses are",
                f"{counts['ambiguous']:,} may be several; of {counts['unmatched']:,} the City has neither point nor range.",
                "Look at note and candidates; correct the address at its source, or enter the missing point.",
            )
        )
    if not np.isfinite(known.p95_ft):
        rows.append(
            (
                "How far off interpolated places are",
                f"{known.tested:,} of the City's points lie in a range; {_LEAST_KNOWN} are needed. Half of each line is told.",
                "Run citygis analyze addresses, and mend the ranges.",
            )
        )
    return rows


QUESTIONS = (
    Question(
        name="geocode",
        department="All",
        summary="Where the addresses of a table are: the City's points, else along the ranges of its centrelines, with accuracy.",
        answer=geocode,
        layers=("address_point", "street_centerline"),
        parameters=(
            Parameter("table", "table", "The table: CSV, XLSX, or a database's address with #TABLE or #SELECT.", required=True),
            Parameter(
                "columns", "text", "Column of the address; several times in the order it is written.", many=True, option="column"
            ),
            Parameter(
                "offset_ft", "number", "How far beside the centreline an interpolated place lies, in feet; 30 when not given."
            ),
            Parameter("names", "flag", "Keep the table's columns of people: owners, mailing addresses, phones."),
        ),
    ),
)
