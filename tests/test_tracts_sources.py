"""The same map from each file it comes in."""

import ezdxf
import numpy as np
import pytest
import tract_maps
from landxml_files import E0, N0, landxml, parcel, polygon
from store_city import make_city

from citygis.city import default_city
from citygis.errors import CRSError, ReadError
from citygis.exports import write_dxf
from citygis.tracts.plat import edge_courses, exact_areas_sqft
from citygis.tracts.sources import read_plat
from citygis.units import INTERNATIONAL_FOOT, US_SURVEY_FOOT


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    return tract_maps.landxml(folder / "t.xml"), tract_maps.dxf(folder / "t.dxf")


def areas(plat):
    found = exact_areas_sqft(plat, edge_courses(plat.edges, plat.corners))
    return {name: area for name, area in zip(plat.lots["lot"], found, strict=True) if isinstance(name, str)}


def test_landxml_and_dxf_of_one_map_have_the_same_corners_and_lots(files):
    xml, dxf = (read_plat(path, city=default_city(), unit=US_SURVEY_FOOT) for path in files)
    assert len(xml.corners) == len(dxf.corners) == 23
    assert np.abs(xml.corners - dxf.corners).max() < 1e-5
    assert areas(xml) == {name: pytest.approx(area, abs=0.001) for name, area in areas(dxf).items()}
    assert areas(dxf) == {name: pytest.approx(area, abs=0.001) for name, area in tract_maps.exact_areas().items()}


def test_ground_between_lots_is_a_figure_without_a_number_and_the_boundary_none(files):
    for path in files:
        plat = read_plat(path, city=default_city(), unit=US_SURVEY_FOOT)
        assert plat.lots["kind"].value_counts().to_dict() == {"lot": 8, "unnumbered": 1}


def test_the_south_line_of_the_map_is_cut_where_its_own_lots_meet_it_and_its_record_is_not_given_to_the_parts(files):
    plat = read_plat(files[0], city=default_city())
    outer = plat.edges[(plat.edges["left"] < 0) | (plat.edges["right"] < 0)]
    assert len(outer) == 17
    # The lots state the parts; the boundary states the whole, which no edge is.
    assert plat.edges["record_length_ft"].max() < 600


def test_a_map_without_its_unit_is_refused(files):
    with pytest.raises(CRSError, match="--unit ft_us, ft or m"):
        read_plat(files[1], city=default_city())


def test_international_feet_become_the_citys(files):
    survey, foreign = (read_plat(files[1], city=default_city(), unit=unit) for unit in (US_SURVEY_FOOT, INTERNATIONAL_FOOT))
    # 2 ppm of 6.34 million feet: 12.68 ft (reference, 1.4).
    assert (survey.corners - foreign.corners)[:, 0].mean() == pytest.approx(12.68, abs=0.01)


def test_a_drawing_without_lots_is_refused_with_what_to_ask_for(tmp_path):
    path = tmp_path / "one.dxf"
    write_dxf(path, {"BOUNDARY": (tract_maps.outline(),)}, unit=US_SURVEY_FOOT)
    with pytest.raises(ReadError, match="no lot with a number closes"):
        read_plat(path, city=default_city(), unit=US_SURVEY_FOOT)


OWN = """
profile = "own"
title = "A consultant"
reference = "letter of 2026-01-05"
layer = [{ pattern = 'OUTLINE', role = "lots" }, { pattern = '17', role = "annotation" }]
[labels]
lot = ['(\\d+)']
"""


def test_layers_that_no_packaged_profile_knows_are_read_by_the_citys_own(tmp_path):
    city = make_city(tmp_path / "city")
    document = ezdxf.new("R2010")
    msp = document.modelspace()
    for k in (0, 1):
        west = E0 + 100 * k
        msp.add_lwpolyline(
            [(west, N0), (west + 100, N0), (west + 100, N0 + 120), (west, N0 + 120)], close=True, dxfattribs={"layer": "OUTLINE"}
        )
        msp.add_text(str(k + 1), dxfattribs={"layer": "17", "height": 5}).set_placement((west + 50, N0 + 60))
    document.saveas(tmp_path / "map.dxf")
    with pytest.raises(ReadError, match=r"cad_profiles/NAME\.toml"):
        read_plat(tmp_path / "map.dxf", city=city, unit=US_SURVEY_FOOT)
    (tmp_path / "city" / "cad_profiles").mkdir()
    (tmp_path / "city" / "cad_profiles" / "own.toml").write_text(OWN)
    for profile in (None, "own"):
        plat = read_plat(tmp_path / "map.dxf", city=city, unit=US_SURVEY_FOOT, profile=profile)
        assert areas(plat) == {"1": pytest.approx(12_000, abs=0.001), "2": pytest.approx(12_000, abs=0.001)}


def test_a_parcel_that_stays_open_is_told_by_name(files, tmp_path):
    text = files[0].read_text()
    start = text.index('<Parcel name="3"')
    cut = text.index("<Line", start)
    end = text.index("</Line>", cut) + len("</Line>")
    boundary = text.index('<Parcel name="BOUNDARY"')
    broken = text[:cut] + text[end:boundary] + "</Parcels></LandXML>"
    path = tmp_path / "open.xml"
    path.write_text(broken)
    plat = read_plat(path, city=default_city())
    told = plat.findings[plat.findings["code"] == "N01"]
    assert told["feature"].tolist() == ["Parcel 3"]
    assert told["severity"].tolist() == ["error"]
    assert "3" not in plat.lots["lot"].tolist()


def test_easements_of_landxml_are_rights_and_no_lots(files, tmp_path):
    text = files[0].read_text()
    start, end = text.index('<Parcel name="2"'), text.index('<Parcel name="3"')
    copy = text[start:end].replace('name="2"', 'name="PUE" class="easement"')
    path = tmp_path / "easement.xml"
    path.write_text(text[:end] + copy + text[end:])
    plat = read_plat(path, city=default_city())
    assert plat.easements["name"].tolist() == ["PUE"]
    assert sorted(areas(plat)) == sorted(tract_maps.exact_areas())


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "map.pdf"
    path.write_bytes(b"%PDF-1.4")
    with pytest.raises(ReadError, match="DXF, LandXML"):
        read_plat(path, city=default_city())


def test_a_profile_is_for_drawings_only(files):
    with pytest.raises(ValueError, match="Invalid profile"):
        read_plat(files[0], city=default_city(), profile="ncs")
    with pytest.raises(ValueError, match=r"Invalid profile 'nsc'. Must be one of"):
        read_plat(files[1], city=default_city(), unit=US_SURVEY_FOOT, profile="nsc")


def square(name, east):
    return parcel(name, *polygon([(E0 + e, N0 + n) for e, n in ((east, 0), (east, 50), (east + 50, 50), (east + 50, 0))]))


def test_a_lot_of_several_parts_is_a_lot_in_each_and_its_parts_are_none(tmp_path):
    path = tmp_path / "multi.xml"
    parts = '<Parcels><Parcel name="x" pclRef="1A"/><Parcel name="y" pclRef="1B"/></Parcels>'
    whole = f'<Parcel name="1" class="Lot" parcelType="Multipart" area="5000">{parts}</Parcel>'
    path.write_text(landxml(f"<Parcels>{square('1A', 0)}{square('1B', 100)}{square('2', 200)}{whole}</Parcels>"))
    plat = read_plat(path, city=default_city())
    assert sorted(plat.lots["lot"]) == ["1", "1", "2"] and set(plat.lots["kind"]) == {"lot"}
    # The 5,000 sq ft are those of both figures together.
    assert plat.lots["stated_area_sqft"].isna().all()
    assert not (plat.findings["severity"] == "error").any()


def test_a_container_of_lots_is_no_lot_that_is_missing(tmp_path):
    path = tmp_path / "nested.xml"
    inside = f"<Parcels>{square('1', 0)}{square('2', 100)}</Parcels>"
    path.write_text(landxml(f'<Parcels><Parcel name="T">{inside}</Parcel></Parcels>'))
    plat = read_plat(path, city=default_city())
    assert sorted(plat.lots["lot"]) == ["1", "2"]
    assert not (plat.findings["severity"] == "error").any()
