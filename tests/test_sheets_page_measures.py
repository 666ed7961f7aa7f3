"""A grid and a scale bar are measured by what they look like, whoever drew them and however they lie."""

import math

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from citygis.sheets.page_content import page_content
from citygis.sheets.page_labels import page_labels
from citygis.sheets.page_measures import bar, ticks
from citygis.sheets.page_viewports import page_viewports

OPEN = []  # a page does not keep its file open


def page_of(content, **more):
    pdf = pikepdf.new()
    OPEN.append(pdf)
    page = pdf.add_blank_page(page_size=(800, 600))
    page.obj["/Contents"] = pdf.make_stream(content.encode())
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Own, FirstChar=0, LastChar=255, Widths=Array([500] * 256))
    page.obj["/Resources"] = Dictionary(Font=Dictionary(F=font))
    for key, value in more.items():
        page.obj[f"/{key}"] = value
    return page


def measured(function, content):
    found = page_content(page_of(content))
    return function(found, page_labels(found).labels)


def figure(string, middle, base, size=8):
    """A figure centred over a place; letters are half as wide as the size."""
    return f"BT /F {size} Tf {middle - len(string) * size / 4} {base} Td ({string}) Tj ET "


def grid(eastings, letter="E "):
    """Ticks at the foot and the head of a map, 72 pt for 100 ft from 6,000,000, with their figures."""
    content = ""
    for said, easting in eastings:
        place = 100 + (easting - 6_000_000) * 0.72
        content += f"{place} 100 m {place} 94 l S {place} 500 m {place} 506 l S "
        content += figure(f"{letter}{said:,}", place, 84) + figure(f"{letter}{said:,}", place, 508)
    return content


def test_ticks_state_the_scale():
    (found,) = measured(ticks, grid([(e, e) for e in (6_000_000, 6_000_200, 6_000_600)]))
    assert (found.axis, found.wrong) == ("E", ())
    assert found.feet_per_inch == pytest.approx(100)
    assert found.longest_in == pytest.approx(6)
    assert found.points[:, 1].tolist() == [100, 500] * 3  # where the ticks meet the map


def test_figures_without_letters_are_known_by_their_twins():
    (found,) = measured(ticks, grid([(e, e) for e in (6_000_000, 6_000_300)], letter=""))
    assert found.axis == "E" and found.feet_per_inch == pytest.approx(100)


def test_a_wrong_figure_is_named_and_does_not_spoil_the_scale():
    (found,) = measured(
        ticks, grid([(6_000_000, 6_000_000), (6_000_200, 6_000_200), (6_000_450, 6_000_400), (6_000_600, 6_000_600)])
    )
    assert set(found.wrong) == {"E 6,000,450"}
    assert found.feet_per_inch == pytest.approx(100)


def test_ticks_of_a_turned_map_are_measured_across_the_grid_lines():
    # Grid north leans 30 degrees to the left: eastings grow along (cos 30, sin 30), 1 pt for 1 ft.
    content = ""
    for easting in (6_000_000, 6_000_200, 6_000_400):
        for up in (100, 300):
            place = 200 + (easting - 6_000_000 - (up - 100) * math.sin(math.radians(30))) / math.cos(math.radians(30))
            content += f"{place} {up} m {place} {up - 6} l S " + figure(f"E {easting:,}", place, up - 16)
    (found,) = measured(ticks, content)
    assert found.wrong == ()
    assert found.feet_per_inch == pytest.approx(72)


def test_parcel_numbers_are_no_grid():
    content = "".join(
        figure(f"{191030000 + i}", 100 + 50 * i, 300) + f"{100 + 50 * i} 290 m {100 + 50 * i} 296 l S " for i in range(9)
    )
    assert measured(ticks, content) == ()


@pytest.mark.parametrize(
    ("figures", "unit", "feet"),
    [
        (("0", "50", "100"), "", 100.0),
        (("0", "50", "100 ft"), "", 100.0),
        (("0", "500", "1,000"), "FEET", 1000.0),
        (("0", "50", "100 m"), "", None),
        (("0", "50", "100"), "metres", None),
        (("1", "2", "3"), "", None),
        (("100", "50", "0"), "", None),
    ],
)
def test_a_bar_from_nought_in_feet_is_measured(figures, unit, feet):
    content = "300 100 72 5 re S "
    for i, string in enumerate(figures):
        number = string.split()[0]
        left = 300 + 36 * i - len(number) * 2
        content += f"BT /F 8 Tf {left} 110 Td ({string}) Tj ET "
    found = measured(bar, content + (figure(unit, 336, 85) if unit else ""))
    assert (found and found.feet_per_inch) == (pytest.approx(feet) if feet else None)


def test_a_figure_that_stands_off_its_mark_is_measured():
    content = (
        "300 100 72 5 re S " + figure("0", 300, 110) + figure("60", 336, 110) + figure("100", 372, 110) + "336 100 m 336 105 l S"
    )
    # 60 of 100 ft is 43.2 pt along the bar, and its mark is at 36.
    assert measured(bar, content).off_in == pytest.approx(7.2 / 72)


def test_a_viewport_in_metres_is_told_in_survey_feet():
    # One kilometre of UTM in 1,000 pt around a point of the central meridian's zone, by PROJ.
    import pyproj

    to_degrees = pyproj.Transformer.from_crs(26911, 4269, always_xy=True)
    corners = [(500_000, 3_700_000), (500_000, 3_700_500), (500_700, 3_700_500), (500_700, 3_700_000)]
    degrees = [v for corner in corners for v in to_degrees.transform(*corner)[::-1]]
    measure = Dictionary(
        Subtype=Name.GEO,
        GPTS=Array([pikepdf.Object.parse(b"%.12f" % v) for v in degrees]),
        LPTS=Array([0, 0, 0, 1, 1, 1, 1, 0]),
        GCS=Dictionary(EPSG=26911),
    )
    page = page_of("", VP=Array([Dictionary(BBox=Array([0, 0, 700, 500]), Measure=measure), Dictionary(BBox=Array([0, 0, 9, 9]))]))
    (found,) = page_viewports(page)
    # 1 pt is a metre: 72 m an inch, in feet of 1200 / 3937 m.
    assert found.feet_per_inch == pytest.approx(72 * 3937 / 1200, rel=1e-9)
    assert found.misfit_ft < 1e-4
