"""
Make the pictures of the README: sheets of the sample city, drawn, measured, and rendered as PNG.

Examples::

    python scripts/make_gallery.py              # docs/gallery/, as committed
    python scripts/make_gallery.py --out pictures  # somewhere else
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pypdfium2
from PIL import Image

import citygis as cg
from citygis.analysis import answer_figure
from citygis.cli.init import make_city_folder
from citygis.gpkg import layers_of, read_geopackage
from citygis.packaged import packaged_folder
from citygis.sheets import Figure, sheet_layers

ROOT = Path(__file__).parents[1]
WIDE_PX = 1100
"""Of a whole sheet; of a detail it is the width of the paper shown, at `DETAIL_DPI`."""
DETAIL_DPI = 150


class Picture(NamedTuple):
    """A picture: its name, what it is of, and the box of the page it shows in inches from the lower left (the whole when None)."""

    name: str
    sheet: str
    changes: dict
    box_in: tuple[float, float, float, float] | None = None
    page: int = 0


PICTURES = (
    Picture("parcel_map", "parcel_map", {}),
    Picture("parcel_map_detail", "parcel_map", {}, (6.0, 7.0, 13.0, 11.5)),
    Picture("map_act", "map_act", {}),
    Picture("map_act_detail", "map_act", {}, (6.0, 7.0, 13.0, 11.5)),
    Picture("wall_map", "parcel_wall_map", {}),
    Picture("assessment_diagram", "assessment_diagram", {}),
    Picture(
        "flood",
        "parcel_map",
        {
            "layers": ["right_of_way", "parcel", "flood_zone", "street_name", "city_limit"],
            "scale": "fit",
            "view": {"layer": "flood_zone"},
        },
    ),
)


def main() -> None:
    """Read the arguments, draw, measure, render; exit 1 when a sheet did not pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "gallery", help="folder to write to (default: docs/gallery)")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        city = sample_city(Path(folder) / "riverbend")
        with cg.store(city) as db:
            for picture in PICTURES:
                sheet = cg.Sheet.from_file(city.sheets_folder / f"{picture.sheet}.toml")
                sheet = cg.Sheet.model_validate({**sheet.model_dump(exclude_unset=True), **picture.changes})
                figure = cg.draw(sheet, sheet_layers(sheet, db, city=city), city=city)
                failed |= not finish(figure, picture, Path(folder), given.out)
            answer = cg.analysis.hearing_notice(db.read("parcel"), ["192-010-73"], distance_ft=300)
            base = {name: db.read(name) for name in ("parcel", "right_of_way", "street_centerline")}
            figure = answer_figure(answer, city=city, base=base)
            failed |= not finish(figure, Picture("notice", "", {}), Path(folder), given.out)
    sys.exit(1 if failed else 0)


def sample_city(folder: Path) -> cg.City:
    """The City of Riverbend in a folder of its own, its store loaded."""
    sample = packaged_folder("sample_data")
    make_city_folder(
        folder,
        settings=(sample / "city" / "city.toml").read_text(encoding="utf-8"),
        crosswalks=tuple(sorted((sample / "city" / "crosswalks").glob("*.toml"))),
    )
    city = cg.open_city(folder)
    base = sample / "city" / "city_base.gpkg"
    with cg.store(city) as db:
        db.load({info.name: read_geopackage(base, info.name) for info in layers_of(base)}, message="The sample city")
    return city


def finish(figure: Figure, picture: Picture, folder: Path, out: Path) -> bool:
    """Save and measure a figure, render its picture; whether it passed."""
    path = figure.save(folder / f"{picture.name}.pdf")
    report = figure.preflight(path)
    with pypdfium2.PdfDocument(path) as document:
        page = document[picture.page]
        wide, high = page.get_size()
        if picture.box_in is None:
            image = page.render(scale=2 * WIDE_PX / wide).to_pil()
            image = image.resize((WIDE_PX, round(WIDE_PX * high / wide)), Image.LANCZOS)
        else:
            left, bottom, right, top = (72 * side for side in picture.box_in)
            image = page.render(scale=DETAIL_DPI / 72, crop=(left, bottom, wide - right, high - top)).to_pil()
    image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(out / f"{picture.name}.png", optimize=True)
    failing = [check.name for check in report.checks if check.passed is False]
    print(f"{picture.name}: {'passed' if report.passed else 'FAILED ' + ', '.join(failing)}", file=sys.stderr)
    return report.passed


if __name__ == "__main__":
    main()
