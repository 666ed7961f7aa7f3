"""Where clauses made into conditions: by hand, and never a value or a name in the text of the SQL."""

import sqlite3

import pytest

from citygis.rehearsal.where import Column, condition

KINDS = {"apn": "esriFieldTypeString", "n": "esriFieldTypeInteger", "at": "esriFieldTypeDate", "day": "esriFieldTypeDateOnly",
         "id": "esriFieldTypeGUID"}  # fmt: skip


def column(name):
    return Column(f"c_{name.lower()}", (), KINDS[name.lower()])


@pytest.mark.parametrize(
    ("text", "sql", "values"),
    [
        ("1=1", "? = ?", [1, 1]),
        ("", "1", []),
        ("APN = 'O''Neil'", "c_apn = ?", ["O'Neil"]),
        ("n >= -2.5 AND n<>7", "c_n >= ? AND c_n <> ?", [-2.5, 7]),
        ("at > TIMESTAMP '1970-01-01 00:00:01.5'", "c_at > ?", [1500]),
        ("at = '1969-12-31'", "c_at = ?", [-86_400_000]),
        ("day <= DATE '2024-02-29'", "c_day <= ?", ["2024-02-29"]),
        ("id = '11111111-aaaa-2222-bbbb-333333333333'", "c_id = ?", ["{11111111-AAAA-2222-BBBB-333333333333}"]),
        ("n in (1, 2,3)", "c_n IN (SELECT value FROM json_each(?))", ["[1, 2, 3]"]),
        ("NOT (apn IS NULL OR UPPER(apn) LIKE 'A%')", "NOT ((c_apn IS NULL OR UPPER(c_apn) LIKE ?))", ["A%"]),
        ("\"APN\" not between 'a' and 'b'", "c_apn NOT BETWEEN ? AND ?", ["a", "b"]),
        ("'x' = apn", "? = c_apn", ["x"]),
    ],
)
def test_a_clause_becomes_a_condition_with_its_values_apart(text, sql, values):
    assert condition(text, column) == (sql, values)


REFUSED = [
    "apn = 'x",
    "apn ==",
    "apn",
    "apn = 1; DELETE FROM x",
    "apn = (SELECT 1)",
    "sqlite_version() = 1",
    "n = 1 n",
    "n IN ()",
    "n IN (apn)",
    "at > TIMESTAMP 'soon'",
    "n = NULL",
    "(" * 100 + "n=1" + ")" * 100,
    "NOT " * 100 + "n=1",
    "n = 1 -- x",
    "-apn = 1",
    "n = 99999999999999999999",
]


@pytest.mark.parametrize("text", REFUSED, ids=[text[:24] for text in REFUSED])
def test_anything_else_is_refused(text):
    with pytest.raises((ValueError, KeyError)):
        condition(text, column)


def test_many_values_are_one_parameter_and_a_text_cannot_leave_its_quotes():
    file = sqlite3.connect(":memory:")
    file.execute("CREATE TABLE t (c_apn TEXT)")
    names = [f"x'); DROP TABLE t; --{i}" for i in range(50_000)]
    file.execute("INSERT INTO t VALUES (?)", (names[7],))
    listed = ",".join("'" + name.replace("'", "''") + "'" for name in names)
    sql, values = condition(f"apn IN ({listed})", column)
    assert len(values) == 1
    assert file.execute(f"SELECT * FROM t WHERE {sql}", values).fetchall() == [(names[7],)]
