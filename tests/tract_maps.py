"""
A new tract on the remainder of the sample city's parcel map, drawn from that parcel's own courses: eight lots and a street between
them, a reverse curve along the canal on the west, a curb return in the north-east, neighbours with corners of their own on the
south.
"""

import datetime
import math
from functools import cache
from pathlib import Path

import numpy as np
import sample_city
import shapely

from citygis.city import City, open_city
from citygis.cogo import Figure, corners, course_between, divided, format_angle, format_bearing
from citygis.exports import write_dxf, write_landxml
from citygis.findings import findings_frame
from citygis.store import store
from citygis.tracts.plat import edge_courses, rings_of
from citygis.units import US_SURVEY_FOOT

PARENT = "19801006"
FRAME = "NAD83(2011)@2010.00"
CITY = Path(__file__).parents[1] / "citygis" / "default_city.toml"
_HANDS = {"L": "R", "R": "L"}


def held():
    """What the City has around it."""
    names = ("parcel", "right_of_way", "tract", "corner", "control_station", "source_document")
    return {name: sample_city.city().layers[name] for name in names}


def parent():
    parcels = sample_city.city().layers["parcel"]
    return parcels[parcels["apn"] == PARENT].iloc[0]


@cache
def outline() -> Figure:
    """The parent's courses, clockwise, from the City's boundary lines; the three along the south made one, as a map draws them."""
    lines = sample_city.city().layers["boundary_line"]
    own = parent()["global_id"]
    steps = {}
    for row in lines[lines["left_parcel"].eq(own) | lines["right_parcel"].eq(own)].itertuples():
        ends = [tuple(row.geometry.coords[k]) for k in (0, -1)]
        forward = row.right_parcel == own
        a, b = ends if forward else ends[::-1]
        hand = row.curve_side if isinstance(row.curve_side, str) else None
        steps[a] = (b, hand if forward or hand is None else _HANDS[hand], row.radius_ft)
    start = min(steps, key=lambda place: place[0] - place[1])
    courses, at = [], start
    while True:
        b, hand, radius = steps[at]
        courses.append((at, b, hand, radius))
        at = b
        if at == start:
            break
    merged = []
    for a, b, hand, radius in courses:
        if merged and hand is None and merged[-1][2] is None and _straight(merged[-1][0], a, b):
            merged[-1] = (merged[-1][0], b, None, radius)
        else:
            merged.append((a, b, hand, radius))
    made = [course_between(a, b, hand=hand, radius_ft=radius if hand else None) for a, b, hand, radius in merged]
    return Figure(np.array(start), tuple(made))


def _straight(a, b, c):
    first, second = np.subtract(b, a), np.subtract(c, b)
    return abs(first[0] * second[1] - first[1] * second[0]) < 1e-3 * math.hypot(*second)


@cache
def lots() -> dict[str, tuple[Figure, ...]]:
    """Lots 1 to 7 and A. The street between them is what is left of the boundary."""
    whole = outline()
    middle = np.array(parent().geometry.centroid.coords[0])
    across, along = 96.0, 6.0
    north_of = np.array([math.sin(math.radians(along)), math.cos(math.radians(along))])
    east_of = np.array([math.sin(math.radians(across)), math.cos(math.radians(across))])
    north = divided(whole.courses, whole.start, middle + 30 * north_of, across).left[0]
    south = divided(whole.courses, whole.start, middle - 30 * north_of, across).right[0]
    made, names = {}, iter(["1", "2", "3", "4", "5", "6", "7", "LOT A"])
    for side in (north, south):
        rest = side
        for k in (-250, 0, 250):
            cut = divided(rest.courses, rest.start, middle + k * east_of, along)
            made[next(names)] = (cut.left[0],)
            rest = cut.right[0]
        made[next(names)] = (rest,)
    return made


def figures(change=None) -> dict[str, tuple[Figure, ...]]:
    """The lots and their boundary; `change` takes places (n, 2) to others."""
    made = {**lots(), "BOUNDARY": (outline(),)}
    return made if change is None else {name: tuple(_changed(one, change) for one in parts) for name, parts in made.items()}


def _changed(figure, change):
    places = corners(figure.courses, figure.start)
    places[-1] = places[0]
    moved = change(places)
    # Lengths change by the same factor everywhere, so that of the first course tells the radii.
    factor = math.dist(moved[0], moved[1]) / math.dist(places[0], places[1])
    mirrored = _side(moved) * _side(places) < 0
    courses = []
    for n, course in enumerate(figure.courses):
        hand = _HANDS[course.hand] if course.hand and mirrored else course.hand
        radius = course.radius_ft * factor if course.hand else None
        courses.append(course_between(moved[n], moved[n + 1], hand=hand, radius_ft=radius))
    return Figure(moved[0], tuple(courses))


def _side(places):
    a, b = places[:-1], places[1:]
    return float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())


GROUND_FACTOR, TURN_DEG, CENTER = 0.99993, 7.5, np.array([6_340_900.0, 2_123_500.0])


def to_local(places):
    """City places in the coordinates of a drawing on the ground, turned, about 5,000, 10,000."""
    angle = math.radians(TURN_DEG)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return (places - CENTER) @ turn.T / GROUND_FACTOR + [5_000.0, 10_000.0]


def mirrored(places):
    return to_local(places) * [-1, 1]


WRITTEN = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)


def landxml(path, change=None):
    write_landxml(path, figures(change), unit=US_SURVEY_FOOT, written_at=WRITTEN)
    return path


def dxf(path, change=None):
    write_dxf(path, figures(change), unit=US_SURVEY_FOOT, layer="V-PROP-LOTS", text_layer="V-PROP-TEXT", text_height=8.0)
    return path


def ties(path, change=to_local, *, stations=("RIV-01", "RIV-02", "RIV-03", "RIV-04"), off=None):
    """A file of ties to control stations as the drawing has them; `off` moves one of them on the drawing."""
    known = held()["control_station"].set_index("pid")
    rows = ["name,easting,northing,control"]
    for pid in stations:
        place = np.array(known.loc[pid].geometry.coords[0])
        e, n = change(place[None, :])[0] + (np.array(off[1]) if off and off[0] == pid else 0.0)
        rows.append(f"M{pid[-2:]},{e:.4f},{n:.4f},{pid}")
    path.write_text("\n".join(rows) + "\n")
    return path


def city(folder) -> City:
    """A City in a folder of its own, without a geodatabase."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "city.toml").write_text(CITY.read_text(encoding="utf-8"), encoding="utf-8")
    return open_city(folder)


def stored_city(folder) -> City:
    """A City whose geodatabase has what is around the tract."""
    made = city(folder)
    box = shapely.box(*parent().geometry.bounds).buffer(400)
    layers = {}
    for name, frame in held().items():
        near = frame if name in ("control_station", "source_document", "tract") else frame[frame.intersects(box)]
        layers[name] = near.reset_index(drop=True)
    layers["parcel"]["situs_id"] = None  # the addresses are not among them
    layers["parcel"] = layers["parcel"].astype({"situs_id": "str"})
    with store(made) as db:
        db.load(layers, findings=findings_frame())
    return made


def exact_areas():
    return {name.removeprefix("LOT "): parts[0].area_sqft for name, parts in lots().items()}


def plat_table(plat):
    """The tables of the map as a plat has them, to 0.01 ft and a second, and a list of courses for each lot and the street."""
    table, lists = ["Line,Bearing,Distance"], []
    curves = ["Curve,Radius,Delta,Length,Chord Bearing"]
    courses = edge_courses(plat.edges, plat.corners)
    names = {}
    for n, course in enumerate(courses):
        bearing = format_bearing(course.azimuth_deg)
        if course.kind == "line":
            names[n] = f"L{n + 1}"
            table.append(f"{names[n]},{bearing},{course.distance_ft:.2f}")
        else:
            names[n] = f"C{n + 1}"
            curves.append(f"{names[n]},{course.radius_ft:.2f},{format_angle(course.delta_deg)},{course.arc_ft:.2f},{bearing}")
    for lot, (shell,) in rings_of(plat.rings).items():
        name = plat.lots["lot"].iloc[lot]
        steps = []
        for edge, forward in shell:
            hand = courses[edge].hand
            side = f" {hand if forward else _HANDS[hand]}" if hand else ""
            steps.append(f"{'' if forward else '-'}{names[edge]}{side}")
        lists.append(f"Lot {name if isinstance(name, str) else 'ST'}: {', '.join(steps)}")
    return "\n".join([*table, *curves, *lists]) + "\n"


def corner_ties(plat):
    """Ties of the first corner of some lots of `plat_table`, by their names there, to the City's coordinates."""
    rows = ["name,city_easting,city_northing"]
    for lot, (shell,) in rings_of(plat.rings).items():
        name = plat.lots["lot"].iloc[lot]
        edge, forward = shell[0]
        place = plat.corners[plat.edges["start" if forward else "end"].iloc[edge]]
        if isinstance(name, str):
            rows.append(f"{name}/1,{place[0]:.4f},{place[1]:.4f}")
    return "\n".join(rows) + "\n"
