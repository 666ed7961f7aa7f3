"""
Sheets beside their peers, on the same layers in the same run: CPU seconds, memory, bytes, labels, and how exact the paper is.

Each contender runs in a process of its own and is measured whole: start, imports, reading and writing. The readings of contenders
alternate, and of several the least counts. A program or package that is not installed is named and left out.

    python scripts/bench/sheets.py [--case lines labels tiff view hpgl atlas growth ortho scale] [--repeat 3] [--out sheets.json]

``lines``: 100,000 parcels in seven classes with easements, centerlines and tracts on ARCH E, without labels. ``labels``: parcel
number over acres on 10,000 and 100,000 parcels at 1 inch = 250 feet. QGIS lays out the same layers, looks, page, scale and font;
its labels are placed freely and only where they fit into the parcel. With ``--keep FOLDER`` the files stay, to be looked at.
"""

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pypdfium2

from citygis.city import open_city
from citygis.samples.parcel_fabric import parcel_fabric
from citygis.sheets import Sheet, draw, paper_profiles, sheet_layers
from citygis.sheets.fonts import font
from citygis.sheets.page_content import page_content

HERE = Path(__file__).parent
CITY = HERE.parents[1] / "citygis" / "default_city.toml"
QGIS_PYTHON = "/usr/bin/python3"
CASES = ("lines", "labels", "tiff", "view", "hpgl", "atlas", "growth", "ortho", "scale")
FILLS = ("#fdf3d8", "#f7dcc4", "#e5ecd6", "#dbe6ee", "#efe0ea", "#f4f0c9", "#e2dfd8")
LABEL = {
    "placement": "inside",
    "rows": [{"text": "{apn}", "size_pt": 5.0}, {"text": "{acres}", "size_pt": 5.0, "optional": True}],
}
STYLES = {
    "parcel": {
        "field": "land_use",
        "line": {"color": "#4a4a4a", "width_pt": 0.25},
        "classes": [{"values": [str(use)], "legend": f"Land use {use}", "fill": fill} for use, fill in enumerate(FILLS)],
    },
    "easement": {"line": {"color": "#1c7458", "width_pt": 0.35, "dash_pt": [4.0, 2.0]}},
    "street_centerline": {"line": {"color": "#6f6a60", "width_pt": 0.4, "dash_pt": [14.0, 3.0, 2.5, 3.0]}},
    "tract": {"line": {"color": "#111111", "width_pt": 2.0}},
}
GOALS = {
    "lines: CPU, of QGIS": ("<=", 1.25),
    "lines: peak MB": ("<=", 500),
    "lines: gdf.plot CPU, of ours": (">=", 4),
    "labels 10k: QGIS CPU, of ours": (">=", 3),
    "labels 10k: labels and keys, of QGIS": (">=", 1),
    "labels 100k: QGIS CPU, of ours": (">=", 6),
    "labels 100k: labels and keys, of QGIS": (">=", 1),
    "labels 100k: peak MB, of QGIS": ("<=", 0.6),
    "tiff: pdftoppm CPU, of ours": (">=", 4),
    "tiff: peak MB, of pdftoppm": ("<=", 0.1),
    "view: poppler CPU of our file, of QGIS's": ("<=", 1.2),
    "view: poppler MB of our file": ("<=", 150),
    "hpgl: bytes, of PDF": ("<=", 0.6),
    "atlas: CPU s a page": ("<=", 0.5),
    "growth: exponent, CPU above the start, 10k to 200k": ("<=", 1.05),
    "ortho: imshow CPU, of ours": (">=", 5),
    "ortho: peak MB, of imshow": ("<=", 0.1),
    "ortho: bytes, of imshow": ("<=", 0.25),
    "scale: error in 40 in, worst paper, in": ("<=", 0.001),
}


def write_city(folder: Path, parcels: int) -> int:
    """A folder with the layers, a city.toml and the styles; how many parcels there are."""
    fabric = parcel_fabric(parcels, seed=parcels)
    n = len(fabric.parcel)
    use = np.random.default_rng(parcels).integers(0, len(FILLS), len(fabric.blocks))[fabric.parcel["block"]]
    street = fabric.centreline["street"]
    layers = {
        "parcel": fabric.parcel.assign(
            apn=[f"{100_000_000 + k}" for k in range(n)],
            land_use=use.astype(str),
            acres=[f"{acres:.2f} AC" for acres in fabric.parcel.area / 43_560],
        )[["apn", "land_use", "acres", "geometry"]],
        "easement": fabric.easement[["eid", "geometry"]],
        "street_centerline": fabric.centreline.assign(St_Name=street)[["St_Name", "geometry"]],
        "tract": fabric.tract[["tract", "geometry"]],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, layer in layers.items():
        layer.to_file(folder / "city.gpkg", layer=name)
    shutil.copy(CITY, folder / "city.toml")
    (folder / "styles").mkdir(exist_ok=True)
    for name, style in STYLES.items():
        write_toml(folder / "styles" / f"bench_{name}.toml", {"layer": name} | style)
    for name, keyed in (("labelled", False), ("keyed", True)):
        label = {"label": LABEL | {"key_numbers": keyed}}
        write_toml(folder / "styles" / f"bench_{name}.toml", {"layer": "parcel"} | STYLES["parcel"] | label)
    return n


def write_toml(path: Path, table: dict) -> None:
    """A table of plain values as TOML: JSON spells strings, numbers and lists as TOML does."""

    def spelt(value) -> str:
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{key} = {spelt(item)}" for key, item in value.items()) + " }"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(map(spelt, value)) + "]"
        return json.dumps(value)

    path.write_text("".join(f"{key} = {spelt(value)}\n" for key, value in table.items()))


def write_sheet(folder: Path, case: str, *, labelled: bool, **said) -> None:
    """A sheet file, and what its page looks like for those who cannot read it."""
    # What has no room gets a number and a row in a table: not in the atlas, whose pages are to be forty.
    parcel = "bench_parcel" if not labelled else "bench_labelled" if case == "atlas" else "bench_keyed"
    names = [parcel, *(f"bench_{name}" for name in STYLES if name != "parcel")]
    write_toml(folder / f"{case}.toml", {"layers": names, "key_map": False, "title_block": {"title": "Bench"}} | said)
    city, sheet = open_city(folder), Sheet.from_file(folder / f"{case}.toml")
    bare = sheet.model_copy(update={"layers": ("bench_tract",)})
    figure = draw(bare, sheet_layers(bare, folder / "city.gpkg", city=city), city=city)
    frame = figure.frame
    styles = [{"layer": name} | style for name, style in STYLES.items()]
    if labelled:
        styles[0]["label"] = LABEL
    facts = {
        "page_in": [figure.page.width_in, figure.page.height_in],
        "box_pt": frame.box_pt,
        "extent": frame.extent,
        "centre": [frame.easting, frame.northing],
        "scale": f"1in={float(frame.scale):g}ft",
        "styles": styles,
        "typeface": str(font("regular").path),
    }
    (folder / f"{case}.json").write_text(json.dumps(facts))


def wall(parcels: int) -> dict:
    """Paper that holds all parcels at 1 inch = 250 feet, with room for the panel and margins."""
    box = parcel_fabric(parcels, seed=parcels).centreline.total_bounds
    width, height = ((box[2] - box[0]) / 250 * 1.03 + 8.5, (box[3] - box[1]) / 250 * 1.03 + 2.0)
    paper = {"width_in": round(float(min(width, height)), 2), "height_in": round(float(max(width, height)), 2)}
    return {"paper": paper, "orientation": "portrait" if height > width else "landscape", "scale": "1in=250ft"}


def write_all(folder: Path, parcels: int) -> None:
    """A city and all its sheets."""
    write_city(folder, parcels)
    write_sheet(folder, "lines", labelled=False, paper="arch_e", orientation="portrait")
    write_sheet(folder, "atlas", labelled=True, paper="arch_c", scale="1in=250ft", view={"centre": "features"})
    if parcels <= 100_000:  # more need paper that is longer than PDF allows
        write_sheet(folder, "labels", labelled=True, **wall(parcels))


RUN = """
import json, os, resource, sys
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(process, 0)
facts = {"code": os.waitstatus_to_exitcode(status), "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}
print("\\n" + json.dumps(facts), flush=True)
"""
"""Starts a contender: Linux counts what the parent held against a new process, so the parent must hold next to nothing."""


def measured(command: list) -> dict:
    """CPU seconds and peak MB of a process and those it waits for, and the JSON that it says."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    whole = [sys.executable, "-I", "-S", "-c", RUN, *map(str, command)]
    done = subprocess.run(whole, capture_output=True, text=True, env=environment, check=False)
    *told, facts = done.stdout.strip().splitlines() or ["{}"]
    facts = json.loads(facts)
    if facts.pop("code", 1):
        return {"missing": (done.stderr.strip().splitlines() or ["it stopped"])[-1]}
    said = next((line for line in reversed(told) if line.startswith("{")), "{}")
    return facts | json.loads(said)


class Bench:
    """Readings of contenders, and the figures made of them."""

    def __init__(self, repeat: int):
        self.repeat = repeat
        self.figures: dict[str, float] = {}

    def race(self, folder: Path, case: str, contenders: dict[str, tuple[list, Path]]) -> dict[str, dict]:
        """The least of several readings of each contender, taken in turn; those that cannot run are named and left out."""
        best: dict[str, dict] = {}
        for turn in range(self.repeat):
            for name, (command, out) in contenders.items():
                if turn and name not in best:
                    continue
                told = measured(command)
                if "missing" in told:
                    print(f"  {name:<26} not measured: {told['missing']}", flush=True)
                elif name not in best or told["cpu"] < best[name]["cpu"]:
                    best[name] = told | ({"bytes": out.stat().st_size} if out.exists() else {})
                # What takes longest is measured once.
                if turn == 0 and name in best and best[name]["cpu"] > 60:
                    contenders = {other: it for other, it in contenders.items() if other != name}
        print(f"{case} ({folder.name})")
        for name, told in best.items():
            more = ", ".join(f"{key} {value:,}" for key, value in told.items() if key not in ("cpu", "mb", "bytes"))
            print(f"  {name:<26} {told['cpu']:8.2f} CPU s {told['mb']:8.0f} MB {told.get('bytes', 0) / 1e6:8.2f} MB file  {more}",
                  flush=True)  # fmt: skip
        return best

    def note(self, name: str, value: float) -> None:
        """A figure against its goal."""
        self.figures[name] = value
        goal = GOALS.get(name)
        met = "" if goal is None else "met" if (value <= goal[1] if goal[0] == "<=" else value >= goal[1]) else "MISSED"
        print(f"    {name:<52} {value:10.4g}   {f'goal {goal[0]} {goal[1]}: {met}' if goal else ''}", flush=True)


def ours(folder: Path, case: str, suffix: str = ".pdf", contender: str = "citygis") -> tuple[list, Path]:
    """Command and file of a contender in this Python."""
    out = folder / f"{case}_{contender.split('.')[0].split()[0]}{suffix}"
    return [sys.executable, HERE / "sheets_contenders.py", folder, case, out, "--contender", contender], out


def qgis(folder: Path, case: str) -> tuple[list, Path]:
    """Command and file of QGIS."""
    out = folder / f"{case}_qgis.pdf"
    return [QGIS_PYTHON, HERE / "sheets_qgis.py", folder, case, out], out


def count_in(path: Path, pattern: str) -> int:
    """How often a pattern is in the text of a file, as PDFium reads it."""
    with pypdfium2.PdfDocument(path) as document:
        return len(re.findall(pattern, document[0].get_textpage().get_text_range()))


def lines(bench: Bench, folder: Path) -> None:
    """100,000 parcels on ARCH E, no labels."""
    plot = ours(folder, "lines", contender="gdf.plot")
    told = bench.race(folder, "lines", {"citygis": ours(folder, "lines"), "QGIS": qgis(folder, "lines"), "gdf.plot": plot})
    us = told["citygis"]
    if "QGIS" in told:
        bench.note("lines: CPU, of QGIS", us["cpu"] / told["QGIS"]["cpu"])
        bench.note("lines: bytes, of QGIS", us["bytes"] / told["QGIS"]["bytes"])
        bench.note("lines: peak MB, of QGIS", us["mb"] / told["QGIS"]["mb"])
    bench.note("lines: peak MB", us["mb"])
    if "gdf.plot" in told:
        bench.note("lines: gdf.plot CPU, of ours", told["gdf.plot"]["cpu"] / us["cpu"])


def labels(bench: Bench, folder: Path, size: str) -> None:
    """Parcel number over acres."""
    told = bench.race(folder, "labels", {"citygis": ours(folder, "labels"), "QGIS": qgis(folder, "labels")})
    us = told["citygis"]
    # Ours may stand without acres, and none lies on another parcel; what has no room is keyed. QGIS writes over small parcels that
    # lie within others. It sets letter by letter, of which a search finds no whole number, but each "AC" once.
    bench.note(f"labels {size}: of ours", us["labelled"])
    bench.note(f"labels {size}: of ours with acres", us["lines of text"] - us["labelled"] - us["keyed"])
    bench.note(f"labels {size}: keyed by us", us["keyed"])
    if "QGIS" in told:
        theirs = count_in(folder / "labels_qgis.pdf", "AC")
        bench.note(f"labels {size}: of QGIS", theirs)
        bench.note(f"labels {size}: QGIS CPU, of ours", told["QGIS"]["cpu"] / us["cpu"])
        bench.note(f"labels {size}: labels and keys, of QGIS", (us["labelled"] + us["keyed"]) / max(theirs, 1))
        bench.note(f"labels {size}: labels, of QGIS", us["labelled"] / max(theirs, 1))
        bench.note(f"labels {size}: peak MB, of QGIS", us["mb"] / told["QGIS"]["mb"])


def tiff(bench: Bench, folder: Path) -> None:
    """The sheet without labels as a 600-dpi raster; pdftoppm writes RGB with LZW, as it does without being told."""
    pdf, out = folder / "lines_citygis.pdf", folder / "lines_pdftoppm"
    peer = ["pdftoppm", "-r", "600", "-tiff", "-tiffcompression", "lzw", "-singlefile", pdf, out]
    contenders = {"citygis G4": ours(folder, "lines", ".tif", "citygis TIFF")}
    if shutil.which("pdftoppm"):
        contenders["pdftoppm"] = peer, out.with_suffix(".tif")
        contenders["pdftoppm -mono"] = ["pdftoppm", "-r", "600", "-mono", "-singlefile", pdf, out], out.with_suffix(".pbm")
    told = bench.race(folder, "tiff 600 dpi", contenders)
    if "pdftoppm" in told:
        bench.note("tiff: pdftoppm CPU, of ours", told["pdftoppm"]["cpu"] / told["citygis G4"]["cpu"])
        bench.note("tiff: peak MB, of pdftoppm", told["citygis G4"]["mb"] / told["pdftoppm"]["mb"])


def view(bench: Bench, folder: Path) -> None:
    """What a viewer takes to show the files, by poppler at 100 dpi."""
    if not shutil.which("pdftoppm"):
        print("view: pdftoppm is not installed")
        return
    files = {name: folder / f"lines_{name}.pdf" for name in ("citygis", "qgis")}
    commands = {
        name: (["pdftoppm", "-r", "100", "-singlefile", file, folder / f"view_{name}"], file)
        for name, file in files.items()
        if file.exists()
    }
    told = bench.race(folder, "view at 100 dpi", commands)
    bench.note("view: poppler MB of our file", told["citygis"]["mb"])
    if "qgis" in told:
        bench.note("view: poppler CPU of our file, of QGIS's", told["citygis"]["cpu"] / told["qgis"]["cpu"])


def hpgl(bench: Bench, folder: Path) -> None:
    """HP-GL/2 of the sheet without labels."""
    told = bench.race(folder, "hpgl", {"citygis": ours(folder, "lines", ".plt", "citygis HP-GL/2")})["citygis"]
    bench.note("hpgl: bytes, of PDF", told["bytes"] / (folder / "lines_citygis.pdf").stat().st_size)


def atlas(bench: Bench, folder: Path) -> None:
    """Forty labelled pages."""
    told = bench.race(folder, "atlas of 40 pages", {"citygis": ours(folder, "atlas", contender="citygis atlas")})["citygis"]
    bench.note("atlas: CPU s a page", told["cpu"] / 40)


def growth(bench: Bench, folders: dict[str, dict[int, Path]]) -> None:
    """The sheet at two sizes each: the whole process, and what it takes above its start."""
    start = measured([sys.executable, "-c", "import citygis.sheets"])["cpu"]
    for case, sizes in folders.items():
        cpu = {}
        for parcels, folder in sizes.items():
            cpu[parcels] = bench.race(folder, f"growth, {case}", {"citygis": ours(folder, case)})["citygis"]["cpu"]
        few, many = min(sizes), max(sizes)
        for what, less in (("whole process", 0.0), ("CPU above the start", start)):
            power = math.log((cpu[many] - less) / (cpu[few] - less)) / math.log(many / few)
            said = f"exponent, {what}, {few // 1000}k to {many // 1000}k"
            bench.note(f"growth: {said}" if case == "lines" else f"growth with labels: {said}", power)


def ortho(bench: Bench, folder: Path) -> None:
    """A picture of 300 dots an inch under the map."""
    import rasterio

    page = json.loads((folder / "lines.json").read_text())
    west, south, east, north = page["extent"]
    left, bottom, right, top = page["box_pt"]
    width, height = round((right - left) / 72 * 300), round((top - bottom) / 72 * 300)
    path = folder / "ortho.tif"
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "crs": "EPSG:6420", "tiled": True, "compress": "JPEG",
               "photometric": "YCBCR", "blockxsize": 512, "blockysize": 512}  # fmt: skip
    transform = rasterio.transform.from_bounds(west, south, east, north, width, height)
    with rasterio.open(path, "w", width=width, height=height, transform=transform, **profile) as out:
        random = np.random.default_rng(3)
        for row in range(0, height, 1024):
            rows = min(1024, height - row)
            coarse = random.integers(60, 200, (3, -(-rows // 16), -(-width // 16)), dtype=np.uint8)
            dots = coarse.repeat(16, axis=1).repeat(16, axis=2)[:, :rows, :width]
            out.write(dots + random.integers(0, 24, dots.shape, dtype=np.uint8), window=((row, row + rows), (0, width)))
    said = {"layers": ["bench_tract"], "key_map": False, "title_block": {"title": "Ortho"}, "underlays": [{"file": "ortho.tif"}]}
    said |= {"paper": "arch_e", "orientation": "portrait", "scale": page["scale"], "view": {"centre": page["centre"]}}
    write_toml(folder / "ortho.toml", said)
    (folder / "ortho.json").write_text(json.dumps(page))
    contenders = {"citygis": ours(folder, "ortho"), "imshow": ours(folder, "ortho", contender="imshow")}
    told = bench.race(folder, "ortho 300 dpi", contenders)
    if "imshow" in told:
        bench.note("ortho: imshow CPU, of ours", told["imshow"]["cpu"] / told["citygis"]["cpu"])
        bench.note("ortho: peak MB, of imshow", told["citygis"]["mb"] / told["imshow"]["mb"])
        bench.note("ortho: bytes, of imshow", told["citygis"]["bytes"] / told["imshow"]["bytes"])


def scale(bench: Bench, folder: Path) -> None:
    """A line of 10 in on every paper, read back from the written file; and what QGIS makes of it on ISO A0."""
    import geopandas as gpd
    import pikepdf
    import shapely

    folder.mkdir()
    shutil.copy(CITY, folder / "city.toml")
    (folder / "styles").mkdir()
    control = {"layer": "control", "line": {"color": "#ff00ff", "width_pt": 3.0}}
    write_toml(folder / "styles" / "bench_control.toml", control)
    middle = (6_350_000.0, 2_140_000.0)
    length_ft, feet_per_inch = 500.0, 100
    ends = [(middle[0] - length_ft / 2, middle[1]), (middle[0] + length_ft / 2, middle[1])]
    layer = gpd.GeoDataFrame({"name": ["control"]}, geometry=[shapely.LineString(ends)], crs="EPSG:6420")
    layer.to_file(folder / "city.gpkg", layer="control")
    city = open_city(folder)

    def error_in(path: Path) -> float:
        """How far the line is from its length, in 40 in of paper."""
        with pikepdf.open(path) as pdf:
            content = page_content(pdf.pages[0])
        line = content.paths[content.paths["stroke"] & ((content.paths["width_pt"] - 3.0).abs() < 0.01)]
        drawn = (line["right"] - line["left"]).max() / 72
        wanted = length_ft / feet_per_inch
        return abs(drawn - wanted) / wanted * 40

    errors = {}
    for name, paper in paper_profiles().items():
        if not paper.roll and min(paper.size_in) < 8:
            continue
        said = {"paper": name, "scale": f"1in={feet_per_inch}ft", "view": {"centre": list(middle)}, "layers": ["bench_control"],
                "key_map": False, "title_block": {"title": "Scale"}} | ({"length_in": 60.0} if paper.roll else {})  # fmt: skip
        write_toml(folder / "scale.toml", said)
        sheet = Sheet.from_file(folder / "scale.toml")
        figure = draw(sheet, {"control": layer}, city=city)
        if figure.frame.width_pt / 72 > length_ft / feet_per_inch:
            errors[name] = error_in(figure.save(folder / f"{name}.pdf", overwrite=True))
            if name == "iso_a0":
                facts = {"page_in": [figure.page.width_in, figure.page.height_in], "box_pt": figure.frame.box_pt,
                         "extent": figure.frame.extent, "styles": [control]}  # fmt: skip
                (folder / "scale.json").write_text(json.dumps(facts))
    print(f"scale on {len(errors)} papers\n{pd.Series(errors).to_string(float_format='{:.7f}'.format)}")
    bench.note("scale: error in 40 in, worst paper, in", max(errors.values()))
    command, out = qgis(folder, "scale")
    if "missing" not in measured(command):
        bench.note("scale: error of QGIS in 40 in on ISO A0, in", error_in(out))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--parcels", type=int, default=100_000, help="of the large city")
    parser.add_argument("--out", type=Path, help="write the figures here, as JSON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="an empty folder for the files, which stay there")
    options = parser.parse_args()
    bench = Bench(options.repeat)
    with tempfile.TemporaryDirectory() as name:
        root = options.keep or Path(name)
        cities: dict[int, Path] = {}

        def city(parcels: int) -> Path:
            if parcels not in cities:
                cities[parcels] = root / f"{parcels // 1000}k"
                if not (cities[parcels] / "city.gpkg").exists():
                    write_all(cities[parcels], parcels)
            return cities[parcels]

        large = options.parcels
        drawn = {"tiff", "view", "hpgl"}
        if "lines" in options.case or drawn & set(options.case):
            lines(bench, city(large))
        for case, run in (("tiff", tiff), ("view", view), ("hpgl", hpgl), ("ortho", ortho)):
            if case in options.case:
                run(bench, city(large))
        if "labels" in options.case:
            for parcels in (10_000, large):
                labels(bench, city(parcels), f"{parcels // 1000}k")
        if "atlas" in options.case:
            atlas(bench, city(10_000))
        if "growth" in options.case:
            sizes = {"lines": (10_000, 2 * large), "labels": (10_000, large)}
            growth(bench, {case: {parcels: city(parcels) for parcels in both} for case, both in sizes.items()})
        if "scale" in options.case:
            scale(bench, root / "scale")
    if options.out:
        options.out.write_text(json.dumps(bench.figures, indent=2))


if __name__ == "__main__":
    main()
