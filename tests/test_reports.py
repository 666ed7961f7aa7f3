"""Saved queries: read-only, bound, the same on both back ends, with totals that are checked; files that compute nothing."""

import csv
import datetime
import sqlite3
import zipfile

import openpyxl
import pytest
from store_city import AT, load, make_city, parcels, source
from store_places import contents, two_changes

from citygis.errors import SettingsError, StoreError
from citygis.reports import answer, bound, read_query, saved_queries, saved_query, write_csv, write_page, write_workbook
from citygis.reports.wording import numbered, one_statement, parameter_names


@pytest.fixture
def city(any_city):
    two_changes(any_city)
    return any_city


def query(folder, text, name="q"):
    path = folder / f"{name}.sql"
    path.write_text(text, encoding="utf-8")
    return read_query(path)


# --- the words of a query -----------------------------------------------------------------------------------------------------


def test_parameters_are_found_outside_of_texts_names_comments_and_casts():
    sql = """SELECT ':no', "a:no", x::date, a[1:2], :yes, :yes, $q$ :no $q$ -- :no
             /* :no */ FROM t WHERE b = :_also_2"""
    assert parameter_names(sql) == ["yes", "_also_2"]
    text, names = numbered("SELECT :b, ':a', :a, :b::int")
    assert (text, names) == ("SELECT $1, ':a', $2, $1::int", ["b", "a"])


@pytest.mark.parametrize(
    "sql", ["SELECT 1; DROP TABLE parcel", "SELECT ';'; SELECT 2", "SELECT 1;;SELECT 2", "SELECT 1 /* ; */; x"]
)
def test_two_statements_are_refused(sql):
    with pytest.raises(SettingsError, match="more than one statement"):
        one_statement(sql, "q.sql")


@pytest.mark.parametrize("sql", ["SELECT 'abc", 'SELECT "abc', "SELECT 1 /* abc"])
def test_what_is_not_closed_is_refused(sql):
    with pytest.raises(SettingsError, match="not closed"):
        one_statement(sql, "q.sql")


@pytest.mark.parametrize("sql", ["", " ; ", "-- only words", "/* nothing */;"])
def test_nothing_is_no_query(sql):
    with pytest.raises(SettingsError, match="no statement"):
        one_statement(sql, "q.sql")


def test_a_semicolon_at_the_end_and_in_texts_is_no_second_statement():
    assert one_statement("SELECT ';' ; -- done\n", "q") == "SELECT ';' "


def test_a_misspelt_key_is_told_with_what_was_meant(tmp_path):
    with pytest.raises(SettingsError, match=r"unknown key `totl`\. Did you mean `total`"):
        query(tmp_path, "-- totl: acres\nSELECT 1 AS acres")


@pytest.mark.parametrize(
    ("line", "said"),
    [("year int", "must be NAME TYPE"), ("year", "must be NAME TYPE"), ("other text", "is not used")],
)
def test_a_parameter_line_that_does_not_say_what_it_must_is_refused(tmp_path, line, said):
    with pytest.raises(SettingsError, match=said):
        query(tmp_path, f"-- parameter: {line}\nSELECT :year AS y")


def test_values_are_what_their_types_say(tmp_path):
    head = "-- parameter: a integer\n-- parameter: b number = 2.5; how much\n-- parameter: c date\n-- parameter: d boolean = no\n"
    text = f"{head}SELECT :a, :b, :c, :d, :e"
    asked = query(tmp_path, text)
    given = {"a": "7", "c": "2026-01-31", "e": "O'Hara; DROP"}
    assert bound(asked, given) == {"a": 7, "b": 2.5, "c": datetime.date(2026, 1, 31), "d": False, "e": "O'Hara; DROP"}
    for wrong in ({"a": "7.5"}, {"b": "nan"}, {"c": "31.1.2026"}, {"d": "perhaps"}):
        with pytest.raises(SettingsError, match="Invalid"):
            bound(asked, given | wrong)
    with pytest.raises(SettingsError, match="asks for a"):
        bound(asked, {"c": "2026-01-31", "e": ""})
    with pytest.raises(SettingsError, match=r"no parameter cc\. Did you mean c"):
        bound(asked, given | {"cc": "1"})


# --- asking -------------------------------------------------------------------------------------------------------------------


def test_every_query_that_comes_with_citygis_is_answered_and_its_controls_agree(city):
    names = list(saved_queries(city))
    assert len(names) >= 5
    for name in names:
        found = answer(saved_query(name, city), city)
        assert found.agrees and found.query.controls and found.query.description, name
        assert found.change == 2 and found.columns


def test_totals_are_those_counted_by_hand(city):
    # 30 parcels of 80 by 100 ft as convert states them; every seventh is the City's: 0, 7, 14, 21, 28.
    kinds = answer(saved_query("parcels_by_kind", city), city)
    assert kinds.rows == [("FEE", 30, pytest.approx(30 * 8000 / 43560), 8000.0)]
    assert kinds.totals == {"parcels": 30, "acres": pytest.approx(5.50964187)}
    owned = answer(saved_query("city_owned_land", city), city, {"least_acres": "0.1"})
    assert len(owned.rows) == 5 and owned.controls[0].control == 5
    assert answer(saved_query("city_owned_land", city), city, {"least_acres": "0.2"}).rows == []


def test_days_and_moments_are_texts_and_a_day_is_bound_as_one(city):
    found = answer(saved_query("changes", city), city, {"since": "2026-02-01"})
    assert [row[0] for row in found.rows] == [2]
    assert found.rows[0][1].startswith("2026-05-01T16:00:00.123") and found.rows[0][1].endswith("Z")


def test_a_value_is_bound_and_never_becomes_sql(city, tmp_path):
    asked = query(tmp_path, "SELECT apn FROM parcel WHERE situs_text = :address")
    assert len(answer(asked, city, {"address": "7 FIRST ST"}).rows) == 1
    assert answer(asked, city, {"address": "x' OR '1'='1"}).rows == []


def test_a_control_that_does_not_agree_says_so(city, tmp_path):
    asked = query(tmp_path, "-- control: n = SELECT count(*) + 1 FROM parcel\nSELECT count(*) AS n FROM parcel")
    found = answer(asked, city)
    assert not found.agrees and found.controls[0] == ("n", 30, 31, False)


def test_a_total_within_a_billionth_agrees_and_beyond_does_not(city, tmp_path):
    for error, agrees in ((0.5e-9, True), (2e-9, False)):
        asked = query(tmp_path, f"-- control: n = SELECT 1000000.0 * (1 + {error:.1e})\nSELECT 1000000.0 AS n")
        assert answer(asked, city).agrees is agrees


def test_geometry_is_left_out_and_told(city, tmp_path):
    found = answer(query(tmp_path, "SELECT * FROM parcel WHERE fid < 3 ORDER BY fid"), city)
    assert "geom" not in found.columns and "apn" in found.columns and len(found.rows) == 2
    assert found.remarks == ("Left out, because a table cannot hold geometry: geom.",)


def test_the_same_query_gives_the_same_rows_on_both_back_ends(any_city, tmp_path):
    # The expected rows are written here, so both have to agree with them.
    load(any_city, {"parcel": parcels(2), "source_document": source()})
    sql = "SELECT apn, city_owned, calc_area_sqft, roll_year, tx_from, legal_from, note FROM parcel ORDER BY apn"
    first, second = answer(query(tmp_path, sql), any_city).rows
    assert first[0] == "10000000" and bool(first[1]) is True and bool(second[1]) is False
    assert first[2:] == (8000.0, 2026, "2026-01-31T16:00:00.123Z", None, None)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM parcel",
        "UPDATE parcel SET note = 'x'",
        "INSERT INTO citygis_meta VALUES ('a', 'b')",
        "DROP TABLE parcel",
        "CREATE TABLE mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)",
        "WITH gone AS (SELECT 1) DELETE FROM parcel",
        "BEGIN",
        "COMMIT",
        "VACUUM",
    ],
)
def test_whatever_would_do_more_than_read_is_refused(city, tmp_path, sql):
    before = contents(city)
    with pytest.raises(StoreError):
        answer(query(tmp_path, sql), city)
    assert contents(city) == before


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH DATABASE '{other}' AS o",
        "PRAGMA writable_schema = ON",
        "PRAGMA table_info(parcel)",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_table_info('parcel')",
    ],
)
def test_sqlite_gives_no_way_out_of_the_file(tmp_path, sql):
    city = make_city(tmp_path / "city")
    two_changes(city)
    other = tmp_path / "other.db"
    sqlite3.connect(other).close()
    with pytest.raises(StoreError):
        answer(query(tmp_path, sql.format(other=other)), city)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY parcel TO PROGRAM 'cat'",
        "SELECT setval(pg_get_serial_sequence('parcel', 'fid'), 1)",
        "WITH gone AS (DELETE FROM parcel RETURNING 1) SELECT * FROM gone",
        "SELECT 1 FROM parcel FOR UPDATE",
        "SELECT 1 INTO mine",
    ],
)
def test_postgresql_gives_no_way_to_write(postgis_cluster, tmp_path, sql):
    city = make_city(tmp_path / "city", store=postgis_cluster.database())
    two_changes(city)
    with pytest.raises(StoreError):
        answer(query(tmp_path, sql), city)
    assert len(answer(saved_query("parcels_by_kind", city), city).rows) == 1


def test_the_spatial_index_may_be_asked(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    sql = "SELECT count(*) AS n FROM parcel JOIN rtree_parcel_geom r ON r.id = fid WHERE r.minx < :east"
    found = answer(query(tmp_path, f"-- parameter: east number\n{sql}"), city, {"east": "6300150"})
    assert found.rows == [(2,)]


def test_a_query_without_end_is_stopped(city, tmp_path):
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
    with pytest.raises(StoreError, match="was stopped"):
        answer(query(tmp_path, sql), city, timeout_s=0.5)


@pytest.mark.parametrize(
    ("sql", "error", "said"),
    [
        ("SELECT nothing FROM parcel", StoreError, "nothing"),
        ("SELECT 1 AS a, 2 AS a", StoreError, "named 'a'"),
        ("-- total: b\nSELECT 1 AS a", SettingsError, "no column 'b' to total"),
        ("-- total: apn\nSELECT apn FROM parcel", SettingsError, "Total a column of numbers"),
        ("-- control: rows = SELECT apn FROM parcel\nSELECT 1 AS a", SettingsError, "must give one number"),
    ],
)
def test_a_query_that_cannot_be_a_report_is_one_clear_error(city, tmp_path, sql, error, said):
    with pytest.raises(error, match=said):
        answer(query(tmp_path, sql), city)


def test_without_a_store_nothing_is_asked_and_none_is_made(tmp_path):
    city = make_city(tmp_path / "city")
    with pytest.raises(StoreError, match="not there yet"):
        answer(saved_query("parcels_by_kind", city), city)
    assert not city.store_path.exists()


def test_the_citys_own_query_takes_precedence(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    (city.folder / "reports").mkdir()
    (city.folder / "reports" / "changes.sql").write_text("SELECT 'ours' AS whose")
    assert answer(saved_query("changes", city), city).rows == [("ours",)]
    with pytest.raises(SettingsError, match="Did you mean 'changes'"):
        saved_query("change", city)


# --- writing ------------------------------------------------------------------------------------------------------------------

NASTY = ("=1+1", "+1-209-555-0100", "@SUM(A1)", "-cmd|' /C calc'!A0", "<script>alert(1)</script>", "a\x07b", "plain")


def nasty(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    values = ", ".join("({}, '{}', {})".format(i, text.replace("'", "''"), i - 1.5) for i, text in enumerate(NASTY))
    head = "-- title: <b>Nasty</b>\n-- total: n\n"
    sql = f"{head}SELECT column1 AS i, column2 AS words, column3 AS n FROM (VALUES {values}) ORDER BY 1"
    return answer(query(tmp_path, sql), city, at=AT)


def test_a_workbook_holds_text_as_text_whatever_it_begins_with(tmp_path):
    found = nasty(tmp_path)
    remarks = write_workbook(tmp_path / "a.xlsx", found)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    cells = [row[1] for row in book["Report"].iter_rows(min_row=2, max_row=8)]
    assert [cell.value for cell in cells] == [text.replace("\x07", "\ufffd") for text in NASTY]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [row[2].value for row in book["Report"].iter_rows(min_row=2, max_row=8)] == [i - 1.5 for i in range(7)]
    assert remarks == ["1 texts hold control characters, which a workbook cannot; a replacement sign stands for each."]
    with zipfile.ZipFile(tmp_path / "a.xlsx") as packed:
        assert b"<f>" not in packed.read("xl/worksheets/sheet1.xml")


def test_a_workbook_ends_with_its_totals_and_says_where_it_comes_from(tmp_path):
    found = nasty(tmp_path)
    write_workbook(tmp_path / "a.xlsx", found)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert [cell.value for cell in book["Report"][9]] == ["Total", None, sum(i - 1.5 for i in range(7))]
    about = {row[0].value: row[1].value for row in book["Control"].iter_rows()}
    assert about["Rows"] == 7 and about["Total of n"] == 10.5 and about["SHA-256 of the SQL"] == found.sql_sha256
    assert about["Last change in it"].startswith("2, 2026-05-01") and about["SQL"] == found.query.sql.replace("\x07", "\ufffd")


def test_the_same_answer_gives_the_same_bytes(tmp_path):
    found = nasty(tmp_path)
    for writer, suffix in ((write_workbook, "xlsx"), (write_page, "html"), (write_csv, "csv")):
        writer(tmp_path / f"a.{suffix}", found)
        writer(tmp_path / f"b.{suffix}", found)
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
        with pytest.raises(StoreError, match="--overwrite"):
            writer(tmp_path / f"a.{suffix}", found)


def test_long_numbers_and_long_texts_lose_nothing_silently(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    found = answer(query(tmp_path, f"SELECT 12345678901234567 AS id, '{'x' * 32768}' AS words, 999999999999999 AS fits"), city)
    remarks = write_workbook(tmp_path / "a.xlsx", found)
    row = [cell.value for cell in openpyxl.load_workbook(tmp_path / "a.xlsx")["Report"][2]]
    assert row == ["12345678901234567", "x" * 32767, 999999999999999]
    assert remarks == ["1 texts are longer than the 32,767 characters of a cell and were cut there."]


def test_more_rows_than_a_worksheet_has_are_refused(tmp_path):
    found = nasty(tmp_path)
    with pytest.raises(StoreError, match="more than a worksheet holds"):
        write_workbook(tmp_path / "a.xlsx", found._replace(rows=[found.rows[0]] * 1_048_576))
    assert not (tmp_path / "a.xlsx").exists()


def test_a_csv_holds_no_formula_and_says_what_it_guarded(tmp_path):
    found = nasty(tmp_path)
    remarks = write_csv(tmp_path / "a.csv", found)
    lines = list(csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert lines[0] == ["i", "words", "n"]
    assert [line[1] for line in lines[1:5]] == ["'" + text for text in NASTY[:4]]
    assert lines[1][2] == "-1.5" and lines[7][1] == "plain"
    assert remarks[0].startswith("4 texts begin like a formula")


def test_a_page_escapes_what_it_is_given_and_fetches_nothing(tmp_path):
    found = nasty(tmp_path)
    write_page(tmp_path / "a.html", found)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text and "&lt;b&gt;Nasty" in text
    assert "http:" not in text and "https:" not in text and "src=" not in text
    assert "10.50" in text and ">Total</td>" in text
