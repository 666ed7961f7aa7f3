"""
How well one planted blunder is found again, in traverses of the shape of real lots and deeds.

The shapes are the lots of LandXML files and three described loops of lines. Each is written as a record would write it (bearings
to a second, lengths to 0.01, curves by radius and delta, along the course before where they are tangent to it), one number of one
course is falsified, and the finder is asked. A plant that leaves the figure closing within rounding cannot be found by anybody; it
is counted and planted anew. Clean figures are asked as well, and each suspect there is a false alarm.

    python scripts/bench/blunders.py [--data ../shared/data/cad/landxml] [--plants 500] [--clean 2000] [--seed 4]
"""

import argparse
import json
import math
import random
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from citygis.cogo.arc import turn
from citygis.cogo.area import area_sqft
from citygis.cogo.bearing import parse_bearing
from citygis.cogo.blunder import LEAST_MISCLOSURE_FT, suspects
from citygis.cogo.course import Course, azimuths_of, course_between, curve_course, line_course, oriented
from citygis.cogo.curve import solve_curve
from citygis.cogo.traverse import closure

DEEDS = {
    "ut_230180077": "S0-31-26E 793.78; N89-55-03E 319.67; S0-39-59E 527; N34-52-59W 344.06; N79-08-06W 129.34; S0-31-26E 42.03; "
    "S89-35-27W 450.48; N0-26-01E 350; N89-38-12E 109.07; N50-26-01E 270.44; N0-31-24W 498.24; N73-19-19E 100.88; N72-55-49E 29.85",
    "spokane_24274_9094": "S00-38-50E 155.32; N89-21-10E 46.45; S00-38-50E 545.95; S89-21-04W 860.30; N42-16-22E 209.06; "
    "N23-56-22E 139.51; N01-54-38W 318.86; N11-24-38W 104.39; N89-21-10E 639.96",
    "oc_tract858": "S89-47-10E 136.93; N06-20-24E 49.96; N13-49-21E 19.92; N60-29-30W 46.68; S49-21-40W 140.46",
}


def deed_loops() -> list[list[Course]]:
    """The loops of the descriptions above."""
    loops = []
    for text in DEEDS.values():
        pairs = [call.strip().rsplit(" ", 1) for call in text.split(";")]
        loops.append([line_course(parse_bearing(bearing), float(length)) for bearing, length in pairs])
    return loops


def landxml_loops(path: Path) -> list[list[Course]]:
    """The closed parcels of a LandXML file as exact courses; northing comes first there."""
    root = ElementTree.parse(path).getroot()
    points = {}

    def local(node) -> str:
        return node.tag.rpartition("}")[2]

    def place(node) -> tuple[float, float]:
        if node.get("pntRef"):
            return points[node.get("pntRef")]
        northing, easting = map(float, node.text.split()[:2])
        return easting, northing

    for node in root.iter():
        if local(node) == "CgPoint" and node.text and node.text.strip():
            points[node.get("name")] = place(node)
    loops = []
    for parcel in (node for node in root.iter() if local(node) == "Parcel"):
        loop, first, last, whole = [], None, None, True
        for geometry in (node for node in parcel if local(node) == "CoordGeom"):
            for piece in geometry:
                ends = {local(child): place(child) for child in piece}
                if local(piece) not in ("Line", "Curve") or ends["Start"] == ends["End"]:
                    whole = False
                    continue
                whole &= last is None or math.dist(last, ends["Start"]) < 1e-4
                first, last = first or ends["Start"], ends["End"]
                arc = {"hand": "R" if piece.get("rot") == "cw" else "L", "center": ends["Center"]} if "Center" in ends else {}
                loop.append(course_between(ends["Start"], ends["End"], **arc))
        if whole and len(loop) > 2 and math.dist(first, last) < 1e-3:
            loops.append(loop)
    return loops


def recorded(loop: list[Course], where: int) -> list[Course]:
    """A loop as a record writes it, begun at one of its courses."""
    loop = loop[where:] + loop[:where]
    written = []
    for n, course in enumerate(loop):
        azimuth = round(course.azimuth_deg * 3600) / 3600
        if course.kind == "line":
            written.append(line_course(azimuth, round(course.distance_ft, 2)))
            continue
        curve = solve_curve(radius_ft=round(course.radius_ft, 2), delta_deg=round(course.delta_deg * 3600) / 3600)
        tangent = n > 0 and abs(turn(azimuths_of(loop[n - 1])[1], azimuths_of(course)[0])) < 5 / 3600
        written.append(
            curve_course(curve, course.hand, azimuth_deg=None if tangent else azimuth, tangency="tangent" if tangent else None)
        )
    return written


def swapped_digits(text: str, rng: random.Random) -> str:
    places = [n for n, sign in enumerate(text) if sign != "."]
    n = rng.randrange(len(places) - 1)
    signs = list(text)
    signs[places[n]], signs[places[n + 1]] = signs[places[n + 1]], signs[places[n]]
    return "".join(signs)


def falsified_length(length: float, rng: random.Random) -> tuple[str, float]:
    kind = rng.choice(["transposed", "dropped digit", "dropped 100", "wrong digit"])
    text = f"{length:.2f}"
    if kind == "transposed":
        return kind, float(swapped_digits(text, rng))
    if kind == "dropped digit":
        at = rng.choice([n for n, sign in enumerate(text[:-3]) if sign != "."])
        return kind, float(text[:at] + text[at + 1 :] or 0)
    if kind == "dropped 100":
        return kind, length + rng.choice([100, -100])
    at = rng.choice([n for n, sign in enumerate(text) if sign != "."])
    return kind, float(text[:at] + rng.choice("0123456789".replace(text[at], "")) + text[at + 1 :])


def falsified_angle(angle: float, rng: random.Random, most: float) -> tuple[str, float]:
    total = round(angle * 3600)
    d, m, s = total // 3600, total // 60 % 60, total % 60
    kind = rng.choice(["transposed", "degree slip", "minute slip", "dropped digit"])
    if kind == "transposed":
        part = rng.randrange(3)
        parts = [d, m, s]
        parts[part] = int(f"{parts[part]:02d}"[::-1])
        d, m, s = parts
    elif kind == "degree slip":
        d += rng.choice([-10, -1, 1, 10])
    elif kind == "minute slip":
        m += rng.choice([-30, -10, -1, 1, 10, 30])
    else:
        d = int(f"{d:02d}"[rng.randrange(2)])
    changed = d + m / 60 + s / 3600
    if not (0 < changed <= most and 0 <= m < 60 and s < 60):
        return kind, angle
    return kind, changed


def planted(loop: list[Course], rng: random.Random) -> tuple[int, str, list[Course]]:
    """A loop with one number falsified, with where and how."""
    at = rng.randrange(len(loop))
    course = loop[at]
    if course.kind == "line":
        kind = rng.choice(["quadrant letter", "reversed bearing", "bearing", "distance", "distance"])
        azimuth, distance = course.azimuth_deg, course.distance_ft
        if kind == "quadrant letter":
            azimuth = rng.choice([180 - azimuth, -azimuth]) % 360
        elif kind == "reversed bearing":
            azimuth = (azimuth + 180) % 360
        elif kind == "bearing":
            north, east = azimuth <= 90 or azimuth >= 270, azimuth <= 180
            kind, angle = falsified_angle(min(azimuth, abs(180 - azimuth), 360 - azimuth), rng, 90)
            kind, azimuth = f"bearing {kind}", (angle if north else 180 - angle) * (1 if east else -1) % 360
        else:
            kind, distance = falsified_length(distance, rng)
            kind = f"distance {kind}"
            if distance <= 0:
                return at, kind, loop
        changed = course._replace(azimuth_deg=azimuth, distance_ft=distance)
    else:
        radius, delta = course.radius_ft, course.delta_deg
        kind = rng.choice(["radius", "delta", "arc for chord", *(["hand"] * (course.azimuth_deg is None))])
        hand = course.hand
        if kind == "hand":
            hand = {"L": "R", "R": "L"}[hand]
        elif kind == "radius":
            radius = falsified_length(radius, rng)[1]
        elif kind == "delta":
            delta = falsified_angle(delta, rng, 359)[1]
        else:
            delta = math.degrees(course.distance_ft / radius)
        kind = f"curve {kind}"
        if radius <= 0:
            return at, kind, loop
        curve = solve_curve(radius_ft=radius, delta_deg=delta)
        changed = curve_course(curve, hand, azimuth_deg=course.azimuth_deg, tangency=course.tangency)
    return at, kind, [*loop[:at], changed, *loop[at + 1 :]]


def shapes(data: Path) -> dict[str, list[list[Course]]]:
    """The loops of each source."""
    pool = {"deeds": deed_loops()}
    for path in sorted(data.glob("*.xml")):
        # The file in version 2.0 holds the same lots.
        if path.name != "nathancrews__subdivision-2.0.xml" and (loops := landxml_loops(path)):
            pool[path.stem] = loops
    return pool


def clean(pool: dict[str, list[list[Course]]], figures: int, *, seed: int) -> dict:
    """How often a figure without a blunder gets a suspect."""
    rng = random.Random(seed)
    loops = [loop for loops in pool.values() for loop in loops]
    records = [recorded(loop, rng.randrange(len(loop))) for loop in (loops[n % len(loops)] for n in range(figures))]
    start = time.perf_counter()
    alarms = sum(bool(suspects(record)) for record in records)
    return {
        "figures": figures,
        "false_alarms": alarms,
        "rate": alarms / figures,
        "ms_each": 1000 * (time.perf_counter() - start) / figures,
    }


def planted_and_sought(pool: dict[str, list[list[Course]]], plants: int, *, seed: int, with_area: bool) -> dict:
    """How often a planted blunder is found, by closure alone or with the stated area."""
    rng = random.Random(seed)
    records = [recorded(loop, rng.randrange(len(loop))) for loops in pool.values() for loop in loops]
    tops, kinds, misses, unseen, asked, seconds = Counter(), Counter(), Counter(), 0, 0, 0.0
    while asked < plants:
        loop = rng.choice(records)
        at, kind, stated = planted(loop, rng)
        if closure(oriented(stated).courses).misclosure_ft <= LEAST_MISCLOSURE_FT:
            unseen += 1
            continue
        area = {"area_sqft": round(area_sqft(oriented(loop).courses)), "area_rounding_sqft": 1.0} if with_area else {}
        start = time.perf_counter()
        found = suspects(stated, **area)
        seconds += time.perf_counter() - start
        asked += 1
        kinds[kind] += 1
        order = list(dict.fromkeys(suspect.position for suspect in found))
        tops[1] += order[:1] == [at]
        tops[3] += at in order[:3]
        tops["value"] += bool(found) and found[0].position == at and _same(found[0].restored, loop[at])
        misses[kind] += at not in order[:3]
    return {
        "plants": asked,
        "top_1": tops[1] / asked,
        "top_3": tops[3] / asked,
        "first_suspect_restores_the_number": tops["value"] / asked,
        "not_in_top_3_by_kind": {kind: f"{n} of {kinds[kind]}" for kind, n in misses.most_common() if n},
        "closes_all_the_same": unseen,
        "ms_each": 1000 * seconds / asked,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared/data/cad/landxml")
    parser.add_argument("--plants", type=int, default=500)
    parser.add_argument("--clean", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    pool = shapes(options.data)
    result = {"shapes": {name: len(loops) for name, loops in pool.items()}, "clean": clean(pool, options.clean, seed=options.seed)}
    for name, with_area in (("by closure alone", False), ("with the stated area", True)):
        result[name] = planted_and_sought(pool, options.plants, seed=options.seed, with_area=with_area)
    print(json.dumps(result, indent=2))


def _same(restored: float | str, course: Course) -> bool:
    if isinstance(restored, str):
        return restored == course.hand
    numbers = (course.azimuth_deg, course.distance_ft, course.radius_ft, course.delta_deg, course.arc_ft)
    return any(number is not None and abs(number - restored) < 2e-3 for number in numbers)


if __name__ == "__main__":
    main()
