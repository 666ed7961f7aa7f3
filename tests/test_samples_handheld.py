"""The handheld and the photographs of the sample day."""

import xml.etree.ElementTree as ET
from datetime import datetime

import numpy as np
import shapely
from gps_truth import DAY, ITRF2020_TO_NAD83, cases, in_city_feet, of
from PIL import Image
from pyproj import Transformer

from citygis.samples.gps_day import PHOTOS, TRACK_GPX


def gpx_points() -> tuple[list[list], ET.Element]:
    space = "{http://www.topografix.com/GPX/1/1}"
    root = ET.parse(DAY / TRACK_GPX).getroot()
    segments = [
        [(float(p.get("lon")), float(p.get("lat")), datetime.fromisoformat(p.find(f"{space}time").text)) for p in segment]
        for segment in root.iter(f"{space}trkseg")
    ]
    return segments, root


def test_the_track_has_an_empty_segment_a_spike_and_a_gap():
    segments, root = gpx_points()
    assert [len(segment) for segment in segments] == [
        of(TRACK_GPX)["tracks"]["Around the park"],
        0,
        of(TRACK_GPX)["tracks"]["Back to the truck"],
    ]
    assert root.get("version") == "1.1"
    flat = [point for segment in segments for point in segment]
    [spike], [gap] = cases(TRACK_GPX, "spike"), cases(TRACK_GPX, "gap")
    steps = np.hypot(*np.diff(in_city_feet(*zip(*[p[:2] for p in segments[0]], strict=True), years=0), axis=0).T)
    at = spike["trkpt"] - 1
    assert set(np.flatnonzero(steps > 100)) == {at - 1, at}
    waits = [(b[2] - a[2]).total_seconds() for a, b in zip(segments[2], segments[2][1:], strict=False)]
    assert [len(segments[0]) + k + 1 for k, wait in enumerate(waits) if wait > 60] == [gap["trkpt"]]
    assert max(waits) == gap["size_s"]
    assert len(flat) == of(TRACK_GPX)["records"]["trkpt"]


def test_the_walk_closes_and_lies_some_feet_off_once_its_datum_is_undone():
    segments, _ = gpx_points()
    points = np.array([p[:2] for k, p in enumerate(segments[0]) if k + 1 != cases(TRACK_GPX, "spike")[0]["trkpt"]])
    n = len(points)
    nad83 = Transformer.from_pipeline(ITRF2020_TO_NAD83).transform(
        points[:, 0], points[:, 1], np.full(n, -26.0), np.full(n, 2026.79)
    )
    walked = np.column_stack(nad83[:2])
    ring = shapely.LinearRing(of(TRACK_GPX)["ring"])
    off = shapely.distance(shapely.points(walked), ring)
    assert 0.5 < np.median(off) < 6
    assert np.hypot(*(walked[0] - walked[-1])) < 25


def test_photographs_have_places_and_one_has_lost_its_w():
    for name in of(PHOTOS)["photos"]:
        gps = Image.open(DAY / PHOTOS / name).getexif().get_ifd(0x8825)
        lat, lon = (float(d) + float(m) / 60 + float(s) / 3600 for d, m, s in (gps[2], gps[4]))
        place = in_city_feet([-lon], [lat], years=0)[0]
        assert 0 < np.hypot(*(place - of(PHOTOS)["photos"][name]["place"])) < 25
        lost = [case["file"] for case in cases(PHOTOS, "longitude_without_w")]
        assert (3 not in gps) == (name in lost)
        assert gps.get(3, "W") == "W"
        assert (DAY / PHOTOS / name).stat().st_size < 2_000
    assert len(lost) == 1
