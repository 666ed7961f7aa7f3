"""
How long survey documents take: a drawing of 82 lots, and the same tiled up to 5,000, from the file to numbered lots; a deed of
500 courses; a LandXML file of 3,000 points.

    python scripts/bench/survey.py [--drawing ../shared/data/cad/subd_dirty.dxf] [--lots 82 328 1312 5002]

Prints one line per size (reading, linework, lots found), the exponent of growth of the whole, and the best of five readings of the
deed and of the LandXML file.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import ezdxf

from citygis.cogo import Course, curve_course, line_course, solve_curve
from citygis.linework import drawing_lots
from citygis.readers.cad_units import drawing_in_feet
from citygis.readers.deed import describe, read_deed
from citygis.readers.dxf import read_dxf
from citygis.readers.landxml import read_landxml

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


def figure(courses: int) -> list[Course]:
    """A figure all round, every fifth course a curve tangent to the one before; what lies opposite is equal, so that it closes."""
    made: list[Course] = []
    step = 360 / courses
    for n in range(courses):
        if n % 5 == 4:
            curve = solve_curve(radius_ft=250.0 + n % 25, delta_deg=step)
            made.append(curve_course(curve, "R", azimuth_deg=(n - 0.5) * step % 360, tangency="tangent"))
        else:
            made.append(line_course(n * step % 360, 40.0 + n % 25 * 3.7))
    return made


def points_file(points: int, folder: Path) -> Path:
    """A LandXML file of so many points, and lots between them."""
    side = math.ceil(math.sqrt(points))
    places = [(2_100_000 + n // side * 60.0, 6_330_000 + n % side * 120.0) for n in range(points)]
    lots = []
    for n in range(points - side - 1):
        if n % side < side - 1 and n % 3 == 0:
            ring = (n, n + 1, n + side + 1, n + side)
            lines = "".join(
                f"<Line><Start pntRef='{a + 1}'/><End pntRef='{b + 1}'/></Line>"
                for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)
            )
            lots.append(f"<Parcel name='{n + 1}' area='7200'><CoordGeom>{lines}</CoordGeom></Parcel>")
    path = folder / "points.xml"
    path.write_text(
        "<?xml version='1.0'?><LandXML xmlns='http://www.landxml.org/schema/LandXML-1.2' version='1.2'>"
        "<Units><Imperial areaUnit='squareFoot' linearUnit='USSurveyFoot' volumeUnit='cubicFeet' temperatureUnit='fahrenheit' "
        "pressureUnit='inHG'/></Units><CgPoints>"
        + "".join(f"<CgPoint name='{n + 1}'>{north:.3f} {east:.3f}</CgPoint>" for n, (north, east) in enumerate(places))
        + f"</CgPoints><Parcels>{''.join(lots)}</Parcels></LandXML>"
    )
    return path


def best_of(repeats: int, reading) -> float:
    """The shortest of some readings, in seconds."""
    took = []
    for _ in range(repeats):
        begins = time.perf_counter()
        reading()
        took.append(time.perf_counter() - begins)
    return min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parents[2]
    parser.add_argument("--drawing", type=Path, default=here.parent / "shared" / "data" / "cad" / "subd_dirty.dxf")
    parser.add_argument("--lots", type=int, nargs="+", default=[82, 328, 1312, 5002])
    parser.add_argument("--courses", type=int, default=500)
    parser.add_argument("--points", type=int, default=3_000)
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
    text = describe(figure(options.courses), with_area=False)
    found = len(read_deed(text).table)
    print(f"{found:>6,} courses  {len(text):>7,} characters  deed {best_of(5, lambda: read_deed(text)):6.3f} s")
    with tempfile.TemporaryDirectory() as folder:
        path = points_file(options.points, Path(folder))
        read = read_landxml(path)
        print(f"{len(read.points):>6,} points  {len(read.parcels):>7,} parcels  "
              f"LandXML {best_of(5, lambda: read_landxml(path)):6.3f} s")  # fmt: skip


if __name__ == "__main__":
    main()
