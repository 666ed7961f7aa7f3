"""
Make the first picture of the README: what a delivery goes through, drawn from the sample city.

    python scripts/make_story.py            docs/gallery/story.png, as committed
"""

import argparse
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import matplotlib
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from make_gallery import ROOT, sample_city

import citygis as cg
from citygis.geodesy import Frame, transform_points
from citygis.packaged import packaged_folder

INK, FAINT, WRONG, RIGHT = "#1d2733", "#8a94a0", "#c0392b", "#1f6f54"
DELIVERY = "county_parcels_2026q3.zip"
OBSERVED = 2026.0
"""When the coordinates with the wrong label were observed."""
SLIVER_SQFT = 1_500
"""Less than a parcel: an overlap of a whole one is a parcel drawn twice."""
CORNER_FT = 110
"""Half the width of the ground that the first panel shows."""


def main() -> None:
    """Draw the four panels and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "gallery" / "story.png")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        city = sample_city(Path(folder) / "riverbend")
        raw = cg.read(packaged_folder("sample_data") / "deliveries" / DELIVERY)
        parcels = cg.convert(raw, "parcel", crosswalk="county_assessor", city=city).layer
        with cg.store(city) as db:
            findings = cg.validate({"parcel": parcels, **{name: db.read(name) for name in ("tract", "right_of_way")}}, city=city)
            streets = db.read("right_of_way")
    figure = plt.figure(figsize=(14, 4.3), dpi=110, facecolor="white")
    titles = ("sent", "checked", "drawn", "answered")
    axes = [figure.add_axes((0.01 + i * 0.2525, 0.13, 0.225, 0.74)) for i in range(4)]
    captions = (
        shifted(axes[0], parcels, city),
        overlapping(axes[1], parcels, streets, findings),
        pictured(
            axes[2],
            "map_act_detail.png",
            "bearings and distances of record,\nthe scale proved in the written file",
            part=(0.3, 0.0, 1.0),
        ),
        pictured(axes[3], "notice.png", "who gets the hearing notice,\nwith the proof of the line", part=(0.16, 0.04, 0.6)),
    )
    for i, (ax, title, caption) in enumerate(zip(axes, titles, captions, strict=True)):
        ax.set(xticks=[], yticks=[])
        for side in ax.spines.values():
            side.set(edgecolor=FAINT, linewidth=0.8)
        ax.set_title(title, loc="left", fontsize=15, fontweight="bold", color=INK, pad=8)
        ax.text(0, -0.04, caption, transform=ax.transAxes, va="top", fontsize=9.5, color=INK)
        if i:
            left = 0.01 + i * 0.2525
            arrow = FancyArrowPatch((left - 0.0245, 0.5), (left - 0.003, 0.5), arrowstyle="-|>", mutation_scale=16, color=INK)
            figure.add_artist(arrow)
    with tempfile.NamedTemporaryFile(suffix=".png") as drawn:
        figure.savefig(drawn.name)
        Image.open(drawn.name).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(given.out, optimize=True)
    print(f"{given.out.name} written", file=sys.stderr)


def shifted(ax: Axes, parcels: gpd.GeoDataFrame, city: cg.City) -> str:
    """Parcels where they are, and where a WGS 84 label taken at its word would put them."""
    here = shapely.get_point(shapely.get_exterior_ring(parcels.geometry.iloc[len(parcels) // 2]), 0)
    box = here.buffer(CORNER_FT / 2, cap_style="square").bounds
    near = parcels.cx[box[0] : box[2], box[1] : box[3]]
    placed, _ = transform_points(
        [here.x], [here.y], source=Frame("ITRF2014", OBSERVED), source_crs=city.crs, target=city.frame, target_crs=city.crs,
        tolerance_ft=city.tolerance_ft("sketch"), velocity=city.velocity,
    )  # fmt: skip
    away = np.array([here.x - placed.easting[0], here.y - placed.northing[0]])
    for shapes, color, style in ((near.geometry, INK, "-"), (near.translate(*away), WRONG, "--")):
        for ring in shapely.get_exterior_ring(shapely.get_parts(shapes.to_numpy())):
            ax.plot(*shapely.get_coordinates(ring).T, color=color, linestyle=style, linewidth=1.2)
    ax.set(xlim=(box[0], box[2]), ylim=(box[1], box[3]), aspect="equal", facecolor="#fbfaf7")
    return f'A "WGS 84" label believed: {np.hypot(*away):.1f} ft off.\nRefused, until somebody states the frame.'


def overlapping(ax: Axes, parcels: gpd.GeoDataFrame, streets: gpd.GeoDataFrame, findings: gpd.GeoDataFrame) -> str:
    """The widest overlap that was found, among its neighbours."""
    overlaps = findings[findings["code"] == "T01"]
    worst = overlaps.loc[overlaps.geometry.area.where(overlaps.geometry.area < SLIVER_SQFT).idxmax()]
    middle, half = (
        worst.geometry.representative_point(),
        max(60.0, 0.9 * np.ptp(np.reshape(worst.geometry.bounds, (2, 2)), axis=0).max()),
    )
    box = middle.buffer(half, cap_style="square").bounds
    streets.cx[box[0] : box[2], box[1] : box[3]].plot(ax=ax, color="#ececec")
    parcels.cx[box[0] : box[2], box[1] : box[3]].boundary.plot(ax=ax, color=INK, linewidth=1)
    gpd.GeoSeries([worst.geometry], crs=parcels.crs).plot(ax=ax, color=WRONG, alpha=0.75)
    ax.set(xlim=(box[0], box[2]), ylim=(box[1], box[3]), aspect="equal", facecolor="#fbfaf7", xlabel="", ylabel="")
    return f"an overlap that the county did not know of,\nof {len(findings):,} findings, each with its place and remedy"


def pictured(ax: Axes, name: str, caption: str, *, part: tuple[float, float, float]) -> str:
    """A square of a picture of the gallery: its left and top, and its side, as shares of the picture's width, height, height."""
    image = np.asarray(Image.open(ROOT / "docs" / "gallery" / name).convert("RGB"))
    left, top, side = int(part[0] * image.shape[1]), int(part[1] * image.shape[0]), int(part[2] * image.shape[0])
    ax.imshow(image[top : top + side, left : left + side], aspect="equal")
    return caption


if __name__ == "__main__":
    main()
