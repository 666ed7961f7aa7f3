"""
A scene as a matplotlib figure: to be drawn on further, or put beside charts in a notebook.

The paper is the figure and its points are the axes' units; nothing is measured or printed from it.
"""

import io

import matplotlib.font_manager as font_manager
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as MplPath
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from PIL import Image

from citygis.sheets.fonts import font
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Scene, Texts, Tiles


def matplotlib_figure(scene: Scene) -> tuple[Figure, Axes]:
    """
    A scene drawn by matplotlib.

    Parameters
    ----------
    scene : Scene
        Meant for a few thousand features: each label is an artist of its own.

    Returns
    -------
    Figure
        As large as the paper.
    Axes
        Over the whole of it, in page points from the lower left corner. Layers that are off are left out.
    """
    figure = Figure(figsize=(scene.width_pt / POINTS_PER_INCH, scene.height_pt / POINTS_PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for group in scene.groups:
        if group.on:
            _draw(axes, group)
    # At the end: a picture sets the limits to its own.
    axes.set(xlim=(0, scene.width_pt), ylim=(0, scene.height_pt), aspect="auto")
    return figure, axes


def _draw(axes: Axes, group: Group) -> None:
    for batch in group.batches:
        if isinstance(batch, Paths):
            artists = [_patch(batch)] if len(batch.points) else []
        elif isinstance(batch, Texts):
            artists = list(_texts(batch))
        else:
            artists = list(_pictures(axes, batch))
        for artist in artists:
            if artist.axes is None:
                axes.add_artist(artist)
            if group.clip_pt is not None:
                left, bottom, right, top = group.clip_pt
                artist.set_clip_path(Rectangle((left, bottom), right - left, top - bottom, transform=axes.transData))


def _patch(batch: Paths) -> PathPatch:
    points, starts = batch.points, batch.starts
    codes = np.full(len(points), MplPath.LINETO, dtype=MplPath.code_type)
    codes[starts] = MplPath.MOVETO
    if batch.closed:
        ends = np.append(starts[1:], len(points))
        points, codes = np.insert(points, ends, points[starts], axis=0), np.insert(codes, ends, MplPath.CLOSEPOLY)
    dash = (0, tuple(length / batch.width_pt for length in batch.dash_pt)) if batch.dash_pt else "-"
    return PathPatch(
        MplPath(points, codes),
        facecolor=batch.fill or "none",
        edgecolor=batch.stroke or "none",
        linewidth=batch.width_pt if batch.stroke else 0.0,
        linestyle=dash,
        joinstyle="miter",
        capstyle=batch.cap,
        alpha=batch.opacity,
    )


def _texts(batch: Texts):
    face = font_manager.FontProperties(fname=str(font(batch.font).path))
    for string, (left, bottom), angle, size in zip(batch.strings, batch.points, batch.angles_deg, batch.sizes_pt, strict=True):
        yield Text(
            left, bottom, string, color=batch.color, fontproperties=face, fontsize=size, rotation=angle, rotation_mode="anchor",
            verticalalignment="baseline",
        )  # fmt: skip


def _pictures(axes: Axes, batch: Tiles):
    for tile in batch.tiles:
        a, b, c, d, e, f = tile.affine
        picture = axes.imshow(np.asarray(Image.open(io.BytesIO(tile.jpeg))), extent=(0, 1, 0, 1), cmap="gray", alpha=batch.opacity)
        picture.set_transform(Affine2D.from_values(a, b, c, d, e, f) + axes.transData)
        yield picture
