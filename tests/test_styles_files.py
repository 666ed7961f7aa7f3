"""The styles and themes that come with citygis: against the schema, and against the eye."""

import itertools

import numpy as np
import pytest

from citygis.schema import schema
from citygis.sheets.sheet import Sheet, sheet_templates
from citygis.sheets.style import read_style, read_theme, style_paths, symbol_of, theme_paths, themed
from citygis.sheets.style_audit import file_problems, style_problems

STYLES = list(style_paths())

# Dichromats' sight in linear RGB, severity 1.0: Machado, Oliveira and Fernandes (2009), "A Physiologically-based Model for
# Simulation of Color Vision Deficiency", IEEE TVCG 15(6), table 1.
SIGHT = {
    "normal": np.eye(3),
    "red-blind": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "green-blind": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
}


def rgb(color, opacity=1.0):
    """A colour on white paper, 0 to 1."""
    return 1 - opacity * (1 - np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]))


def linear(parts):
    """IEC 61966-2-1 (sRGB)."""
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2.2, contrast ratio of two colours."""
    lights = sorted(float(linear(parts) @ [0.2126, 0.7152, 0.0722]) for parts in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def lab(parts):
    """CIELAB of linear RGB, D65."""
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    f = [v ** (1 / 3) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116 for v in np.array(matrix) @ parts / [0.95047, 1, 1.08883]]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one, other):
    """Colour difference (Sharma, Wu and Dalal 2005, equations 2 to 22)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(c7 / (c7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    hm = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    t = 1 - 0.17 * np.cos(np.radians(hm - 30)) + 0.24 * np.cos(np.radians(2 * hm))
    t += 0.32 * np.cos(np.radians(3 * hm + 6)) - 0.20 * np.cos(np.radians(4 * hm - 63))
    sl, sc, sh = 1 + 0.015 * (lm - 50) ** 2 / np.sqrt(20 + (lm - 50) ** 2), 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rt = -2 * np.sqrt(cm**7 / (cm**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((hm - 275) / 25) ** 2))))
    parts = (l2 - l1) / sl, (c2 - c1) / sc, dh / sh
    return float(np.sqrt(sum(p * p for p in parts) + rt * parts[1] * parts[2]))


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [  # Sharma, Wu and Dalal 2005, table 1, pairs 1, 7, 17, 25
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_colour_difference_of_this_test_is_the_published_one(one, other, difference):
    assert ciede2000(one, other) == pytest.approx(difference, abs=1e-4)


def fills(names, theme=None):
    """Every fill of the legends of some styles, as it looks on paper, and whose it is."""
    found = {}
    for name in names:
        style = themed(read_style(name), theme)
        for number in range(len(style.classes) + 1):
            look = symbol_of(style, number)
            if look.fill and not look.hatch:
                found.setdefault((look.fill, look.opacity), f"{name}: {look.legend}")
    return {label: rgb(*fill) for fill, label in found.items()}


TEMPLATES = {path.stem: Sheet.from_file(path).layers for path in sheet_templates()}
SETS = [(layers, 4.0) for layers in TEMPLATES.values()] + [
    (("right_of_way", "parcel", "park", "building_footprint"), 4.0),
    (("zoning_filled",), 8.0),
    (("flood_zone",), 4.0),
    (("flood_200yr",), 4.0),
]


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize(("names", "least"), SETS)
def test_any_two_fills_of_a_sheet_differ_in_the_colour_blind_theme(names, least, sight):
    seen = {name: lab(np.clip(SIGHT[sight] @ linear(color), 0, 1)) for name, color in fills(names, "colour_blind").items()}
    near = {(a, b): d for a, b in itertools.combinations(seen, 2) if (d := ciede2000(seen[a], seen[b])) < least}
    assert not near


@pytest.mark.parametrize("name", [*STYLES, *(f"themes/{name}" for name in theme_paths())])
def test_every_packaged_file_names_layers_fields_and_values_of_the_schema(name):
    path = style_paths().get(name) or theme_paths()[name.removeprefix("themes/")]
    assert file_problems(path, schema()) == []


def test_what_the_schema_does_not_have_is_told_with_what_was_probably_meant():
    good = read_style("parcel")
    assert style_problems(good.model_copy(update={"layer": "parcels"}), schema()) == [
        "`layer` is 'parcels', which is no City layer; did you mean 'parcel'?"
    ]
    of_values = good.model_copy(update={"classes": (good.classes[0].model_copy(update={"values": ("COMON",)}),)})
    assert style_problems(of_values, schema()) == ["field 'parcel_kind' is never 'COMON'; did you mean 'COMMON'?"]
    label = good.label.model_copy(update={"rows": (good.label.rows[0].model_copy(update={"text": "{lot:.1f} {apm}"}),)})
    assert style_problems(good.model_copy(update={"label": label}), schema()) == [
        "layer 'parcel' has no field 'apm'; did you mean 'apn'?",
        "field 'lot' holds text, but a number is asked of it",
    ]


def test_a_file_that_is_no_style_is_told_with_its_path(tmp_path):
    (tmp_path / "own.toml").write_text('layer = "parcel"\nlien = {}\n')
    (problem,) = file_problems(tmp_path / "own.toml", schema())
    assert "own.toml" in problem and "did you mean `line`" in problem


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("theme", [None, "black", "colour_blind"])
def test_labels_are_dark_enough_to_read_on_paper_and_on_their_own_fills(name, theme):
    style = themed(read_style(name), theme)
    grounds = [rgb("#ffffff"), *(rgb(one.fill, one.opacity) for one in (style, *style.classes) if one.fill)]
    for row in style.label.rows if style.label else ():
        assert min(contrast(rgb(row.color), ground) for ground in grounds) >= 4.5


@pytest.mark.parametrize("theme", [None, "colour_blind"])
def test_black_letters_are_read_on_every_fill(theme):
    for label, color in fills(STYLES, theme).items():
        assert contrast(rgb("#1a1a1a"), color) >= 7, label


def test_every_symbol_that_draws_has_a_name_for_the_legend():
    for name in STYLES:
        style = read_style(name)
        for number in range(len(style.classes) + 1):
            look = symbol_of(style, number)
            draws = look.fill or look.hatch or look.casing or look.strokes or look.marker
            assert bool(draws) <= bool(look.legend), (name, number)


def test_themes_say_what_they_are():
    assert all(read_theme(name).title for name in theme_paths())
