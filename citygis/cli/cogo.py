"""`citygis cogo`: closure of courses, elements of a curve, bearing and distance between two points."""

import math
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from citygis.cli.options import city_option, emit_json, json_option, note, open_city_option, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from citygis.cogo import Course, Curve

_LARGEST_BYTES = 2**20
_ROLES = ("boundary", "exception")


class _Figure(NamedTuple):
    """Courses of one loop as stated, and what their elements say against each other: number of the course, and what."""

    name: str
    courses: "tuple[Course, ...]"
    conflicts: list[dict[str, Any]]


@click.group()
def command() -> None:
    """
    Coordinate geometry by hand: does it close, is the curve right, how far and which way.

    \b
    Example:
      citygis cogo closure courses.csv
      citygis cogo closure --courses "N 26-10 E 285.10; S 75-25 E 610.45; S 15-30 W 720.48; N 1-42 W 203.00; N 53-06 W 647.02"
      citygis cogo curve --radius 50 --delta 30-04-48
      citygis cogo inverse 6341366.10,2122944.26 6341476.90,2123998.46 --city riverbend
    """


@command.command()
@click.argument("file", required=False, type=click.Path(), metavar="[FILE]")
@click.option("--courses", metavar="TEXT", help="The courses themselves, parted by semicolons, instead of a file.")
@click.option("--closes-on", metavar="E,N", help="What the courses must add up to, in feet, where they are not a loop.")
@click.option(
    "--area-sqft", type=click.FloatRange(min=0, min_open=True), metavar="SQFT", help="The stated area: it tells suspects apart."
)
@click.option(
    "--tolerance-ft", type=click.FloatRange(min=0), default=0.05, show_default=True, help="A misclosure up to this is none,"
)
@click.option("--ratio", type=click.FloatRange(min=1), default=10_000.0, show_default=True, help="or up to one in so many.")
@json_option
def closure(
    file: str | None,
    courses: str | None,
    closes_on: str | None,
    area_sqft: float | None,
    tolerance_ft: float,
    ratio: float,
    as_json: bool,
) -> None:
    """
    How a figure closes, its exact area, and where it does not close, which course is the likeliest to be wrong.

    FILE is a course table (CSV or JSON, as `citygis deed` writes it) or text with one course to a line: `N 45-30-15 E 100.00`, or
    for a curve `R=50.00 D=30-04-48 L=26.25 RT`, tangent to the course before unless its chord bearing is there (`CB=N 10-00-00 E`).
    Nothing is adjusted, nothing is mended. Exit code 1 when a figure does not close or its courses contradict themselves.

    \b
    Example:
      citygis cogo closure courses.csv
      citygis cogo closure lot_4.txt --area-sqft 7150
      citygis cogo closure --courses "North 50; R=30 D=90-00-00 LT; West 50; S 0-00-00 E 80; East 80" --json
    """
    if (file is None) == (courses is None):
        raise click.UsageError("Name a FILE, or give --courses, one of them.")
    target = _place(closes_on, "--closes-on") if closes_on else (0.0, 0.0)
    if file is not None:
        figures = _figures_of_file(file)
    else:
        try:
            figures = [_figure_of_lines("courses", re.split(r"[;\n]", courses))]
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--courses") from None
    told = [_closed(figure, target, area_sqft, tolerance_ft, ratio) for figure in figures]
    if as_json:
        emit_json({"figures": told})
    else:
        for figure in told:
            _print_closure(figure)
    sys.exit(0 if all(figure["closes"] and not figure["conflicts"] for figure in told) else 1)


@command.command()
@click.option("--radius", metavar="FEET")
@click.option("--delta", metavar="ANGLE", help="Central angle, as 30-04-48 or 30°04'48\".")
@click.option("--arc", metavar="FEET", help="Length along the curve.")
@click.option("--chord", metavar="FEET")
@click.option("--tangent", metavar="FEET")
@click.option("--middle-ordinate", metavar="FEET")
@click.option("--external", metavar="FEET")
@click.option("--degree-arc", metavar="ANGLE", help="Degree of curve by the arc (highway).")
@click.option("--degree-chord", metavar="ANGLE", help="Degree of curve by the chord (railroad).")
@click.option("--notation", type=click.Choice(["decimal", "packed", "gon"]), help="What an angle without marks is.")
@click.option("--major", is_flag=True, help="The longer of the two curves that share radius and chord.")
@json_option
def curve(notation: str | None, major: bool, as_json: bool, **stated: str | None) -> None:
    """
    All elements of a circular curve from those that are stated, at least two; every further one is checked.

    A conflict is one beyond 0.02 ft and beyond the rounding of the decimals as they are typed (whole feet are exact). Exit code 1
    when there is one.

    \b
    Example:
      citygis cogo curve --radius 50 --delta 30-04-48
      citygis cogo curve --radius 494 --delta 10-53-15 --arc 93.57
    """
    from citygis.cogo import parse_angle, parse_length, solve_curve
    from citygis.readers.course_lines import half_place

    elements, rounding = {}, {}
    for name, text in stated.items():
        if text is None:
            continue
        is_angle = name in ("delta", "degree_arc", "degree_chord")
        key = f"{name}_deg" if is_angle else f"{name}_ft"
        try:
            elements[key] = parse_angle(text, notation=notation) if is_angle else parse_length(text, unit="foot")
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=f"--{name.replace('_', '-')}") from None
        if not is_angle:
            rounding[key] = half_place(text)
    try:
        found = solve_curve(**elements, major=major or None, rounding=rounding)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    conflicts = [conflict._asdict() for conflict in found.conflicts]
    if as_json:
        emit_json({**_elements(found), "conflicts": conflicts, "suspect": found.suspect})
    else:
        _print_curve(found, elements)
    sys.exit(1 if conflicts else 0)


@command.command(context_settings={"ignore_unknown_options": True})
@click.argument("start", metavar="E,N")
@click.argument("end", metavar="E,N")
@click.option(
    "--ellipsoid-height-ft", type=float, metavar="FEET", help="Mean height of the line above the ellipsoid: for ground lengths."
)
@city_option
@json_option
def inverse(start: str, end: str, ellipsoid_height_ft: float | None, city_folder: str | None, as_json: bool) -> None:
    """
    Bearing and distance from one point to another, easting and northing in feet.

    With --city also what the grid does there: convergence, geodetic azimuth, grid scale factor, and with the height above the
    ellipsoid the combined factor and the distance on the ground. An elevation is not that height: in the Central Valley it is some
    105 ft more.

    \b
    Example:
      citygis cogo inverse 6341366.10,2122944.26 6341476.90,2123998.46
      citygis cogo inverse 6341366.10,2122944.26 6341476.90,2123998.46 --city riverbend --ellipsoid-height-ft -90
    """
    from citygis.cogo import format_bearing
    from citygis.cogo import inverse as inverse_of

    first, second = _place(start, "E,N"), _place(end, "E,N")
    try:
        azimuth, distance = inverse_of(first, second)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    found: dict[str, Any] = {"grid_bearing": format_bearing(azimuth), "grid_azimuth_deg": azimuth, "grid_distance_ft": distance}
    found |= {"delta_easting_ft": second[0] - first[0], "delta_northing_ft": second[1] - first[1]}
    if city_folder is not None:
        found |= _on_the_ground(first, second, city_folder, ellipsoid_height_ft)
    elif ellipsoid_height_ft is not None:
        raise click.UsageError("--ellipsoid-height-ft needs --city: the combined factor is of a place in its system.")
    if as_json:
        emit_json(found)
        return
    table([(name.replace("_", " "), _shown(name, value)) for name, value in found.items()], ["", ""])


def _figures_of_file(file: str) -> list[_Figure]:
    from citygis.errors import ReadError
    from citygis.readers.guard import require_local_file
    from citygis.readers.text import decoded_text

    path = require_local_file(file)
    text, _ = decoded_text(path, shown=str(path), largest_bytes=_LARGEST_BYTES)
    if not text.strip():
        raise ReadError(f"{path} is empty. It must have courses: a course table, or one course to a line.")
    is_table = text.lstrip().startswith("[") or text.lstrip().partition("\n")[0].startswith("call,")
    try:
        return _figures_of_table(text) if is_table else [_figure_of_lines(path.name, text.splitlines())]
    except ValueError as error:
        raise ReadError(f"{path}: {error}") from None


def _figures_of_table(text: str) -> list[_Figure]:
    """The boundaries and exceptions of a course table; ties and strips are no loops."""
    from citygis.readers.deed import read_course_table
    from citygis.readers.deed.resolution import resolve

    rows = read_course_table(text).to_dict("records")
    figures = []
    for parcel, role in dict.fromkeys((row["parcel"], row["role"]) for row in rows):
        if role not in _ROLES:
            note(f"{role} of {parcel}: no loop, left out.")
            continue
        own = [row for row in rows if (row["parcel"], row["role"]) == (parcel, role)]
        courses, conflicts = [], []
        for row, resolved in zip(own, resolve(own), strict=True):
            if resolved.course is None:
                why = resolved.problems[0].message if resolved.problems else "It states too little."
                raise ValueError(f"call {row['call']} is no course. {why} Write its bearing and length into the table.")
            courses.append(resolved.course)
            conflicts += [
                {"course": row["call"], "what": problem.message, "measure": problem.measure, "unit": problem.unit}
                for problem in resolved.problems
                if problem.severity == "error"
            ]
        figures.append(_Figure(f"{parcel}" if role == "boundary" else f"{parcel} ({role})", tuple(courses), conflicts))
    if not figures:
        raise ValueError("there is no boundary in the table. Its rows must have the role boundary or exception.")
    return figures


def _figure_of_lines(name: str, lines: "Sequence[str]") -> _Figure:
    from citygis.readers.course_lines import read_course_lines

    read = read_course_lines(lines)
    return _Figure(name, read.courses, [told._asdict() for told in read.contradictions])


def _closed(figure: _Figure, target: tuple[float, float], area: float | None, tolerance_ft: float, ratio: float) -> dict[str, Any]:
    from citygis.cogo import area_sqft, format_bearing, oriented, suspects
    from citygis.cogo import closure as closure_of
    from citygis.units import SQFT_PER_ACRE

    laid = oriented(figure.courses).courses
    found = closure_of(laid, closes_on=target)
    closes = found.misclosure_ft <= max(tolerance_ft, found.perimeter_ft / ratio)
    is_loop = target == (0.0, 0.0)
    enclosed = area_sqft(laid) if is_loop else None
    blamed = () if closes else suspects(figure.courses, closes_on=target, area_sqft=area, limit=5)
    return {
        "figure": figure.name,
        "courses": [
            {
                "course": number,
                "kind": course.kind,
                "bearing": format_bearing(course.azimuth_deg),
                "distance_ft": course.distance_ft,
                "radius_ft": course.radius_ft,
                "delta_deg": course.delta_deg,
                "arc_ft": course.arc_ft,
                "hand": course.hand,
            }
            for number, course in enumerate(laid, start=1)
        ],
        **found._asdict(),
        "misclosure_bearing": format_bearing(found.misclosure_azimuth_deg),
        "area_sqft": enclosed,
        "area_acre": enclosed / SQFT_PER_ACRE if is_loop else None,
        "closes": closes,
        "conflicts": figure.conflicts,
        "suspects": [_suspect(one) for one in blamed],
    }


def _suspect(one) -> dict[str, Any]:
    from citygis.cogo import SLIPS, format_angle, format_bearing

    def said(value: float | str) -> str:
        if isinstance(value, str):
            return value
        if one.element == "bearing":
            return format_bearing(value)
        return format_angle(value) if one.element == "delta" else f"{value:,.2f}"

    return {
        "course": one.position + 1,
        "element": one.element,
        "kind": SLIPS[one.kind][0],
        "stated": said(one.stated),
        "restored": said(one.restored),
        "misclosure_ft": one.misclosure_ft,
        "likelihood": one.weight,
    }


def _print_closure(told: dict[str, Any]) -> None:
    rows = [(c["course"], c["bearing"], f"{c['distance_ft']:,.3f}", _curve_text(c)) for c in told["courses"]]
    table(rows, ["course", "bearing", "distance ft", "curve"], title=told["figure"])
    ratio = "exact" if math.isinf(told["closure_ratio"]) else f"1 in {told['closure_ratio']:,.0f}"
    missed = f"{told['misclosure_ft']:.3f} ft" + (f", {told['misclosure_bearing']}" if told["misclosure_ft"] >= 0.0005 else "")
    rows = [
        ("sum of departures", f"{told['sum_easting_ft']:+z.3f} ft"),
        ("sum of latitudes", f"{told['sum_northing_ft']:+z.3f} ft"),
        ("misclosure", missed),
        ("closure", f"{ratio}, {'closes' if told['closes'] else 'does not close'}"),
        ("perimeter", f"{told['perimeter_ft']:,.2f} ft"),
    ]
    if told["area_sqft"] is not None:
        rows.append(("area, arcs exact", f"{told['area_sqft']:,.2f} sq ft, {told['area_acre']:.4f} acres"))
    table(rows, ["", ""])
    if told["conflicts"]:
        table([(c["course"], c["what"]) for c in told["conflicts"]], ["course", "contradiction"])
    if told["suspects"]:
        rows = [
            (s["course"], s["element"], s["stated"], s["restored"], s["kind"], f"{s['likelihood']:.0%}") for s in told["suspects"]
        ]
        columns = ["course", "element", "stated", "may have been", "because", "likelihood"]
        table(rows, columns, title="What would make it close: look in the document, nothing is mended")
    elif not told["closes"]:
        click.echo("No single course explains it.")


def _curve_text(course: dict[str, Any]) -> str:
    from citygis.cogo import format_angle

    if course["kind"] == "line":
        return ""
    return f"R {course['radius_ft']:,.2f}  delta {format_angle(course['delta_deg'])} {course['hand']}  L {course['arc_ft']:,.2f}"


def _elements(found: "Curve") -> dict[str, float]:
    return {name: value for name, value in found._asdict().items() if name not in ("conflicts", "suspect")}


def _print_curve(found: "Curve", stated: dict[str, float]) -> None:
    from citygis.cogo import format_angle
    from citygis.readers.course_lines import conflict_text

    rows = []
    for name, value in _elements(found).items():
        shown = format_angle(value, decimals=1) if name.endswith("_deg") else "none" if math.isinf(value) else f"{value:,.4f} ft"
        said = None
        if name in stated:
            said = format_angle(stated[name], decimals=1) if name.endswith("_deg") else f"{stated[name]:,.4f} ft"
        rows.append((name.rpartition("_")[0].replace("_", " "), shown, said))
    rows.append(("segment", f"{found.segment_sqft:,.2f} sq ft", None))
    table(rows, ["element", "value", "as stated"])
    for conflict in found.conflicts:
        click.echo(f"Conflict: {conflict_text(conflict)}.")
    if found.suspect:
        click.echo(f"Without its {found.suspect.rpartition('_')[0].replace('_', ' ')} all others agree.")


def _on_the_ground(first: tuple[float, float], second: tuple[float, float], folder: str, height_ft: float | None) -> dict[str, Any]:
    """What the City's grid does to the line between two points."""
    from pyproj import Transformer

    from citygis.geodesy import combined_factor, convergence_deg, grid_scale_factor, grid_to_ground

    city = open_city_option(folder)
    extent = city.extent
    for easting, northing in (first, second):
        if extent is not None and not (
            extent.easting_min <= easting <= extent.easting_max and extent.northing_min <= northing <= extent.northing_max
        ):
            note(f"{easting:,.2f}, {northing:,.2f} lies outside the extent of {city.name}. Order is easting, northing.")
    middle = ((first[0] + second[0]) / 2, (first[1] + second[1]) / 2)
    lon, lat = Transformer.from_crs(city.crs, city.crs.geodetic_crs, always_xy=True).transform(*zip(first, second, strict=True))
    azimuth, _, _ = city.crs.get_geod().inv(lon[0], lat[0], lon[1], lat[1])
    distance = math.dist(first, second)
    found = {
        "convergence_deg": float(convergence_deg(city.crs, *first)),
        "geodetic_azimuth_deg": azimuth % 360,
        "grid_scale_factor": float(grid_scale_factor(city.crs, *middle)),
    }
    if height_ft is None:
        note("Without --ellipsoid-height-ft there is no combined factor, and no distance on the ground.")
        return found
    factor = float(combined_factor(city.crs, *middle, height_ft))
    return found | {"combined_factor": factor, "ground_distance_ft": float(grid_to_ground(distance, factor))}


def _shown(name: str, value: float | str) -> str:
    from citygis.cogo import format_angle

    if isinstance(value, str):
        return value
    if name.endswith("_deg"):
        return format_angle(value, decimals=2)
    return f"{value:.9f}" if name.endswith("_factor") else f"{value:,.4f} ft"


def _place(text: str, hint: str) -> tuple[float, float]:
    parts = text.replace(";", ",").split(",")
    try:
        easting, northing = (float(part) for part in parts)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} must be easting and northing in feet, as 6341366.10,2122944.26.", param_hint=hint
        ) from None
    if not (math.isfinite(easting) and math.isfinite(northing)):
        raise click.BadParameter(f"{text!r} must be two finite numbers.", param_hint=hint)
    return easting, northing
