"""
Seconds and peak memory of reading GPS captures and of transforming them, beside what others take for the same work in the same run.

Each reader runs in a process of its own, on files made here: 1,000,000 NMEA sentences with GGA, RMC and GST of each epoch, and a
GPX file of 560,000 track points (about 150 MB). pynmea2 and gpxpy are installed for this alone: pip install pynmea2 gpxpy.

    python scripts/bench/gps.py [--sentences 1000000] [--points 560000] [--transformed 10000000] [--no-peer]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import reduce
from pathlib import Path


def write_nmea(path: Path, sentences: int) -> None:
    """A walk along the levee at five epochs a second, RTK fixed but for every seventh epoch, across midnights."""

    def sentence(text: str) -> str:
        return f"${text}*{reduce(lambda one, other: one ^ other, text.encode()):02X}\r\n"

    with open(path, "w", newline="") as file:
        for epoch in range((sentences + 2) // 3):
            whole, fifth = divmod(epoch + 400_000, 5)
            second = whole % 86_400
            clock = f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}.{fifth * 2}0"
            place = f"3749.{319_000 + epoch % 997:06},N,12116.{560_000 + epoch % 1_009:06},W"
            quality = 4 if epoch % 7 else 2
            metres = f"{5 + epoch % 1000 / 1000:.3f}"
            quality_of = f"{quality},{12 + epoch % 9:02},0.{60 + epoch % 40}"
            file.write(sentence(f"GNGGA,{clock},{place},{quality_of},{metres},M,-31.9,M,1.0,0031"))
            motion = f"0.05,12.3,{1 + whole // 86_400:02}0626,,,{'R' if quality == 4 else 'D'}"
            file.write(sentence(f"GNRMC,{clock},A,{place},{motion}"))
            file.write(sentence(f"GNGST,{clock},0.9,0.011,0.009,45.0,0.011,0.010,0.019"))


def write_gpx(path: Path, points: int) -> None:
    """One track with what a good app writes: ele, time, fix, sat and the three dilutions of precision."""
    with open(path, "w") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="City of Riverbend" ')
        file.write('xmlns="http://www.topografix.com/GPX/1/1">\n  <trk>\n    <name>Levee</name>\n    <trkseg>\n')
        for point in range(points):
            day, second = divmod(point, 86_400)
            file.write(
                f'      <trkpt lat="{37.8 + point * 1e-7:.9f}" lon="{-121.3 + point % 5000 * 1e-7:.9f}">\n'
                f"        <ele>{5 + point % 1000 / 1000:.3f}</ele>\n"
                f"        <time>2026-06-{1 + day:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z</time>\n"
                f"        <fix>dgps</fix>\n        <sat>{8 + point % 12}</sat>\n        <hdop>{0.6 + point % 40 / 100:.2f}</hdop>\n"
                "        <vdop>1.20</vdop>\n        <pdop>1.40</pdop>\n      </trkpt>\n"
            )
        file.write("    </trkseg>\n  </trk>\n</gpx>\n")


def read_with_citygis(path: Path) -> int:
    """Checksums, joins, dates and the frame: everything that `read_captures` promises of the format."""
    from citygis.readers.gpx import read_gpx
    from citygis.readers.nmea import read_nmea

    found = (read_gpx if path.suffix == ".gpx" else read_nmea)(path)
    assert not len(found.rejected), "the files made here have nothing to reject"
    return sum(found.records.values())


def read_with_pynmea2(path: Path) -> int:
    """Sentences parsed with their checksum; nothing is joined, dated or put into a frame."""
    import pynmea2

    with open(path) as file:
        return sum(pynmea2.parse(line, check=True) is not None for line in file)


def read_with_gdal(path: Path) -> int:
    """The same layer with all of its columns, as geopandas users read it."""
    import pyogrio

    return len(pyogrio.read_dataframe(path, layer="track_points"))


def read_with_gpxpy(path: Path) -> int:
    """The whole file as gpxpy's objects; no frame is made of them."""
    import gpxpy

    with open(path) as file:
        return sum(len(segment.points) for track in gpxpy.parse(file).tracks for segment in track.segments)


READERS = {
    "citygis": read_with_citygis,
    "pynmea2": read_with_pynmea2,
    "gdal": read_with_gdal,
    "gpxpy": read_with_gpxpy,
}


def run(reader: str, path: Path) -> dict:
    """One reader on one file in this process: the import is not timed, the memory of the whole process is counted."""
    import citygis.readers
    import citygis.readers.gpx
    import citygis.readers.nmea  # noqa: F401

    start, cpu = time.perf_counter(), time.process_time()
    count = READERS[reader](path)
    return {
        "count": count,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def transform(count: int) -> dict[str, dict]:
    """Points of a day in ITRF2014 into the City's feet: citygis, then the very pipeline that it names, in pyproj alone."""
    import numpy as np
    from pyproj import Transformer

    from citygis.city import default_city
    from citygis.geodesy import parse_frame, transform_points

    city = default_city()
    random = np.random.default_rng(1)
    easting, northing = random.uniform(-121.35, -121.2, count), random.uniform(37.75, 37.9, count)
    height = random.uniform(-30.0, -10.0, count)

    def ours(some: slice):
        return transform_points(
            easting[some],
            northing[some],
            height[some],
            source=parse_frame("ITRF2014@2026.0"),
            source_crs="EPSG:4326",
            target=city.frame,
            target_crs=city.crs,
            velocity=city.velocity,
            tolerance_ft=city.tolerance_ft("parcel"),
        )

    _, lineage = ours(slice(0, 1000))
    runs = {}
    start, cpu = time.perf_counter(), time.process_time()
    points, _ = ours(slice(None))
    runs["citygis"] = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    raw = Transformer.from_pipeline(lineage.pipeline)
    start, cpu = time.perf_counter(), time.process_time()
    theirs = raw.transform(easting, northing, height, np.full(count, 2026.0))
    runs["pyproj"] = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    apart = np.hypot(points.easting - theirs[0], points.northing - theirs[1]).max()
    assert apart < 1e-4, f"citygis and its own pipeline lie {apart} ft apart"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {name: {"count": count, "peak_mb": peak, **one} for name, one in runs.items()}


def measure(reader: str, path: Path) -> dict:
    """One reader in a process of its own."""
    command = [sys.executable, __file__, "--run", reader, "--file", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{reader} on {path.name} failed:\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])


def report(title: str, runs: dict[str, dict], goals: list[str]) -> None:
    """One table: a line per reader, and the ratios to what others take."""
    print(f"\n{title}")
    print(f"{'':12}{'records':>12}{'s':>9}{'cpu s':>9}{'MB':>8}{'s / citygis':>13}{'MB / citygis':>14}")
    ours = runs["citygis"]
    for name, one in runs.items():
        ratios = f"{one['seconds'] / ours['seconds']:13.2f}{one['peak_mb'] / ours['peak_mb']:14.2f}"
        print(f"{name:12}{one['count']:12,}{one['seconds']:9.2f}{one['cpu_seconds']:9.2f}{one['peak_mb']:8.0f}{ratios}")
    for goal in goals:
        print(f"  goal: {goal}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--sentences", type=int, default=1_000_000)
    parser.add_argument("--points", type=int, default=560_000)
    parser.add_argument("--transformed", type=int, default=10_000_000)
    parser.add_argument("--no-peer", action="store_true", help="leave pynmea2, GDAL and gpxpy out")
    parser.add_argument("--run", choices=list(READERS), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run(options.run, options.file)))
        return

    with tempfile.TemporaryDirectory() as folder:
        nmea, gpx = Path(folder) / "walk.nmea", Path(folder) / "walk.gpx"
        write_nmea(nmea, options.sentences)
        write_gpx(gpx, options.points)
        peers = [] if options.no_peer else ["pynmea2"]
        title = f"NMEA 0183, {nmea.stat().st_size / 1e6:.0f} MB"
        report(title, {name: measure(name, nmea) for name in ["citygis", *peers]}, ["pynmea2 takes at least 1.5 times as long"])
        peers = [] if options.no_peer else ["gdal", "gpxpy"]
        report(
            f"GPX, {gpx.stat().st_size / 1e6:.0f} MB",
            {name: measure(name, gpx) for name in ["citygis", *peers]},
            ["gdal takes at least 1 / 1.3 = 0.77 of the time", "gpxpy takes at least 3 times the memory"],
        )
    runs = transform(options.transformed)
    report("Points from ITRF2014 at 2026.0 to City feet, in one process", runs, ["pyproj takes at least 0.8 of the time"])


if __name__ == "__main__":
    main()
