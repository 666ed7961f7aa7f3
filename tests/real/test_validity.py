"""What JTS says is valid and simple, case by case; its descriptions end in the kind of error, in parentheses."""

import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

import geopandas as gpd
import pytest
import shapely

from citygis.topology import crossings, invalid, line_overlaps

KINDS = {
    "too few distinct points": {"too_few_points"},
    "self-intersection": {"self_intersection", "ring_touches_itself"},
    "hole outside shell": {"hole_outside"},
    "nested holes": {"nested_holes"},
    "interior disconnected": {"split_inside"},
    "nested shells": {"nested_parts"},
}

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, at a coordinate that is no number


class Case(NamedTuple):
    described: str
    geometry: shapely.Geometry
    expected: bool


def cases(path, operation: str) -> list[Case]:
    """The cases of a file that ask for an operation. A document type is refused before the parser sees it, and so is any entity."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE), path.name
    found = []
    for case in ET.fromstring(text).iter("case"):
        for asked in case.iter("op"):
            assert asked.get("name") == operation
            geometry = shapely.from_wkt(case.findtext("a").strip(), on_invalid="ignore")
            found.append(Case(case.findtext("desc").strip(), geometry, asked.text.strip() == "true"))
    return found


def layer(*geometries: shapely.Geometry) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(geometries), crs="EPSG:6420")


@pytest.fixture(scope="module")
def validity(real_data) -> list[Case]:
    return cases(real_data / "validity" / "jts" / "TestValid.xml", "isValid")


@pytest.fixture(scope="module")
def simplicity(real_data) -> list[Case]:
    return cases(real_data / "validity" / "jts" / "TestSimple.xml", "isSimple")


def test_every_case_was_read(validity, simplicity):
    assert len(validity) == 87 and len(simplicity) == 44
    assert all(case.geometry is not None for case in validity + simplicity)


def test_what_jts_calls_valid_is_and_nothing_else(validity):
    broken = set(invalid(layer(*(case.geometry for case in validity)))["feature"])
    differ = [case.described for k, case in enumerate(validity) if (k in broken) == case.expected]
    assert not differ
    assert sum(case.expected for case in validity) == 36 and len(broken) == 51


def test_what_is_wrong_is_called_what_jts_calls_it(validity):
    judged = 0
    for case in validity:
        word = re.search(r"\(([^()]+)\)+$", case.described)
        if not case.expected and word and word[1] in KINDS:
            assert invalid(layer(case.geometry))["kind"][0] in KINDS[word[1]], case.described
            judged += 1
    assert judged >= 40


def test_the_place_of_an_error_lies_on_the_geometry(validity):
    for case in validity:
        if not case.expected:
            place = invalid(layer(case.geometry)).geometry[0]
            assert place is None or shapely.distance(place, case.geometry) == pytest.approx(0, abs=1e-9), case.described


def test_what_jts_calls_simple_is(simplicity):
    single = [case for case in simplicity if case.geometry.geom_type != "GeometryCollection"]
    assert len(single) >= 40
    assert not [case.described for case in single if bool(shapely.is_simple(case.geometry)) != case.expected]


def test_a_line_is_not_simple_where_it_crosses_or_runs_over_itself(simplicity):
    lines = [case for case in simplicity if "Line" in case.geometry.geom_type]
    differ = []
    for case in lines:
        meets_itself = len(crossings(layer(case.geometry))) or len(line_overlaps(layer(case.geometry)))
        if case.expected == bool(meets_itself):
            differ.append(case.described)
    # Where an end meets an end of the same feature at a third place, JTS calls it not simple; for a network it is a node.
    assert sorted(differ) == [
        "L - non-simple, intersection at Bdy/Bdy + non-vertex",
        "mL - intersection between closed and open lines",
        "mL - intersection between closed lines",
    ]
    assert len(lines) >= 25
