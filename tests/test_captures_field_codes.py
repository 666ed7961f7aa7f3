"""Field codes: what a description says, and what a City may make it say."""

import pytest

from citygis.captures.field_codes import described, field_codes
from citygis.city import open_city
from citygis.errors import SettingsError
from citygis.schema import schema

CODES = field_codes()


def read(text, codes=CODES):
    """Figures, their controls and their words, as plain tuples."""
    return [(m.figure, m.code, list(m.controls), list(m.words)) for m in described(text, codes).mentions]


def own(tmp_path, text):
    (tmp_path / "city.toml").write_text(
        'name = "Riverbend"\ncounty = "San Joaquin"\nstate = "CA"\ncrs = "EPSG:6420"\nrealization = "NAD83(2011)"\n'
        'epoch = 2010.0\napn_profiles = ["san_joaquin"]\n'
    )
    (tmp_path / "field_codes.toml").write_text(text)
    return field_codes(open_city(tmp_path))


def test_a_figure_its_number_and_its_control():
    assert read("EP1 B") == [("EP1", "EP", [("begin", None)], [])]
    assert read("ep1 b") == read("EP1 B")
    assert [m[0] for m in (read("EP"), read("EP2"))[0]] == ["EP"] and read("EP2")[0][1] == "EP"


def test_two_codes_on_one_shot_each_with_its_own_control():
    assert read("FL1 B EP2 E") == [("FL1", "FL", [("begin", None)], []), ("EP2", "EP", [("end", None)], [])]


def test_a_control_before_its_figure_is_for_that_figure():
    assert read("B EP1 E FL2") == [("EP1", "EP", [("begin", None)], []), ("FL2", "FL", [("end", None)], [])]


def test_controls_take_lengths_and_points():
    assert read("EP1 B H-4 V.1 H.5")[0][2] == [
        ("begin", None),
        ("horizontal_offset", "-4"),
        ("vertical_offset", ".1"),
        ("horizontal_offset", ".5"),
    ]
    assert read("BLD1 RECT40")[0][2] == [("rectangle", "40")] and read("BLD1 RECT")[0][2] == [("rectangle", None)]
    assert read("EP1 CPN10 RPN15")[0][2] == [("connect_point", "10"), ("recall_point", "15")]
    turns = read("BLD1 RT X10.1 5 -12.2 RECT")[0][2]
    assert turns == [("right_turn", None), ("extend", "10.1"), ("turn", "5"), ("turn", "-12.2"), ("rectangle", None)]


def test_words_about_a_point_are_words():
    assert read("TREE 12 OAK") == [("TREE", "TREE", [], ["12", "OAK"])]
    assert read("FH E") == [("FH", "FH", [], ["E"])]  # a hydrant is a point: nothing can end
    assert read("EP1 B GRAVEL") == [("EP1", "EP", [("begin", None)], ["GRAVEL"])]


def test_what_follows_the_escape_is_a_remark():
    assert read("EP1 / E of gate") == [("EP1", "EP", [], ["E", "OF", "GATE"])]


def test_an_unknown_word_that_is_told_to_begin_was_meant_as_a_figure():
    assert read("EP1 B XYZ2 B") == [("EP1", "EP", [("begin", None)], []), ("XYZ2", None, [("begin", None)], [])]
    assert read("WHATEVER") == [("WHATEVER", None, [], [])]


def test_a_control_for_nothing_is_told():
    assert described("E", CODES).idle == ("end",)


def test_bc_is_read_by_its_place_and_is_doubtful():
    # Trap 48: begin curve, or back of curb.
    assert described("EP1 BC", CODES).doubtful == (("BC", "control"),)
    assert read("EP1 BC") == [("EP1", "EP", [("begin_curve", None)], [])]
    assert described("BC B", CODES).doubtful == (("BC", "feature"),) and read("BC B") == [("BC", "BC", [("begin", None)], [])]
    numbered = described("BC1 B", CODES)
    assert not numbered.doubtful and numbered.mentions[0].code == "BC"


def test_a_city_settles_what_bc_is(tmp_path):
    feature = own(tmp_path, '[settled]\nBC = "feature"\n')
    assert read("EP1 BC", feature) == [("EP1", "EP", [], []), ("BC", "BC", [], [])]
    assert not described("EP1 BC", feature).doubtful
    control = own(tmp_path, '[settled]\nBC = "control"\n')
    assert read("EP1 BC", control) == read("EP1 BC") and not described("EP1 BC", control).doubtful
    assert read("BC EP1", control) == [("EP1", "EP", [("begin_curve", None)], [])]


def test_a_city_adds_codes_and_changes_words(tmp_path):
    codes = own(
        tmp_path,
        '[control]\nbegin = ["START"]\n\n[feature.SV]\ntitle = "Sewer valve"\ngeometry = "point"\nwords = ["size_in"]\n',
    )
    assert read("EP1 START", codes)[0][2] == [("begin", None)] and read("EP1 B", codes)[0][2] == []
    assert read("SV 6", codes)[0][1] == "SV" and read("FH", codes)[0][1] == "FH"


@pytest.mark.parametrize(
    "text, said",
    [
        ('[control]\nbegin = ["E"]\n', "two meanings"),
        ('[controls]\nbegin = ["X"]\n', "did you mean `control`"),
        ('[feature.SV]\ntitle = "x"\ngeometry = "dot"\n', "geometry"),
        ('[feature.sv]\ntitle = "x"\ngeometry = "point"\n', "capitals"),
        ('[feature.SV]\ntitle = "x"\ngeometry = "point"\nwords = ["figure"]\n', "column of every figure"),
        ('[settled]\nEP = "control"\n', "nothing to settle"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_file(tmp_path, text, said):
    with pytest.raises(SettingsError, match=r"field_codes\.toml") as error:
        own(tmp_path, text)
    assert said in str(error.value)


def test_packaged_codes_name_layers_that_there_are():
    assert {feature.layer for feature in CODES.feature.values()} - {None} <= set(schema().layers)


def test_a_hostile_description_is_only_text():
    long = described("EP1 B " + "A " * 1_000_000, CODES)
    assert len(long.mentions[0].words) < 600
    assert read("__import__('os')")[0][1] is None and described("   ", CODES).mentions == ()
