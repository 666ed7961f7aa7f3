"""
Make the sample data: the committed files, or the same city at any size for benchmarks.

Examples::

    python scripts/make_sample_data.py                                    # the files under sample_data/, as committed
    python scripts/make_sample_data.py --parcels 200000 --out big         # a city of 200,000 parcels
"""

import argparse
import re
import shutil
import sys
import time
from pathlib import Path

from citygis.samples import (
    SEED,
    riverbend,
    sample_folder,
    write_city_base,
    write_deeds,
    write_deliveries,
    write_districts,
    write_gps_day,
    write_tract,
)
from citygis.samples.region import PITCH_FT

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Read the arguments, write the files, say on stderr what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument(
        "--parcels", type=int, help="how many, in whole districts of about 2,000; without it, the sample city itself"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "sample_data", help="folder to write to (default: sample_data)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"same seed, same files (default: {SEED})")
    parser.add_argument("--no-defects", action="store_true", help="clean deliveries, which raise no finding")
    given = parser.parse_args()
    started = time.perf_counter()
    if given.parcels is None:
        city = riverbend(seed=given.seed)
        write_deliveries(given.out / "deliveries", city, seed=given.seed, defects=not given.no_defects)
        write_city_base(given.out / "city", city)
        write_gps_day(given.out / "gps_day", city, seed=given.seed)
        write_tract(given.out / "survey", city, seed=given.seed)
        write_deeds(given.out / "survey" / "deeds")
        counts = {name: len(layer) for name, layer in city.layers.items()}
    else:
        if given.out.resolve() == (ROOT / "sample_data").resolve():
            parser.error("--parcels needs --out: the committed files are the city of about 2,000 parcels")
        counts = write_districts(given.out, given.parcels, seed=given.seed, defects=not given.no_defects)
    if given.out.resolve() != sample_folder().resolve():
        _write_city_folder(given.out / "city", given.parcels)
    rows = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    print(f"{given.out}: {rows}; {time.perf_counter() - started:.1f} s", file=sys.stderr)


def _write_city_folder(folder: Path, parcels: int | None) -> None:
    """The sample city's city.toml and crosswalks, the extent grown to the number of parcels."""
    source = sample_folder() / "city"
    shutil.copytree(source / "crosswalks", folder / "crosswalks", dirs_exist_ok=True)
    text = (source / "city.toml").read_text(encoding="utf-8")
    side_ft = (int((parcels or 0) ** 0.5 // 45) + 2) * PITCH_FT
    for name, low in (("easting", 6_335_000), ("northing", 2_121_000)):
        text = re.sub(rf"{name}_max = [\d_]+", f"{name}_max = {int(low + side_ft + 500)}" if parcels else r"\g<0>", text)
    (folder / "city.toml").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
