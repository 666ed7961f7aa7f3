"""
The exercises of the training path, and their answers: worked out from the truth of the sample data when they are asked for.

::

    python scripts/training.py                         # the exercises, in their order
    python scripts/training.py check deliveries 12     # right: exit code 0; wrong: 1, with a hint

No answer is written down anywhere: each is derived from the files that the sample city is made with (`truth.json`), never by the
commands that the exercise is about.
"""

import argparse
import contextlib
import json
import math
import re
import sqlite3
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SAMPLE = Path(__file__).parents[1] / "sample_data"
SUBJECT = "19201073"
DISTANCE_FT = 300.0


class Exercise(NamedTuple):
    """
    One exercise: what is asked, where to look again, and a function that gives every right answer.

    A number is right within ``within``; a text is compared without case, blanks and hyphens.
    """

    question: str
    hint: str
    answers: Callable[[], set[str]]
    within: float = 0.0


def _truth(*parts: str) -> dict:
    return json.loads(SAMPLE.joinpath(*parts, "truth.json").read_text(encoding="utf-8"))


def _planted(delivery: str) -> list[dict]:
    return [each for each in _truth("deliveries")["defects"] if each["delivery"] == delivery]


def _quarantined() -> set[str]:
    return {str(sum(each["expect"] in ("quarantine", "both") for each in _planted("county_parcels_2026q3.zip")))}


def _wrong_mark() -> set[str]:
    return {each["mark"] for each in _truth("gps_day")["files"]["emlid_20261016.csv"]["cases"] if each["case"] == "wrong_mark"}


def _lot_area() -> set[str]:
    return {str(_truth("survey")["lots"]["7"]["area_sqft"])}


def _missing_digit() -> set[str]:
    name = "faulty_09_transposed.txt"
    stated = {float(number) for number in re.findall(r"OF ([\d.]+) FEET", (SAMPLE / "survey" / "deeds" / name).read_text())}
    return {str(leg["distance_ft"]) for leg in _truth("survey", "deeds")[name]["legs"] if leg["distance_ft"] not in stated}


def _number_twice() -> set[str]:
    return {each["key"] for each in _planted("county_parcels_2026q3.zip") if each["kind"] == "duplicate_apn"}


def _splits() -> set[str]:
    return {str(sum(each["change"] == "SPLIT" for each in _truth("deliveries")["changes"]))}


def _children() -> set[str]:
    split = next(each for each in _truth("deliveries")["changes"] if each["change"] == "SPLIT" and each["old"] == ["19102012"])
    return set(split["new"])


def _inches() -> set[str]:
    sheet = tomllib.loads((SAMPLE.parent / "citygis" / "sheets" / "templates" / "parcel_map.toml").read_text(encoding="utf-8"))
    return {str(250 / float(re.fullmatch(r"1in=(\d+)ft", sheet["scale"])[1]))}


def _neighbours() -> set[str]:
    """By hand: the distance of every parcel in the City's file, the subject itself left out."""
    import pyogrio
    import shapely

    parcels = pyogrio.read_dataframe(SAMPLE / "city" / "city_base.gpkg", layer="parcel", columns=["apn"])
    subject = shapely.union_all(parcels.geometry[parcels["apn"] == SUBJECT].to_numpy())
    near = (parcels.geometry.distance(subject) <= DISTANCE_FT) & (parcels["apn"] != SUBJECT)
    return {str(parcels.loc[near, "apn"].nunique())}


def _condominiums() -> set[str]:
    """How many rows the City's file has of them: what is sent once must be there once."""
    with contextlib.closing(sqlite3.connect((SAMPLE / "city" / "city_base.gpkg").as_uri() + "?mode=ro", uri=True)) as file:
        return {str(file.execute("SELECT count(*) FROM parcel WHERE parcel_kind = 'CONDO'").fetchone()[0])}


EXERCISES: dict[str, Exercise] = {
    "deliveries": Exercise(
        "How many rows of county_parcels_2026q3.zip go to the quarantine?",
        "citygis convert prints the rows in, in the layer, and in quarantine.",
        _quarantined,
    ),
    "gps": Exercise(
        "One point of emlid_20261016.csv is not the mark it is named after. Which name does it have?",
        "citygis gps with the frame stated holds each mark against its record; M01 tells the one that is far off.",
        _wrong_mark,
    ),
    "tract": Exercise(
        "How many square feet has lot 7 of Tract 3999, to the nearest foot?",
        "The courses of the LandXML have it; areas of curves are those of arcs, not of chords.",
        _lot_area,
        within=0.5,
    ),
    "deed": Exercise(
        "In faulty_09_transposed.txt a digit of one distance is missing. What should the distance be, in feet?",
        "citygis deed names the likeliest slip with the misclosure (L08).",
        _missing_digit,
        within=0.005,
    ),
    "quality": Exercise(
        "Which parcel number stands twice in county_parcels_2026q3.zip?",
        "citygis validate on what convert made: rule A06.",
        _number_twice,
    ),
    "changes": Exercise(
        "How many parcels did the county split between the third and the fourth quarter?",
        "Convert the fourth quarter, then citygis diff against the City.",
        _splits,
    ),
    "lineage": Exercise(
        "Parcel 191-020-12 was split. Name one of its children.",
        "citygis diff prints old and new numbers of each split; after --apply, citygis lineage does.",
        _children,
    ),
    "sheets": Exercise(
        "How many inches on paper are 250 feet on the ground on the sheet parcel_map.toml?",
        "citygis sheet prints the scale that it measured in the file.",
        _inches,
        within=0.001,
    ),
    "notice": Exercise(
        "How many parcels lie within 300 ft of 192-010-73, itself not counted, in sample_data/city/city_base.gpkg?",
        "citygis analyze notice ... --from sample_data/city/city_base.gpkg; count the rows that are `within`.",
        _neighbours,
    ),
    "sync": Exercise(
        "The reply to the first batch is lost. How many condominiums does the layer hold after citygis sync apply?",
        "citygis sync verify reads the layer back: each feature once, whatever became of the reply.",
        _condominiums,
    ),
}
"""In the order of the path."""


def is_right(name: str, answer: str) -> bool:
    """
    Whether an answer is right.

    Raises
    ------
    KeyError
        If there is no such exercise.
    """
    exercise = EXERCISES[name]
    right = exercise.answers()
    if exercise.within:
        try:
            number = float(answer.replace(",", ""))
        except ValueError:
            return False
        return any(math.isclose(number, float(each), rel_tol=0, abs_tol=exercise.within) for each in right)
    return _plain(answer) in {_plain(each) for each in right}


def _plain(text: str) -> str:
    return re.sub(r"[\s,-]", "", text).casefold()


def main(arguments: list[str] | None = None) -> int:
    """List the exercises, or check an answer."""
    parser = argparse.ArgumentParser(description="The exercises of the training path.")
    commands = parser.add_subparsers(dest="command")
    check = commands.add_parser("check", help="check an answer")
    check.add_argument("exercise", choices=EXERCISES)
    check.add_argument("answer")
    said = parser.parse_args(arguments)
    if said.command is None:
        for name, exercise in EXERCISES.items():
            print(f"{name:<12}{exercise.question}")
        return 0
    if is_right(said.exercise, said.answer):
        print("Right.")
        return 0
    print(f"Not yet. {EXERCISES[said.exercise].hint}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
