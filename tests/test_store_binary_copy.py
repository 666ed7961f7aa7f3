"""Rows in PostgreSQL's binary COPY, byte by byte."""

import datetime
import struct

from citygis.gpkg import Column
from citygis.store.binary_copy import binary_rows

UTC = datetime.UTC


def test_a_row_is_its_number_of_fields_then_each_length_and_value():
    columns = [Column("a", "integer"), Column("b", "text"), Column("c", "bytes")]
    expected = struct.pack(">h iq i2s i3s", 3, 8, -2, 2, "é".encode(), 3, b"\x01\x00\x02")
    assert bytes(binary_rows(columns, [[-2], ["é"], [b"\x01\x00\x02"]])) == expected


def test_nulls_have_length_minus_one_and_no_bytes_and_empty_text_has_length_nought():
    null = struct.pack(">i", -1)
    columns = [Column(kind, kind) for kind in ("integer", "double", "boolean", "date", "datetime", "text", "bytes")]
    rows = bytes(binary_rows(columns, [[None], [None], [None], [None], [None], [None], [None]]))
    assert rows == struct.pack(">h", 7) + null * 7
    assert bytes(binary_rows([Column("t", "text")], [[""]])) == struct.pack(">hi", 1, 0)


def test_days_and_moments_are_counted_from_the_year_2000():
    day, moment = datetime.date(1999, 12, 31), datetime.datetime(2000, 1, 1, 0, 0, 1, 5, tzinfo=UTC)
    columns = [Column("d", "date"), Column("m", "datetime")]
    assert bytes(binary_rows(columns, [[day], [moment]])) == struct.pack(">h ii iq", 2, 4, -1, 8, 1_000_005)


def test_mixed_rows_of_numbers_and_truths_keep_their_order():
    columns = [Column("x", "double"), Column("y", "boolean")]
    rows = bytes(binary_rows(columns, [[0.1, None, -0.0], [True, False, None]]))
    first = struct.pack(">h id ib", 2, 8, 0.1, 1, 1)
    second = struct.pack(">h i ib", 2, -1, 1, 0)
    third = struct.pack(">h id i", 2, 8, -0.0, -1)
    assert rows == first + second + third
