"""Styles."""

import pandas as pd
import pytest

from citygis.errors import SettingsError, SheetError
from citygis.packaged import packaged_folder
from citygis.schema import schema
from citygis.settings import check
from citygis.sheets.style import Label, LabelRow, Style, read_style

PACKAGED = sorted(path.stem for path in packaged_folder("styles").glob("*.toml"))


@pytest.mark.parametrize("name", PACKAGED)
def test_every_packaged_style_draws_a_city_layer_with_columns_and_values_it_has(name):
    style = read_style(name)
    layer = schema().layers[style.layer]
    assert set(style.columns) <= set(layer.names)
    if style.field and layer.field(style.field).domain:
        assert {value for one in style.classes for value in one.values} <= set(layer.field(style.field).domain)
    for field, values in style.where.items():
        assert set(values) <= set(layer.field(field).domain)


def contrast(color):
    """Contrast of a colour on white (WCAG 2.2, relative luminance)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize("name", PACKAGED)
def test_every_packaged_label_is_dark_enough_to_read_on_paper(name):
    label = read_style(name).label
    for row in label.rows if label else ():
        assert contrast(row.color) >= 4.5


def test_tints_under_labels_are_light():
    for name in PACKAGED:
        style = read_style(name)
        for fill in filter(None, [style.fill, *(one.fill for one in style.classes)]):
            assert style.layer in ("building_footprint", "right_of_way") or contrast(fill) < 1.35, (name, fill)


def test_the_citys_own_style_comes_before_the_packaged_one(tmp_path):
    (tmp_path / "parcel.toml").write_text('layer = "parcel"\nlegend = "Ours"\n')
    assert read_style("parcel", tmp_path).legend == "Ours"
    assert read_style("tract", tmp_path).legend == read_style("tract").legend


def test_an_unknown_style_is_refused_with_the_nearest_name():
    with pytest.raises(SheetError, match="did you mean 'easement'"):
        read_style("easment")


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
