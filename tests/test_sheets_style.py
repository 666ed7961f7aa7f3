"""Styles."""

import numpy as np
import pandas as pd
import pytest

from citygis.errors import SettingsError, SheetError
from citygis.settings import check
from citygis.sheets.style import (
    Label,
    LabelRow,
    Style,
    Theme,
    classified,
    read_style,
    read_theme,
    style_paths,
    symbol_of,
    themed,
)


def test_the_citys_own_style_comes_before_the_packaged_one(tmp_path):
    (tmp_path / "parcel.toml").write_text('layer = "parcel"\nlegend = "Ours"\n')
    assert read_style("parcel", tmp_path).legend == "Ours"
    assert read_style("tract", tmp_path).legend == read_style("tract").legend


def test_an_unknown_style_is_refused_with_the_nearest_name():
    with pytest.raises(SheetError, match="did you mean 'easement'"):
        read_style("easment")


def test_a_name_that_leads_out_of_the_folder_is_no_style(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "own.toml").write_text('layer = "parcel"\n')
    with pytest.raises(SheetError, match="There is no style"):
        read_style("../own", tmp_path / "styles")


def test_a_misspelt_key_is_refused_with_what_was_meant(tmp_path):
    (tmp_path / "own.toml").write_text('layer = "parcel"\nline = { colour = "#000000" }\n')
    with pytest.raises(SettingsError, match=r"line\.colour.*did you mean `color`"):
        read_style("own", tmp_path)


@pytest.mark.parametrize(
    "line",
    [{"width_pt": 0.2}, {"color": "red"}, {"color": "#12345"}, {"dash_pt": [3]}, {"dash_pt": [3, 0]}],
)
def test_a_line_that_a_plotter_would_lose_is_refused(line):
    with pytest.raises(SettingsError, match="line"):
        check({"layer": "parcel", "line": line}, Style, "own.toml")


def style(**tables):
    return check({"layer": "parcel"} | tables, Style, "own.toml")


def test_millimetres_are_points_and_one_unit_is_given():
    assert style(line={"width_mm": 0.35}).line.width_pt == pytest.approx(0.9921, abs=1e-4)  # 0.35 / 25.4 * 72
    assert style(line={"dash_mm": [2.54, 1.27]}).line.dash_pt == pytest.approx((7.2, 3.6))
    with pytest.raises(SettingsError, match="one of width_pt, width_mm"):
        style(line={"width_mm": 0.35, "width_pt": 1.0})


def test_feet_on_the_ground_are_drawn_at_the_scale_and_never_under_the_least_line():
    line = style(line={"width_ft": 2.0, "dash_ft": [20, 10]}).line
    at_100 = line.at(0.72)  # 1 in = 100 ft: 72 pt / 100 ft
    assert (at_100.width_pt, at_100.dash_pt) == (pytest.approx(1.44), pytest.approx((14.4, 7.2)))
    assert line.at(0.072).width_pt == 0.25
    assert style(marker={"size_ft": 10}).at(0.72).marker.size_pt == pytest.approx(7.2)


def test_a_length_without_its_unit_is_refused():
    with pytest.raises(SettingsError, match=r"line\.width.*did you mean `width_pt`"):
        style(line={"width": 1})


def test_a_class_is_said_in_one_way_only():
    for ways in ({}, {"values": [1], "min": 0}, {"min": 0, "where": "a > 1"}, {"values": []}, {"min": 2, "max": 2}):
        with pytest.raises(SettingsError, match="classes"):
            style(field="kind", classes=[ways])
    with pytest.raises(SettingsError, match="Must give the `field`"):
        style(classes=[{"min": 1}])


def test_ranges_hold_their_minimum_and_not_their_maximum():
    own = style(field="depth", classes=[{"max": 1}, {"min": 1, "max": 3}, {"min": 3}])
    table = pd.DataFrame({"depth": [0.99, 1.0, 2.99, 3.0, np.nan, -4]})
    assert classified(own, table).tolist() == [1, 2, 2, 3, 0, 1]


def test_a_range_of_a_text_is_refused_with_the_value():
    with pytest.raises(SheetError, match="'AE'"):
        classified(style(field="zone", classes=[{"min": 1}]), pd.DataFrame({"zone": ["AE"]}))


def test_of_several_classes_that_fit_the_last_draws():
    own = style(classes=[{"where": "code.startswith('R')"}, {"where": "code.startswith('R-3')"}])
    assert classified(own, pd.DataFrame({"code": ["R-1", "R-3", "C", None]})).tolist() == [1, 2, 0, 0]


def test_where_is_a_table_of_values_or_an_expression():
    table = pd.DataFrame({"status": ["ACTIVE", "RETIRED", None], "width": [1.0, 9.0, 9.0]})
    assert style(where={"status": ["ACTIVE"]}).keeps(table).tolist() == [True, False, False]
    assert style(where="status == 'ACTIVE' or width > 5").keeps(table).tolist() == [True, True, True]


def test_a_style_reads_the_fields_of_its_expressions_markers_and_labels():
    own = style(
        where="a == 1",
        field="b",
        classes=[{"where": "c > d"}],
        marker={"azimuth_field": "e"},
        label={"rows": [{"text": "{f / 43560:.2f} {g?}", "otherwise": "{a}"}]},
    )
    assert own.columns == ["a", "b", "e", "c", "d", "f", "g"]


def test_an_expression_that_is_none_is_refused_with_the_file():
    with pytest.raises(SettingsError, match=r"own\.toml.*where.*Must look like"):
        style(where="status = 'ACTIVE'")


def test_a_class_says_its_line_in_place_of_all_lines_of_the_style():
    own = style(
        field="kind", casing={"width_pt": 3}, lines=[{"width_pt": 2}, {}], fill="#ffffff", classes=[{"values": [1], "line": {}}]
    )
    look = symbol_of(own, 1)
    assert (len(look.strokes), look.casing.width_pt, look.fill) == (1, 3, "#ffffff")
    assert len(symbol_of(own, 0).strokes) == 2


def test_line_and_lines_together_are_refused():
    with pytest.raises(SettingsError, match="line or lines"):
        style(line={}, lines=[{}])


# --- themes ------------------------------------------------------------------------------------------------------------------


def colors_of(model):
    return {value for name, value in walk(model) if name in ("color", "fill") and value}


def walk(model):
    for name, value in model:
        if hasattr(value, "model_fields_set"):
            yield from walk(value)
        elif isinstance(value, tuple) and value and hasattr(value[0], "model_fields_set"):
            for each in value:
                yield from walk(each)
        else:
            yield name, value


@pytest.mark.parametrize("name", style_paths())
def test_the_black_theme_leaves_black_and_white_only(name):
    black = themed(read_style(name), "black")
    assert colors_of(black) <= {"#000000", "#ffffff"}


@pytest.mark.parametrize("name", style_paths())
def test_in_black_no_two_classes_look_alike_that_did_not(name):
    own, black = read_style(name), themed(read_style(name), "black")
    numbers = range(len(own.classes) + 1)
    looks = [symbol_of(own, n).model_copy(update={"legend": ""}) for n in numbers]
    inked = [symbol_of(black, n).model_copy(update={"legend": ""}) for n in numbers]
    for i in numbers:
        for j in range(i):
            assert looks[i] == looks[j] or inked[i] != inked[j], (i, j)


def test_a_citys_own_fills_get_patterns_in_the_order_of_their_classes():
    classes = [{"values": [n], "fill": f"#a0b0{n:02d}"} for n in range(10, 22)]
    black = themed(style(field="kind", fill="#ffffff", classes=classes), "black")
    hatches = [symbol_of(black, n).hatch for n in range(1, 13)]
    assert None not in hatches and len(set(hatches)) == 12
    assert symbol_of(black, 0).hatch is None


def test_a_fill_that_let_the_ground_through_still_does_in_black():
    black = themed(style(fill="#123456", opacity=0.5), "black")
    assert black.fill is None and black.hatch is not None
    assert themed(style(fill="#123456"), "black").fill == "#ffffff"


def test_a_theme_changes_a_colour_wherever_it_stands():
    theme = Theme(colors={"#112233": "#445566"})
    own = themed(style(fill="#112233", line={"color": "#112233"}, label={"rows": [{"text": "{a}", "color": "#112233"}]}), theme)
    assert (own.fill, own.line.color, own.label.rows[0].color) == ("#445566",) * 3


def test_a_white_band_between_its_casings_stays_white_in_black():
    black = themed(style(casing={"color": "#6f6a60", "width_pt": 3}, line={"color": "#ffffff", "width_pt": 2}), "black")
    assert (black.casing.color, black.line.color) == ("#000000", "#ffffff")


def test_halos_stay_white_in_black():
    black = themed(style(label={"halo": {}, "rows": [{"text": "{a}", "color": "#112233"}]}), "black")
    assert (black.label.halo.color, black.label.rows[0].color) == ("#ffffff", "#000000")


def test_the_citys_own_theme_comes_first_and_an_unknown_one_is_refused(tmp_path):
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "black.toml").write_text('title = "Ours"\n')
    assert read_theme("black", tmp_path).title == "Ours"
    with pytest.raises(SheetError, match="no theme 'blck'; did you mean 'black'"):
        read_theme("blck")


def test_text_under_five_points_is_refused():
    with pytest.raises(SettingsError, match="size_pt"):
        check({"layer": "parcel", "label": {"rows": [{"text": "{apn}", "size_pt": 4}]}}, Style, "own.toml")


def texts(template, frame, **row):
    (column,) = Label(rows=(LabelRow(text=template, **row),)).texts(pd.DataFrame(frame))
    return [None if pd.isna(text) else text for text in column]


def test_a_row_with_a_null_field_is_left_out():
    assert texts("{width_ft}' {purpose}", {"width_ft": [10.0, None], "purpose": ["PUE", "SEWER"]}) == ["10' PUE", None]


def test_a_field_that_may_be_null_leaves_no_gap():
    frame = {"pre": pd.array([None, "N"], dtype="str"), "name": ["Egret", "Almond"]}
    assert texts("{pre?} {name}", frame, capitals=True) == ["EGRET", "N ALMOND"]


def test_whole_numbers_have_no_decimals_and_others_keep_theirs():
    assert texts("{w}", {"w": [10.0, 7.5]}) == ["10", "7.5"]
    assert texts("{n}", {"n": pd.array([3, None], dtype="Int64")}) == ["3", None]


def test_numbers_are_written_in_the_format_of_the_template():
    assert texts("{calc / 43560:.2f} AC", {"calc": [43560.0, 10890.0, None]}) == ["1.00 AC", "0.25 AC", None]
    assert texts("{n:,.0f}", {"n": pd.array([1234567, None], dtype="Int64")}) == ["1,234,567", None]
    assert texts("{w?:.1f}'", {"w": [None, 7.25]}) == ["'", "7.2'"]


@pytest.mark.parametrize("text", ["{apn", "apn}", "{}", "{a b}", "{w:.2q}", "{w:s}", "{w / 0}", "{w * 2}", "{w.__class__}"])
def test_a_template_that_is_none_is_refused(text):
    with pytest.raises(SettingsError, match="text"):
        style(label={"rows": [{"text": text}]})


def test_a_number_format_on_a_text_is_refused_with_the_field():
    with pytest.raises(SheetError, match=r"'\{lot:\.1f\}'.*field 'lot' holds '7A'"):
        texts("{lot:.1f}", {"lot": ["7A"]})


def test_blank_text_is_no_text():
    assert texts("{name}", {"name": ["  ", "Egret"]}) == [None, "Egret"]


def test_another_text_stands_in_where_a_field_is_null():
    frame = {"width_ft": [10.0, None], "purpose": ["PUE", "SLOPE"]}
    assert texts("{width_ft}' {purpose}", frame, otherwise="{purpose}") == ["10' PUE", "SLOPE"]


def test_a_text_that_stands_in_is_not_repeated_by_the_row_below():
    rows = (LabelRow(text="{lot}", otherwise="{apn_display}"), LabelRow(text="{apn_display}"))
    frame = pd.DataFrame({"lot": ["7", None], "apn_display": ["191-190-74", "199-010-01"]})
    upper, lower = (text.fillna("").tolist() for text in Label(rows=rows).texts(frame))
    assert (upper, lower) == (["7", "199-010-01"], ["191-190-74", ""])
