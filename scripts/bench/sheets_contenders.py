"""
One contender of the sheets bench, in a process of its own: it reads the city's layers and writes a file.

Run by ``sheets.py``, which measures the whole process, start and imports included. ``<case>.json`` beside the layers says what is
drawn: page, frame and styles. Each library is imported by its own contenders only.
"""

import argparse
import gc
import json
import sys
from pathlib import Path


def citygis_pdf(folder: Path, case: str, out: Path) -> dict:
    """Read, drawn and written as anybody would."""
    figure = _figure(folder, case)
    figure.save(out, overwrite=True)
    texts = [batch for group in figure.scene.groups if group.name == "Parcel: labels" for batch in group.batches]
    return {
        "labelled": int(figure.counts["labelled"].sum()),
        "keyed": int(figure.counts["keyed"].sum()),
        "lines of text": sum(len(getattr(batch, "strings", ())) for batch in texts),
    }


def citygis_hpgl(folder: Path, case: str, out: Path) -> dict:
    """The same as HP-GL/2."""
    _figure(folder, case).save(out, overwrite=True)
    return {}


def _figure(folder: Path, case: str):
    from citygis.city import open_city
    from citygis.sheets import Sheet, draw, sheet_layers

    city = open_city(folder)
    sheet = Sheet.from_file(folder / f"{case}.toml")
    return draw(sheet, sheet_layers(sheet, folder / "city.gpkg", city=city), city=city)


def citygis_tiff(folder: Path, case: str, out: Path) -> dict:
    """A written PDF as 600-dpi Group 4 TIFF."""
    from citygis.city import open_city
    from citygis.sheets.frame import Frame, scale_of
    from citygis.sheets.tiff import save_tiff

    page = json.loads((folder / f"{case}.json").read_text())
    left, bottom, right, top = page["box_pt"]
    frame = Frame(open_city(folder).crs, scale_of(page["scale"]), *page["centre"], left, bottom, right - left, top - bottom)
    save_tiff((folder / f"{case}_citygis.pdf").read_bytes(), out, frame=frame, dpi=600, mode="g4", overwrite=True)
    return {}


def citygis_atlas(folder: Path, case: str, out: Path) -> dict:
    """Forty pages with labels one after the other into one document, with shared layers and bookmarks."""
    from citygis.city import open_city
    from citygis.sheets import Sheet, draw, sheet_layers
    from citygis.sheets.document import DocumentPage, document_bytes
    from citygis.sheets.sheet import View

    city = open_city(folder)
    sheet = Sheet.from_file(folder / f"{case}.toml")
    layers = sheet_layers(sheet, folder / "city.gpkg", city=city)
    west, south, east, north = layers["parcel"].total_bounds

    def pages():
        for number in range(40):
            across, up = (number % 5 + 0.5) / 5, (number // 5 + 0.5) / 8
            centre = (float(west + across * (east - west)), float(south + up * (north - south)))
            figure = draw(sheet.model_copy(update={"view": View(centre=centre)}), layers, city=city)
            yield DocumentPage(figure.pdf(), f"Sheet {number + 1}")

    out.write_bytes(document_bytes(pages(), title="Atlas"))
    return {}


def gdf_plot(folder: Path, case: str, out: Path) -> dict:
    """geopandas and matplotlib, on axes where the map's frame is."""
    import geopandas as gpd
    import matplotlib

    matplotlib.use("pdf")
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    page = json.loads((folder / f"{case}.json").read_text())
    width, height = page["page_in"]
    left, bottom, right, top = page["box_pt"]
    figure = Figure(figsize=(width, height))
    box = (left / 72 / width, bottom / 72 / height, (right - left) / 72 / width, (top - bottom) / 72 / height)
    axes = figure.add_axes(box)
    for style in page["styles"]:
        layer = gpd.read_file(folder / "city.gpkg", layer=style["layer"])
        line = {"linewidth": style["line"]["width_pt"]}
        if "dash_pt" in style["line"]:
            line["linestyle"] = (0, [length / style["line"]["width_pt"] for length in style["line"]["dash_pt"]])
        if "classes" in style:
            colors = ListedColormap([one["fill"] for one in style["classes"]])
            layer.plot(ax=axes, column=style["field"], cmap=colors, edgecolor=style["line"]["color"], **line)
        elif style["layer"] == "street_centerline":
            layer.plot(ax=axes, color=style["line"]["color"], **line)
        else:
            layer.plot(ax=axes, facecolor="none", edgecolor=style["line"]["color"], **line)
    west, south, east, north = page["extent"]
    axes.set(xlim=(west, east), ylim=(south, north), aspect="auto")
    axes.set_axis_off()
    figure.savefig(out)
    return {}


def imshow(folder: Path, case: str, out: Path) -> dict:
    """matplotlib's picture under the map, as it lies in the file."""
    import matplotlib

    matplotlib.use("pdf")
    import rasterio
    from matplotlib.figure import Figure

    page = json.loads((folder / f"{case}.json").read_text())
    width, height = page["page_in"]
    left, bottom, right, top = page["box_pt"]
    figure = Figure(figsize=(width, height))
    box = (left / 72 / width, bottom / 72 / height, (right - left) / 72 / width, (top - bottom) / 72 / height)
    axes = figure.add_axes(box)
    with rasterio.open(folder / "ortho.tif") as dataset:
        axes.imshow(dataset.read().transpose(1, 2, 0), interpolation="none", extent=dataset.bounds[:1] + dataset.bounds[2:3]
                    + dataset.bounds[1:2] + dataset.bounds[3:], aspect="auto")  # fmt: skip
    axes.set_axis_off()
    figure.savefig(out, dpi=300)
    return {}


CONTENDERS = {
    "citygis": citygis_pdf,
    "citygis HP-GL/2": citygis_hpgl,
    "citygis TIFF": citygis_tiff,
    "citygis atlas": citygis_atlas,
    "gdf.plot": gdf_plot,
    "imshow": imshow,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", type=Path)
    parser.add_argument("case")
    parser.add_argument("out", type=Path)
    parser.add_argument("--contender", required=True, choices=list(CONTENDERS))
    options = parser.parse_args()
    gc.set_threshold(200_000, 20, 100)  # as our command line does; all contenders gain
    json.dump(CONTENDERS[options.contender](options.folder, options.case, options.out), sys.stdout)


if __name__ == "__main__":
    main()
