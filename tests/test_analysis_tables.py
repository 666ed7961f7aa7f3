"""Tables of business systems: text that keeps its zeros, workbooks, databases that are only read."""

import datetime
import sqlite3

import openpyxl
import pytest

from citygis.analysis import tables
from citygis.analysis.request import Request, keywords, question
from citygis.analysis.tables import read_table, told
from citygis.city import default_city
from citygis.errors import AnalysisError, ReadError


def workbook(path, rows, formats=()):
    book = openpyxl.Workbook()
    page = book.active
    for row in rows:
        page.append(row)
    for cell, shape in dict(formats).items():
        page[cell].number_format = shape
    book.save(path)
    return path


def database(path, rows=(("00191074", 12.5), ("00191075", None))):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE permit (apn TEXT, fee REAL)")
        connection.executemany("INSERT INTO permit VALUES (?, ?)", rows)
    connection.close()
    return path


def test_a_csv_is_text_without_the_columns_of_the_reader(tmp_path):
    (tmp_path / "t.csv").write_text("apn,fee,note\n00191074,1.00,\n00191075,2.50,=1+1\n", encoding="utf-8")
    table = read_table("t.csv", folder=tmp_path)
    assert table.columns.tolist() == ["apn", "fee", "note"]
    assert table["apn"].tolist() == ["00191074", "00191075"] and table["note"].isna().tolist() == [True, False]
    assert told(table) == ()


def test_a_row_of_a_csv_that_is_too_short_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("apn,fee\n00191074\n00191075,2\n", encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    assert len(table) == 2 and "row 1" in told(table)[0] and "1 rows were not read" in told(table)[1]


def test_numbers_of_a_workbook_that_are_shown_with_zeros_keep_them_and_it_is_told(tmp_path):
    rows = [["apn", "zip", "plain"], [191074, 1234, 7], [19101001, 95000, 7.5]]
    path = workbook(tmp_path / "t.xlsx", rows, {"A2": "00000000", "A3": "000-000-00", "B2": "00000"})
    table = read_table(path)
    assert table["apn"].tolist() == ["00191074", "191-010-01"]
    assert table["zip"].tolist() == ["01234", "95000"] and table["plain"].tolist() == ["7", "7.5"]
    assert any("1 numbers in 'apn' were shown with zeros" in each for each in told(table))


def test_parcel_numbers_kept_as_plain_numbers_are_told_to_have_lost_their_zeros(tmp_path):
    table = read_table(workbook(tmp_path / "t.xlsx", [["APN", "n"], [191074, 1]]))
    assert table["APN"].tolist() == ["191074"]
    assert any("zeros before them, if there were any, are lost" in each for each in told(table))


def test_days_truth_values_and_errors_of_a_workbook(tmp_path):
    day, moment = datetime.date(2026, 3, 1), datetime.datetime(2026, 3, 1, 8, 30)
    table = read_table(workbook(tmp_path / "t.xlsx", [["a", "b", "c", "d"], [day, moment, True, "#N/A"], [None, " ", None, "x"]]))
    assert table.iloc[0, :3].tolist() == ["2026-03-01", "2026-03-01 08:30:00", "true"]
    assert table["d"].isna().tolist() == [True, False] and table["b"].isna().tolist() == [False, True]
    assert any("1 cells hold an error" in each and "D2" in each for each in told(table))


def test_a_formula_without_a_saved_value_is_told_by_its_cell(tmp_path):
    table = read_table(workbook(tmp_path / "t.xlsx", [["a", "b"], ["x", "=1+1"], ["y", None]]))
    assert table["b"].isna().all()
    assert any("1 formulas have no saved value: B2" in each for each in told(table))


def test_the_first_worksheet_that_is_visible_is_read_and_the_others_are_told(tmp_path):
    book = openpyxl.Workbook()
    book.active.title, book.active.sheet_state = "old", "hidden"
    for name in ("new", "more"):
        book.create_sheet(name).append(["a"])
        book[name].append([name])
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert table["a"].tolist() == ["new"] and "not 'more'" in told(table)[0]
    assert read_table(tmp_path / "t.xlsx", sheet="more")["a"].tolist() == ["more"]
    with pytest.raises(ReadError, match="no worksheet 'x'"):
        read_table(tmp_path / "t.xlsx", sheet="x")


def test_what_is_no_workbook_or_too_large_is_refused(tmp_path, monkeypatch):
    (tmp_path / "t.xlsx").write_bytes(b"PK not a zip")
    (tmp_path / "t.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    for name, match in (
        ("t.xlsx", "no XLSX workbook|not a zip|damaged"),
        ("t.xls", "Save it as XLSX"),
        ("gone.csv", "is not there"),
    ):
        with pytest.raises(ReadError, match=match):
            read_table(name, folder=tmp_path)
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    with pytest.raises(ReadError, match="more than 2 rows"):
        read_table(workbook(tmp_path / "many.xlsx", [["a"], ["1"], ["2"], ["3"]]))
    with pytest.raises(ReadError, match="more than 2 rows"):
        read_table(f"sqlite:///{database(tmp_path / 'd.db', [('1', 1)] * 3).name}#permit", folder=tmp_path)
    monkeypatch.setattr(tables, "LARGEST_BYTES", 3)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ReadError, match="are refused"):
        read_table(tmp_path / "t.csv")


def test_a_database_is_asked_by_the_name_of_a_table_or_by_a_select_with_bound_values(tmp_path):
    database(tmp_path / "d.db")
    table = read_table("sqlite:///d.db#permit", folder=tmp_path)
    assert table["apn"].tolist() == ["00191074", "00191075"] and table["fee"].iloc[0] == "12.5" and table["fee"].isna().iloc[1]
    hostile = "x' OR '1'='1"
    for value, rows in (("00191075", 1), (hostile, 0)):
        query = "SELECT apn FROM permit WHERE apn = :apn"
        assert len(read_table("sqlite:///d.db", query=query, values={"apn": value}, folder=tmp_path)) == rows


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM permit",
        "SELECT 1; DELETE FROM permit",
        "WITH gone AS (SELECT 1) DELETE FROM permit",
        "PRAGMA writable_schema = 1",
        "ATTACH DATABASE 'other.db' AS other",
        "",
        "nowhere",
    ],
)
def test_a_query_that_is_more_than_a_select_changes_nothing_and_is_refused(tmp_path, query):
    database(tmp_path / "d.db")
    before = (tmp_path / "d.db").read_bytes()
    with pytest.raises(ReadError):
        read_table("sqlite:///d.db", query=query, folder=tmp_path)
    assert (tmp_path / "d.db").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_postgresql_is_asked_where_nothing_can_be_written(postgis_cluster):
    import psycopg

    address = postgis_cluster.database()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE permit (apn text, fee numeric, entered date)")
        connection.execute("CREATE SEQUENCE numbers")
        connection.execute("INSERT INTO permit VALUES ('00191074', 12.50, '2026-03-01')")
    writing = [
        "WITH gone AS (DELETE FROM permit RETURNING apn) SELECT * FROM gone",
        "SELECT apn INTO mine FROM permit",
        "SELECT nextval('numbers')",
        "SELECT apn FROM permit FOR UPDATE",
    ]
    try:
        for sql in writing:
            with pytest.raises(ReadError, match="the query fails"):
                read_table(address, query=sql)
        table = read_table(address, query="SELECT * FROM permit WHERE apn = :apn", values={"apn": "00191074"})
        assert table.to_numpy().tolist() == [["00191074", "12.50", "2026-03-01"]]
    finally:
        postgis_cluster.drop(address)


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path):
    for address in ("postgresql://clerk:hush@host/permits#t", "mysql://host/permits?password=hush#t"):
        with pytest.raises(AnalysisError, match="has a password in it") as error:
            read_table(address)
        assert "hush" not in str(error.value)
    (tmp_path / "r.toml").write_text(
        'question = "join"\n[parameters]\ntable = { source = "postgresql://clerk:hush@host/d", query = "t" }\n', encoding="utf-8"
    )
    asked = Request.from_file(tmp_path / "r.toml")
    with pytest.raises(AnalysisError, match="has a password in it") as error:
        keywords(question("join"), asked.parameters, city=default_city(), folder=tmp_path)
    assert "hush" not in str(error.value)


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(ReadError, match="is not there"):
        read_table("sqlite:///none.db#permit", folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_request_file_names_a_table_with_its_query_beside_it(tmp_path):
    database(tmp_path / "d.db")
    (tmp_path / "r.toml").write_text(
        'question = "join"\n[parameters]\n'
        'table = { source = "sqlite:///d.db", query = "SELECT * FROM permit WHERE fee > :least", values = { least = 1 } }\n',
        encoding="utf-8",
    )
    asked = Request.from_file(tmp_path / "r.toml")
    assert keywords(question("join"), asked.parameters, city=default_city(), folder=tmp_path)["table"]["apn"].tolist() == [
        "00191074"
    ]
    with pytest.raises(AnalysisError, match="unknown qery"):
        keywords(question("join"), {"table": {"source": "x.csv", "qery": "t"}}, city=default_city())
