"""A scene as a matplotlib figure."""

import io

import numpy as np
import pypdfium2
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from citygis.sheets.easel import matplotlib_figure
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Scene, Texts, Tile, Tiles, polyline, rectangle


@pytest.fixture(scope="module")
def scene():
    picture = io.BytesIO()
    Image.fromarray(np.array([[255, 0], [0, 128]], dtype=np.uint8).repeat(8, 0).repeat(8, 1)).save(picture, "JPEG", quality=100)
    return Scene(
        288.0,
        216.0,
        (
            Group("Picture", (Tiles((Tile(picture.getvalue(), 16, 16, (60.0, 0.0, 0.0, 60.0, 210.0, 20.0)),)),)),
            Group("Lots", (rectangle((20, 20, 120, 90), fill="#fdf0cf", stroke="#9c2f2f", width_pt=2.0),)),
            Group("Cut", (polyline([(0, 150), (288, 150)], stroke="#000000", width_pt=3.0),), (50, 100, 200, 200)),
            Group("Name", (Texts(("ELM STREET",), np.array([[30.0, 110.0]]), np.zeros(1), np.array([18.0])),)),
            Group("Hidden", (rectangle((0, 0, 288, 216), fill="#000000"),), on=False),
        ),
    )


def ink(picture: np.ndarray) -> np.ndarray:
    return picture[..., :3].mean(axis=2) < 200


def test_it_covers_what_the_pdf_covers(scene):
    figure, _ = matplotlib_figure(scene)
    figure.set_dpi(144)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = ink(np.asarray(canvas.buffer_rgba()))
    with pypdfium2.PdfDocument(pdf_bytes(scene)) as document:
        printed = ink(document[0].render(scale=2).to_numpy())
    assert drawn.shape == printed.shape
    near = np.zeros_like(printed)
    for down in (-2, -1, 0, 1, 2):
        for across in (-2, -1, 0, 1, 2):
            near |= np.roll(printed, (down, across), (0, 1))
    assert printed.sum() > 5000 and (drawn & ~near).mean() < 0.002
    assert abs(int(drawn.sum()) - int(printed.sum())) < 0.06 * printed.sum()


def test_the_axes_are_in_page_points_to_draw_on(scene):
    figure, axes = matplotlib_figure(scene)
    assert tuple(figure.get_size_inches()) == (4.0, 3.0)
    assert axes.get_xlim() == (0, 288) and axes.get_ylim() == (0, 216)
