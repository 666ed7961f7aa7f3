"""
How long survey documents take: a drawing of 82 lots, and the same tiled up to 5,000, from the file to numbered lots.

    python scripts/bench/survey.py [--drawing ../shared/data/cad/subd_dirty.dxf] [--lots 82 328 1312 5002]

Prints one line per size (reading, linework, lots found) and the exponent of growth of the whole.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import ezdxf

from citygis.linework import drawing_lots
from citygis.readers.cad_units import drawing_in_feet
from citygis.readers.dxf import read_dxf

LOTS_IN_ONE = 82
APART_FT = 5_000.0


def tiled(drawing: Path, copies: int, folder: Path) -> Path:
    """The drawing's model space copied into a square of places, lots of the copies numbered as those of the first."""
    document = ezdxf.readfile(drawing)
    msp = document.modelspace()
    originals = list(msp)
    side = math.ceil(math.sqrt(copies))
    for n in range(1, copies):
        for entity in originals:
            copy = entity.copy()
            copy.translate(n % side * APART_FT, n // side * APART_FT, 0)
            msp.add_entity(copy)
    path = folder / f"{copies}.dxf"
    document.saveas(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parents[2]
    parser.add_argument("--drawing", type=Path, default=here.parent / "shared" / "data" / "cad" / "subd_dirty.dxf")
    parser.add_argument("--lots", type=int, nargs="+", default=[82, 328, 1312, 5002])
    options = parser.parse_args()
    done = []
    with tempfile.TemporaryDirectory() as folder:
        read_dxf(options.drawing)  # loads what is loaded once
        for lots in options.lots:
            path = tiled(options.drawing, max(1, round(lots / LOTS_IN_ONE)), Path(folder))
            begins = time.perf_counter()
            drawing = drawing_in_feet(read_dxf(path), unit="us_survey_foot")
            read = time.perf_counter()
            made = drawing_lots(drawing).lots
            ends = time.perf_counter()
            found = int(made.polygons["lot"].notna().sum())
            done.append((found, ends - begins))
            print(f"{found:>6,} lots  {len(drawing.lines):>7,} lines  read {read - begins:6.2f} s  lots {ends - read:6.2f} s  "
                  f"together {ends - begins:6.2f} s  snap {made.snap_ft} ft")  # fmt: skip
    if len(done) > 1:
        (few, fast), (many, slow) = done[0], done[-1]
        print(f"grows with the number of lots to the power of {math.log(slow / fast) / math.log(many / few):.2f}")


if __name__ == "__main__":
    main()
