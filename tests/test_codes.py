"""Every finding code that the program can tell is documented, with what to do, and no other code is."""

import ast
import re
import tomllib
from functools import cache

import pytest
from conftest import ROOT
from docs_script import make_docs

NOT_CODES = {"A99": "a flood zone of FEMA", "W84": "the name of WGS 84 in NMEA 0183, sentence DTM"}
"""Texts of the form of a code that are something else; each still occurs in the program."""

DEMONSTRATION = {"citygis/jobs/picture.py": {"Z00"}}
"""Codes that a module makes for the look of a picture and tells nobody."""

CODE = re.compile(r"[A-Z]\d\d")


def told_in_python() -> dict[str, set[str]]:
    """Every text constant of the program that has the form of a code, with the files it stands in."""
    told: dict[str, set[str]] = {}
    for path in sorted((ROOT / "citygis").rglob("*.py")):
        if "samples" in path.relative_to(ROOT).parts:  # what is planted is told by others
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                told.setdefault(node.value, set()).add(path.relative_to(ROOT).as_posix())
    return told


def told_in_toml() -> set[str]:
    """The values of `code` in the program's TOML files, and tables that are called as a code."""
    told: set[str] = set()

    def look(value):
        if isinstance(value, dict):
            told.update(key for key in value if CODE.fullmatch(key) and isinstance(value[key], dict))
            if isinstance(value.get("code"), str) and CODE.fullmatch(value["code"]):
                told.add(value["code"])
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    for path in sorted((ROOT / "citygis").rglob("*.toml")):
        look(tomllib.loads(path.read_text(encoding="utf-8")))
    return told


@pytest.fixture(scope="module")
def table():
    return make_docs().code_table()


@cache
def in_the_program() -> set[str]:
    """Codes of findings: what has their form, without what is none."""
    python = told_in_python()
    told = {code for code, files in python.items() if any(code not in DEMONSTRATION.get(file, ()) for file in files)}
    return (told | told_in_toml()) - set(NOT_CODES)


def test_every_code_of_the_program_is_documented(table):
    assert in_the_program() - set(table) == set()


def test_no_documented_code_is_invented(table):
    assert set(table) - in_the_program() == set()


def test_every_code_says_what_it_means_why_it_matters_and_what_to_do(table):
    for code, told in table.items():
        assert told[0]["why"], code
        for each in told:
            assert len(each["means"]) > 8 and len(each["do"]) > 5, (code, each["name"])


def test_the_written_part_repeats_nothing_of_the_catalogues():
    from citygis.quality.rules import RULES
    from citygis.sync.codes import all_codes

    written = tomllib.loads((ROOT / "docs" / "codes.toml").read_text(encoding="utf-8"))
    for code, said in written["codes"].items():
        assert set(said) == ({"why"} if code in RULES else {"means", "why", "do"}), code
        assert code not in all_codes(), code
        assert code[0] in written["families"], code


def test_every_code_has_an_anchor_on_the_page_of_its_letter(table):
    pages = make_docs().code_pages()
    for code in table:
        assert f"{{#{code.lower()}}}" in pages[f"codes/{code[0]}.md"], code
        assert f"({code[0]}.md#{code.lower()})" in pages["codes/index.md"], code
