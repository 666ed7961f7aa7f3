"""
Build the source archive and the wheel, install the wheel into fresh environments, and try it there.

::

    python scripts/check_wheel.py                                   # this Python, lowest and tested versions
    python scripts/check_wheel.py --versions lowest
    python scripts/check_wheel.py --python python3.12 --python python3.13 --versions tested

*lowest* are the lower bounds of ``[project] dependencies`` in pyproject.toml, each taken as it stands there; *tested* are those of
constraints.txt. What is tried: the help of every command, ``citygis demo``, a delivery, a day of GPS, a tract, a notice list, a
sheet that is measured, a proven backup. Building and installing need a network or a package cache; the trial needs none.
"""

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = (
    "citygis/py.typed",
    "citygis/_data/styles/parcel.toml",
    "citygis/_data/sample_data/city/city.toml",
    "citygis/_data/sample_data/deliveries/county_parcels_2026q3.zip",
    "citygis/sheets/typefaces/",
    "citygis/sheets/templates/",
    "citygis/quality/rules/topology.toml",
    "citygis/quality/report.html.j2",
)
"""What a wheel is useless without: files, or folders with at least one file."""

TRIED = (
    "convert {sample}/deliveries/county_parcels_2026q4.zip --to parcel --crosswalk county_assessor --city riverbend"
    " --out parcels.gpkg",
    "diff parcels.gpkg --city riverbend --out changes",
    "gps {sample}/gps_day/rover_20261015.nmea --city riverbend --purpose parcel --to corner --out corners.gpkg"
    " --frame NAD83(2011)@2017.50 --antenna-height-ft 6.5617",
    "tract {sample}/survey/tract_3999_dirty.dxf --city riverbend --tract 3999 --frame NAD83(2011)@2010.00 --unit ft_us"
    " --out tract.gpkg",
    "deed {sample}/survey/deeds/true_01_modern.txt --svg plot.svg",
    "analyze notice --apn 192-010-73 --distance-ft 300 --date 2027-03-09 --city riverbend --out notice",
    "preflight riverbend/out/parcel_map.pdf",
    "backup --city riverbend --prove",
)
"""Commands of a first day; ``{sample}`` is the folder of sample data in the installation."""


def lower_bounds(pyproject: Path) -> list[str]:
    """
    The lowest versions that the package says it works with, as lines of a constraints file.

    Raises
    ------
    ValueError
        If a dependency states no lower bound.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    lines = []
    for requirement in project["dependencies"]:
        found = re.fullmatch(r"([A-Za-z0-9_.-]+)>=([0-9.]+)(?:,.*)?", requirement)
        if found is None:
            raise ValueError(f"Invalid dependency {requirement!r}. Must state its lower bound: name>=1.2.")
        lines.append(f"{found[1]}=={found[2]}")
    return lines


def missing_files(wheel: Path) -> list[str]:
    """Which of `NEEDED` a wheel lacks."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    return [need for need in NEEDED if not any(name == need or (need.endswith("/") and name.startswith(need)) for name in names)]


def build(folder: Path) -> Path:
    """Source archive and wheel into a folder, with the build tool in an environment of its own; the wheel's path."""
    python = _environment(folder / "build_env", sys.executable)
    _run([python, "-m", "pip", "install", "--quiet", "build"])
    _run([python, "-m", "build", "--outdir", folder / "dist", ROOT])
    return next((folder / "dist").glob("*.whl"))


def install(wheel: Path, folder: Path, interpreter: str, versions: str) -> Path:
    """The wheel in a fresh environment, with ``lowest`` or ``tested`` versions; the path of its Python."""
    python = _environment(folder, interpreter)
    constraints = ROOT / "constraints.txt"
    if versions == "lowest":
        constraints = folder / "lowest.txt"
        constraints.write_text("\n".join(lower_bounds(ROOT / "pyproject.toml")) + "\n", encoding="utf-8")  # a temporary file
    _run([python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "-c", constraints, wheel])
    return python


def smoke(python: Path, folder: Path) -> None:
    """The commands of a first day, in an empty folder, away from the checkout."""
    folder.mkdir(parents=True)
    said = _run([python, "-m", "citygis.cli", "--help"], folder)
    for name in re.findall(r"^  ([a-z]+)  ", said.partition("Commands:")[2], flags=re.MULTILINE):
        _run([python, "-m", "citygis.cli", name, "--help"], folder)
    _run([python, "-m", "citygis.cli", "demo", "riverbend", "--quiet"], folder)
    sample = _run([python, "-c", "from citygis.packaged import packaged_folder as p; print(p('sample_data'))"], folder).strip()
    for line in TRIED:
        # 1: done, with what was planted in the sample data
        _run([python, "-m", "citygis.cli", *shlex.split(line.format(sample=sample))], folder, allowed=(0, 1))
    if not any((folder / "notice").iterdir()):
        raise SystemExit("The notice has no files.")


def _environment(folder: Path, interpreter: str) -> Path:
    if interpreter == sys.executable:
        venv.create(folder, with_pip=True)
    else:
        _run([interpreter, "-m", "venv", folder])
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _run(words: list, folder: Path = ROOT, allowed: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True)
    if done.returncode not in allowed:
        said = (done.stdout + done.stderr)[-3000:]
        raise SystemExit(f"{' '.join(map(str, words))}\nended with {done.returncode}:\n{said}")
    return done.stdout


def main() -> None:
    """Build once, then each Python with each set of versions."""
    parser = argparse.ArgumentParser(description="Build the wheel, install it afresh, and try it.")
    parser.add_argument("--python", action="append", help="an interpreter; may be given several times (default: this one)")
    parser.add_argument("--versions", choices=("lowest", "tested"), action="append", help="default: both")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="citygis_wheel_") as temporary:
        folder = Path(temporary)
        wheel = build(folder)
        if lacking := missing_files(wheel):
            raise SystemExit(f"{wheel.name} lacks {', '.join(lacking)}.")
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, whole")
        for number, interpreter in enumerate(said.python or [sys.executable]):
            for versions in said.versions or ("lowest", "tested"):
                python = install(wheel, folder / f"env_{number}_{versions}", interpreter, versions)
                smoke(python, folder / f"try_{number}_{versions}")
                print(f"{interpreter}, {versions} versions: works", flush=True)


if __name__ == "__main__":
    main()
