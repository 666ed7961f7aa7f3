"""The unit of a drawing: never what $INSUNITS says."""

import pytest

from citygis.city import default_city
from citygis.errors import CRSError
from citygis.readers.cad_units import drawing_in_feet, unit_evidence, unit_hint
from citygis.readers.dxf import read_dxf
from citygis.units import METRE, US_SURVEY_FOOT
from tests.drawings import new_drawing, saved

FOOT_M = 1200 / 3937
PLACE_FT = (6_336_369.0, 2_121_981.0)


@pytest.fixture
def city():
    city = default_city()
    if city.extent is None:
        extent = {"easting_min": 6_300_000, "northing_min": 2_090_000, "easting_max": 6_370_000, "northing_max": 2_150_000}
        city = type(city).model_validate({**city.model_dump(exclude={"crs"}), "crs": city.crs.to_string(), "extent": extent})
    return city


def drawing(folder, *, factor=1.0, insunits=1, place=PLACE_FT):
    document, msp = new_drawing()
    document.header["$INSUNITS"] = insunits
    east, north = (value * factor for value in place)
    msp.add_lwpolyline([(east, north, 0.5), (east + 100 * factor, north, 0)], format="xyb")
    msp.add_text("LOT 1", dxfattribs={"insert": (east, north), "height": 10 * factor})
    return read_dxf(saved(document, folder))


def test_the_header_is_a_hint_and_nothing_more(tmp_path, city):
    # Inches, feet, millimetres: the coordinates are in feet all the same.
    for insunits in (0, 1, 2, 4, 6):
        found = drawing(tmp_path, insunits=insunits)
        assert unit_evidence(found, city).unit == US_SURVEY_FOOT
        assert drawing_in_feet(found, city=city).lines["start_easting"].iloc[0] == PLACE_FT[0]


def test_metres_are_found_by_the_extent_of_the_city_and_become_feet(tmp_path, city):
    found = drawing(tmp_path, factor=FOOT_M, insunits=2)
    assert unit_evidence(found, city).unit == METRE
    feet = drawing_in_feet(found, city=city)
    line = feet.lines.iloc[0]
    assert (line["start_easting"], line["start_northing"]) == pytest.approx(PLACE_FT, abs=1e-6)
    # The arc of bulge 0.5 over a chord of 100: radius 100 (1 + 0.25) / (4 x 0.5).
    assert line["radius"] == pytest.approx(62.5, abs=1e-6)
    assert line["delta_deg"] == pytest.approx(106.2602, abs=1e-4)
    assert line["geometry"].length == pytest.approx(62.5 * 1.8545904, abs=0.02)
    assert feet.texts["height"].iloc[0] == pytest.approx(10)
    assert feet.unit == US_SURVEY_FOOT
    told = feet.findings[feet.findings["code"] == "K05"]
    assert "Only in metres" in told["message"].iloc[0] and list(told["severity"]) == ["review"]


def test_the_other_foot_is_told_with_its_cost(tmp_path, city):
    # 2 ppm of 6.68 million feet from the origin: 13.4 ft.
    assert "13.4 ft away" in unit_evidence(drawing(tmp_path), city).message


def test_an_international_foot_is_only_ever_stated(tmp_path, city):
    feet = drawing_in_feet(drawing(tmp_path), unit="international_foot", city=city)
    assert feet.lines["start_easting"].iloc[0] - PLACE_FT[0] == pytest.approx(-12.67, abs=0.01)


def test_a_local_drawing_has_no_unit_until_a_person_states_it(tmp_path, city):
    found = drawing(tmp_path, place=(5000.0, 5000.0), insunits=2)
    with pytest.raises(CRSError, match=r"the unit of the drawing is not known.*--unit"):
        drawing_in_feet(found, city=city)
    with pytest.raises(CRSError, match="no extent of the City"):
        drawing_in_feet(found)
    assert drawing_in_feet(found, unit="us_survey_foot").lines["start_easting"].iloc[0] == 5000


def test_a_statement_against_the_extent_is_an_error(tmp_path, city):
    told = drawing_in_feet(drawing(tmp_path), unit="metre", city=city).findings
    assert list(told.loc[told["code"] == "K05", "severity"]) == ["error"]
    with pytest.raises(ValueError, match="Invalid unit 'feet'"):
        drawing_in_feet(drawing(tmp_path), unit="feet")


def test_geodata_with_a_document_type_is_not_parsed():
    document, msp = new_drawing()
    geodata = msp.new_geodata()
    geodata.coordinate_system_definition = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><Dictionary><Alias id="2227" type="CoordinateSystem"/></Dictionary>'
    )
    hint = unit_hint(document)
    assert hint.crs is None and "refused" in hint.geodata


def test_geodata_names_a_system_and_says_whether_the_numbers_are_in_it():
    document, msp = new_drawing()
    definition = (
        '<Dictionary version="1.0"><Alias id="2227" type="CoordinateSystem"><ObjectId>CA83-IIIF</ObjectId>'
        "<Namespace>EPSG Code</Namespace></Alias><Axis><CoordinateSystemAxis><AxisOrder>1</AxisOrder>"
        "<AxisAbbreviation>E</AxisAbbreviation></CoordinateSystemAxis><CoordinateSystemAxis><AxisOrder>2</AxisOrder>"
        "<AxisAbbreviation>N</AxisAbbreviation></CoordinateSystemAxis></Axis></Dictionary>"
    )
    geodata = msp.new_geodata()
    geodata.coordinate_system_definition = definition
    geodata.dxf.horizontal_unit_scale = 1.0
    hint = unit_hint(document)
    assert hint.crs.to_epsg() == 2227 and hint.is_east_first and not hint.is_local
    geodata.dxf.reference_point = (*PLACE_FT, 0)
    assert unit_hint(document).is_local
    geodata.coordinate_system_definition = "<Dictionary"
    assert unit_hint(document).crs is None
