"""Text of outside files: encodings, lines, titles, and what counts as a number."""

import time

import numpy as np
import pyarrow as pa
import pytest

from citygis.errors import ReadError
from citygis.readers.text import decoded_text, plain_numbers, text_lines, trimmed, unique_titles


def test_plain_decimals_are_numbers_to_the_last_digit():
    sent = ["6337530.51969", "-121.276000001", " +.5 ", "5.", "1e3", "0.1", "1455644.37100"]
    assert plain_numbers(sent).tolist() == [float(cell) for cell in sent]


@pytest.mark.parametrize(
    "cell", ["", None, "nan", "inf", "-inf", "1,234.5", "1_000", "37 49 20", "0x10", "٣", "1e999", "--5", "N 5"]
)
def test_anything_else_is_no_number(cell):
    assert np.isnan(plain_numbers([cell, "1"])).tolist() == [True, False]


def test_lines_end_in_every_way_and_only_at_line_ends():
    assert text_lines("a\r\nb\rc\n\nd\u2028e\x0cf") == ["a", "b", "c", "", "d\u2028e\x0cf"]
    assert text_lines("a\n") == ["a"] and text_lines("") == []


def test_titles_are_named_and_made_unique():
    assert unique_titles(["E ", "", "E", "E"]) == ["E", "column_2", "E_2", "E_3"]


def test_blank_cells_are_null():
    assert trimmed(pa.array([" a ", "  ", "", None])).to_pylist() == ["a", None, None, None]


def test_a_byte_without_meaning_is_one_refusal_with_its_place(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc\x81")
    with pytest.raises(ReadError, match=r"a\.txt: byte 3 is neither UTF-8 nor cp1252"):
        decoded_text(path, shown="a.txt")


def test_hundreds_of_thousands_of_titles_of_one_name_are_told_apart_at_once():
    began = time.process_time()
    titles = unique_titles(["E"] * 200_000)
    assert titles[-1] == "E_200000" and len(set(titles)) == 200_000
    assert time.process_time() - began < 5
