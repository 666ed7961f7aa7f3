"""
The course table: what a description says of each course, in columns that a person can correct.

Bearings and angles are text, lengths are the City's feet; what is corrected (as CSV or JSON, in any editor) is what
`citygis.readers.deed.resolution.courses_from_table` builds from.
"""

import io
import json
import math

import pandas as pd

from citygis.cogo import format_angle, format_bearing
from citygis.errors import ReadError

TEXT_COLUMNS = (
    "parcel", "role", "kind", "text", "bearing", "delta", "chord_bearing", "radial_bearing", "radial_to",
    "end_radial_bearing", "tangent_bearing", "hand",
    "concave", "travel", "tangency", "unit", "approximate", "illegible", "calls", "alternatives", "repairs",
)  # fmt: skip
COLUMNS = (
    "call", "parcel", "role", "kind", "start", "end", "text", "bearing", "distance_ft", "radius_ft", "delta", "arc_ft",
    "chord_bearing",
    "chord_ft", "tangent_ft", "radial_bearing", "radial_to", "end_radial_bearing", "tangent_bearing", "hand", "concave", "travel",
    "tangency", "unit",
    "approximate", "illegible", "confidence", "calls", "alternatives", "repairs",
)  # fmt: skip
"""
Columns of the course table, one row per call.

``call`` counts from 1. ``parcel`` and ``role`` (tie, boundary, exception, strip) say where it belongs. ``kind`` is line, curve, or
unresolved: a call whose direction or length the text leaves to something else. ``start`` and ``end`` are characters of the text as
given. Bearings are quadrant bearings, ``delta`` is degrees, minutes and seconds; lengths are the City's feet, whatever ``unit``
they were stated in. ``radial_to`` is center or point where the text says which way its radial bearing runs. ``approximate``
names what is said to be more or less, ``illegible`` what could not be read. ``confidence``
is 0 to 1. ``calls`` holds the adjoiners, monuments and maps that the course calls to: in law they may go before its numbers.
"""

STEP = " | "
"""Parts the entries of one cell."""


def course_frame(rows: list[dict]) -> pd.DataFrame:
    """Rows as a course table: columns `COLUMNS`, a fresh index; what a row leaves out is null."""
    columns = {}
    for name in COLUMNS:
        values = [row.get(name) for row in rows]
        if name in TEXT_COLUMNS:
            columns[name] = pd.array([None if is_null(v) or v == "" else str(v) for v in values], dtype="str")
        elif name in ("call", "start", "end"):
            columns[name] = pd.to_numeric(pd.Series(values, dtype=object)).astype("int64")
        else:
            columns[name] = pd.to_numeric(pd.Series(values, dtype=object)).astype(float)
    return pd.DataFrame(columns, columns=list(COLUMNS))


def course_table_text(table: pd.DataFrame, *, form: str = "csv") -> str:
    """
    A course table as text that `read_course_table` reads back to the last digit.

    Parameters
    ----------
    table : DataFrame
        With `COLUMNS`.
    form : {"csv", "json"}
    """
    if form == "csv":
        return table.to_csv(index=False, lineterminator="\n")
    if form == "json":
        rows = [{k: None if is_null(v) else v for k, v in row.items()} for row in table.to_dict("records")]
        return json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False)
    raise ValueError(f"Invalid form {form!r}. Must be csv or json.")


def read_course_table(text: str) -> pd.DataFrame:
    """
    A course table from the text of a CSV or JSON file, as `course_table_text` writes it and as a person has corrected it.

    Raises
    ------
    ReadError
        If it is neither, or lacks a column.
    """
    try:
        if text.lstrip().startswith("["):
            frame = pd.DataFrame(json.loads(text))
        else:
            frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, float_precision="round_trip")
            frame = frame.replace("", None)
        missing = [name for name in COLUMNS if name not in frame]
        if missing:
            raise ReadError(
                f"The course table has no column {missing[0]}. Write it with course_table_text, correct the cells, keep "
                f"the columns."
            )
        return course_frame(frame[list(COLUMNS)].to_dict("records"))
    except (ValueError, TypeError, pd.errors.ParserError, RecursionError) as error:
        raise ReadError(
            f"The course table cannot be read: {error}. It must be CSV or JSON as course_table_text writes it."
        ) from None


def bearing_text(azimuth_deg: float) -> str:
    """A bearing as the table holds it: whole seconds where they are whole, else to a thousandth."""
    seconds = azimuth_deg * 3600
    return format_bearing(azimuth_deg, decimals=0 if abs(seconds - round(seconds)) < 1e-4 else 4)


def angle_text(angle_deg: float) -> str:
    """An angle as the table holds it."""
    seconds = angle_deg * 3600
    return format_angle(angle_deg, decimals=0 if abs(seconds - round(seconds)) < 1e-4 else 4)


def is_null(value: object) -> bool:
    """Whether a cell is empty."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA
