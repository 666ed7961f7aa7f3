"""What layers mean is data, and a layer that no profile knows is told."""

import pytest

from citygis.errors import SettingsError
from citygis.linework import drawing_lots
from citygis.readers.cad_layers import layer_profiles, layer_roles, plain_layer, unknown_layers
from citygis.readers.cad_units import drawing_in_feet
from citygis.readers.dxf import read_dxf
from tests.drawings import new_drawing, saved

PROFILES = layer_profiles()
OWN = """
profile = "own"
title = "A consultant"
reference = "letter of 2026-01-05"
layer = [{ pattern = '1[0-9]', role = "lots" }, { pattern = '20', role = "annotation" }]
"""


def drawing(folder, *layers):
    document, msp = new_drawing(layers=layers)
    for n, layer in enumerate(layers):
        msp.add_line((n, 0), (n, 10), dxfattribs={"layer": layer})
    return read_dxf(saved(document, folder))


def roles(folder, *layers, profiles=None):
    table = layer_roles(drawing(folder, *layers), list((profiles or PROFILES).values()))
    return table.set_index("layer").loc[list(layers), "role"].to_dict()


def test_the_layers_of_the_los_angeles_table_are_known(tmp_path):
    names = ("Boundary", "CL", "Lot", "ROW", "Ease", "Tie", "Mon", "Misc")
    assert list(roles(tmp_path, *names).values()) == [
        "boundary", "centerlines", "lots", "right_of_way", "easements", "ties", "monuments", "miscellaneous",
    ]  # fmt: skip


def test_the_layers_of_the_national_standard_are_known(tmp_path):
    assert roles(tmp_path, "V-PROP-LINE", "V-PROP-BNDY", "C-ROAD-CNTR", "V-PROP-TEXT", "V-ESMT", "V-RWAY") == {
        "V-PROP-LINE": "lots", "V-PROP-BNDY": "boundary", "C-ROAD-CNTR": "centerlines", "V-PROP-TEXT": "annotation",
        "V-ESMT": "easements", "V-RWAY": "right_of_way",
    }  # fmt: skip


def test_a_layer_bound_from_another_drawing_keeps_its_meaning(tmp_path):
    assert plain_layer("TRACT$0$LOT") == plain_layer("LOT") == "LOT"
    assert roles(tmp_path, "TRACT$0$LOT") == {"TRACT$0$LOT": "lots"}


def test_an_unknown_layer_is_a_finding_and_nothing_of_it_is_used(tmp_path):
    found = drawing(tmp_path, "17", "LOT")
    table = layer_roles(found, list(PROFILES.values()))
    told = unknown_layers(found, table)
    assert list(told["feature"]) == ["17"] and list(told["code"]) == ["K11"]
    assert "1 lines were not used" in told["message"].iloc[0]
    made = drawing_lots(drawing_in_feet(found, unit="us_survey_foot"))
    assert set(made.lots.courses["layer"]) == {"LOT"}
    assert (made.findings["code"] == "K11").sum() == 1


def test_a_profile_of_the_city_comes_first(tmp_path):
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "own.toml").write_text(OWN)
    profiles = layer_profiles(folder)
    assert next(iter(profiles)) == "own"
    assert roles(tmp_path, "17", "20", profiles=profiles) == {"17": "lots", "20": "annotation"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('role = "lots"', 'role = "lot"'), "role"),
        (("pattern = '20'", "pattern = '2('"), "no regular expression"),
        (('title = "A consultant"', 'title = "A"\ntitel = "B"'), "did you mean `title`"),
        (('profile = "own"', 'profile = "other"'), "Must be the file's name"),
    ],
)
def test_a_profile_that_says_nonsense_is_refused(tmp_path, change, message):
    (tmp_path / "own.toml").write_text(OWN.replace(*change))
    with pytest.raises(SettingsError, match=message):
        layer_profiles(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="no folder of layer profiles"):
        layer_profiles(tmp_path / "none")


def test_easements_do_not_bound_lots(tmp_path):
    document, msp = new_drawing(layers=("LOT", "EASE"))
    msp.add_lwpolyline([(0, 0), (100, 0), (100, 100), (0, 100)], close=True, dxfattribs={"layer": "LOT"})
    msp.add_line((-5, 50), (105, 50), dxfattribs={"layer": "EASE"})
    msp.add_text("LOT 1", dxfattribs={"insert": (20, 20), "height": 4, "layer": "LOT"})
    made = drawing_lots(drawing_in_feet(read_dxf(saved(document, tmp_path)), unit="us_survey_foot"))
    assert made.lots.polygons.set_index("lot").loc["1", "area_sqft"] == pytest.approx(10000)
    assert len(made.linework["easements"]) == 1


def test_a_drawing_without_unit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="drawing_in_feet first"):
        drawing_lots(drawing(tmp_path, "LOT"))


def lots_on(folder, *layers):
    """A drawing with a square lot and its number on each layer."""
    document, msp = new_drawing(layers=layers)
    for n, layer in enumerate(layers):
        square = [(200 * n, 0), (200 * n + 100, 0), (200 * n + 100, 100), (200 * n, 100)]
        msp.add_lwpolyline(square, close=True, dxfattribs={"layer": layer})
        msp.add_text(f"LOT {n + 1}", dxfattribs={"insert": (200 * n + 40, 40), "height": 4, "layer": layer})
    return drawing_lots(drawing_in_feet(read_dxf(saved(document, folder)), unit="us_survey_foot"))


def test_an_unknown_layer_with_numbers_of_lots_is_an_error(tmp_path):
    made = lots_on(tmp_path, "LOTS", "TRACT 5512 LINES")
    assert made.lots.polygons["lot"].dropna().tolist() == ["1"]
    told = made.findings[made.findings["code"] == "K11"]
    assert told["severity"].tolist() == ["error"] and told["feature"].tolist() == ["TRACT 5512 LINES"]
    assert "1 of its texts look like numbers of lots" in told["message"].iloc[0]
    assert "W16" not in set(made.findings["code"])


def test_an_unknown_layer_with_other_texts_is_for_review(tmp_path):
    document, msp = new_drawing(layers=("LOT", "17"))
    msp.add_text("IRVINE BOULEVARD", dxfattribs={"insert": (0, 0), "height": 4, "layer": "17"})
    made = drawing_lots(drawing_in_feet(read_dxf(saved(document, tmp_path)), unit="us_survey_foot"))
    assert made.findings.loc[made.findings["code"] == "K11", "severity"].tolist() == ["review"]


@pytest.mark.parametrize(("layer", "bounding"), [("LOT", 1), ("EASE", 0)])
def test_a_drawing_with_lines_and_no_lot_is_an_error(tmp_path, layer, bounding):
    made = drawing_lots(drawing_in_feet(drawing(tmp_path, layer), unit="us_survey_foot"))
    told = made.findings[made.findings["code"] == "W16"]
    assert told["severity"].tolist() == ["error"] and told["measure"].tolist() == [1]
    assert f"{bounding} are on layers that bound lots" in told["message"].iloc[0]


def test_a_drawing_without_lines_lacks_no_lot(tmp_path):
    made = drawing_lots(drawing_in_feet(drawing(tmp_path), unit="us_survey_foot"))
    assert "W16" not in set(made.findings["code"])
