"""
Forty legal descriptions of land in the fictional City of Riverbend: twenty true ones, and twenty with a known fault.

The figures are laid out and worded here, with plain trigonometry, apart from the code that reads and writes descriptions
elsewhere in citygis: what is read back can be held against what was meant.
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from citygis.samples.deed_words import STYLES, Style, bearing_words, chain_words, dms
from citygis.samples.names import street_names

SEED = 20261122
_M_PER_FT = 1200 / 3937


class Leg(NamedTuple):
    """
    One course as it is meant: numbers rounded as they are stated. A curve has radius, central angle, arc and hand; `azimuth_deg`
    and `distance_ft` are then of its chord, and `tangent` says whether it begins along the leg before it.
    """

    azimuth_deg: float
    distance_ft: float
    radius_ft: float | None = None
    delta_deg: float | None = None
    arc_ft: float | None = None
    hand: str | None = None
    tangent: bool = False


class SampleDeed(NamedTuple):
    """
    A description and what is true of it.

    Attributes
    ----------
    name, text : str
    legs : tuple of Leg
        Of the boundary, as meant: a fault may have made the text say otherwise.
    ties : int
        Calls that lead to the point of beginning.
    area_sqft : float or None
        Of the legs.
    fault : str or None
    codes : tuple of str
        Findings, one of which must tell of the fault.
    call : int or None
        Leg that holds the fault, from 0; it states something else than meant.
    options : dict
        What a person must state for it to be read, as arguments of `read_deed`.
    """

    name: str
    text: str
    legs: tuple[Leg, ...]
    ties: int = 0
    area_sqft: float | None = None
    fault: str | None = None
    codes: tuple[str, ...] = ()
    call: int | None = None
    options: dict[str, Any] = {}


def deeds() -> tuple[SampleDeed, ...]:
    """The forty descriptions, true ones first; the same every time."""
    return (*_true(), *_faulty())


def write_deeds(folder: Path | str) -> dict[str, Any]:
    """
    Write the descriptions as text files, and ``truth.json`` with what is true of each.

    Returns
    -------
    dict
        What ``truth.json`` holds, by file name.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for deed in deeds():
        (folder / f"{deed.name}.txt").write_text(deed.text + "\n", encoding="utf-8")
        truth[f"{deed.name}.txt"] = {
            "legs": [leg._asdict() for leg in deed.legs],
            **{key: value for key, value in deed._asdict().items() if key not in ("name", "text", "legs")},
        }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return truth


# -- figures ----------------------------------------------------------------------------------------------------------------


def _lot(
    width: float, depth: float, turn_deg: float, fillets: dict[int, float] | None = None, bulge: tuple | None = None
) -> tuple[Leg, ...]:
    """
    A lot travelled clockwise from its south-west corner, turned; corners of `fillets` are rounded at a radius, and the side `bulge`
    names is an arc of a radius and hand.
    """
    plain = [(0.0, 0.0), (4.0, depth), (width, depth + 6.0), (width + 9.0, -3.0)]
    t = math.radians(turn_deg)
    corners = [(e * math.cos(t) + n * math.sin(t), n * math.cos(t) - e * math.sin(t)) for e, n in plain]
    return _legs(corners, fillets or {}, bulge)


def _legs(corners: list[tuple[float, float]], fillets: dict[int, float], bulge: tuple | None = None) -> tuple[Leg, ...]:
    n = len(corners)
    azimuth = [_azimuth(corners[i], corners[(i + 1) % n]) for i in range(n)]
    turned = [(azimuth[i] - azimuth[i - 1] + 180) % 360 - 180 for i in range(n)]
    cut = [fillets[i] * math.tan(math.radians(abs(turned[i])) / 2) if i in fillets else 0.0 for i in range(n)]
    legs = []
    for i in range(n):
        length = math.dist(corners[i], corners[(i + 1) % n]) - cut[i] - cut[(i + 1) % n]
        if bulge and bulge[0] == i:
            _, radius, hand = bulge
            delta = _seconds(2 * math.degrees(math.asin(length / 2 / radius)))
            legs.append(Leg(_seconds(azimuth[i]), round(length, 2), radius, delta, round(radius * math.radians(delta), 2), hand))
        else:
            legs.append(Leg(_seconds(azimuth[i]), round(length, 2)))
        k = (i + 1) % n
        if k in fillets:
            delta, hand = _seconds(abs(turned[k])), "R" if turned[k] > 0 else "L"
            chord = round(2 * fillets[k] * math.sin(math.radians(delta) / 2), 2)
            way = _seconds(azimuth[i] + turned[k] / 2)
            legs.append(Leg(way, chord, fillets[k], delta, round(fillets[k] * math.radians(delta), 2), hand, True))
    return tuple(legs)


def _azimuth(a: tuple[float, float], b: tuple[float, float]) -> float:
    return math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) % 360


def _seconds(angle_deg: float) -> float:
    return round(angle_deg * 3600) / 3600 % 360


def enclosed_sqft(legs: tuple[Leg, ...]) -> float:
    """Area of a loop of legs, by triangles from its beginning and the segments of its arcs; square feet."""
    at_e = at_n = total = 0.0
    for leg in legs:
        e = at_e + leg.distance_ft * math.sin(math.radians(leg.azimuth_deg))
        n = at_n + leg.distance_ft * math.cos(math.radians(leg.azimuth_deg))
        total += (at_n * e - at_e * n) / 2
        if leg.radius_ft is not None:
            delta = math.radians(leg.delta_deg)
            total += (1 if leg.hand == "R" else -1) * leg.radius_ft**2 * (delta - math.sin(delta)) / 2
        at_e, at_n = e, n
    return abs(total)


# -- texts ------------------------------------------------------------------------------------------------------------------

_LEAD = "All that real property in the City of Riverbend, County of Rio Vista, State of California, described as follows: "
_BEGIN = (
    "BEGINNING at the southwest corner of Lot 4 of Tract No. 118, as shown on the map recorded in Book 12, Page 34 of Maps, "
    "records of said County"
)


def _text(
    style: Style, legs: tuple[Leg, ...], *, begin: str = _BEGIN, calls: dict[int, str] | None = None, close: str | None = None
) -> str:
    """The legs in the words of a style, from the beginning and back to it."""
    parts = style.courses(legs, calls or {})
    lead = _LEAD if style.has_lead else ""
    return f"{lead}{begin}{style.after_begin}{style.joint.join(parts)}{style.close if close is None else close}"


def _acres(legs: tuple[Leg, ...]) -> str:
    return f" Containing {enclosed_sqft(legs) / 43560:.3f} acres, more or less."


def _feet(legs: tuple[Leg, ...]) -> str:
    return f" Containing {enclosed_sqft(legs):,.0f} square feet, more or less."


def _streets() -> list[str]:
    import numpy as np

    names = street_names(np.random.default_rng(SEED))
    return [next(names) for _ in range(12)]


def _true() -> list[SampleDeed]:
    made: list[SampleDeed] = []

    def add(name: str, text: str, legs: tuple[Leg, ...], **more: Any) -> None:
        made.append(SampleDeed(f"true_{len(made) + 1:02d}_{name}", text, legs, more.pop("ties", 0), enclosed_sqft(legs), **more))

    street = _streets()
    a, b = _lot(60.0, 120.0, 0.0), _lot(85.25, 143.6, 17.3, {2: 20.0})
    c, d = _lot(212.4, 311.8, -38.6, {1: 25.0, 3: 30.0}), _lot(150.0, 260.0, 62.9, None, (1, 480.0, "R"))
    e, f = _lot(77.7, 133.3, 151.2, {2: 15.0}), _lot(198.3, 402.2, 204.4, None, (3, 1200.0, "L"))
    for name, style, legs in (
        ("modern", "modern", b), ("capitals", "capitals", c), ("words", "words", b), ("abstract", "abstract", d),
        ("distance_first", "distance_first", a), ("hyphens", "hyphens", f), ("radial", "radial", d),
        ("one_clause", "one_clause", c),
    ):  # fmt: skip
        style = STYLES[style]
        area = (
            " AREA " + f"{enclosed_sqft(legs) / 43560:.3f} AC."
            if name == "abstract"
            else _acres(legs)
            if name != "modern"
            else _feet(legs)
        )
        add(name, _text(style, legs) + area, legs)
    modern = STYLES["modern"]
    tie = (
        "COMMENCING at the northwest corner of Section 14, Township 2 South, Range 6 East, Mount Diablo Base and "
        "Meridian; thence along the west line of "
        f"said section South 0°12'30\" East 1,320.00 feet to the centerline of {street[0]} Road (60.00 feet wide); "
        f"thence leaving said west line North "
        "89°47'30\" East 30.00 feet to the TRUE POINT OF BEGINNING"
    )
    add("tie", _text(modern, e, begin=tie, close="; to the TRUE POINT OF BEGINNING.") + _feet(e), e, ties=2)
    wide = {
        0: f"along the easterly line of {street[1]} Street (84.00 feet wide)",
        2: "along a line parallel with and 42.00 feet East of the centerline of said street",
    }
    add("widths", _text(modern, a, calls=wide) + _feet(a), a)
    add("ring", _text(STYLES["capitals"], a).replace("°", "0") + _acres(a), a)
    add(
        "comma",
        _text(STYLES["capitals"], e)
        .replace(" FEET", " FEET")
        .replace(f"{e[0].distance_ft:.2f}", f"{e[0].distance_ft:.2f}".replace(".", ","))
        + _feet(e),
        e,
    )
    add("line_ends", _broken(_text(STYLES["words"], c)) + _acres(c), c)
    add(
        "metric",
        _text(STYLES["metric"], a),
        tuple(Leg(leg.azimuth_deg, round(leg.distance_ft * _M_PER_FT, 3) / _M_PER_FT) for leg in a),
    )
    chained = tuple(Leg(leg.azimuth_deg, round(leg.distance_ft / 66, 2) * 66) for leg in _lot(660.0, 1320.0, 4.0))
    add(
        "chains",
        f"{_BEGIN}; "
        + "; ".join(f"thence {bearing_words(leg.azimuth_deg)} {chain_words(leg.distance_ft)}" for leg in chained)
        + " to the place of beginning.",
        chained,
    )
    south = "; ".join(
        f"thence on an azimuth of {dms((leg.azimuth_deg + 180) % 360)} a distance of {leg.distance_ft:.2f} feet" for leg in a
    )
    add(
        "azimuth_south", f"{_BEGIN}, azimuths being measured clockwise from South; {south} to the point of beginning." + _feet(a), a
    )
    second = _text(modern, a, begin=" Parcel 2: BEGINNING at the northeast corner of said Lot 4")
    add(
        "two_parcels",
        "Parcel 1: " + _text(modern, b).removeprefix(_LEAD) + _feet(b) + second.replace(_LEAD, "") + _feet(a),
        b,
        options={"_second": a},
    )
    hole = _lot(20.0, 30.0, 11.0)
    cut = " EXCEPTING THEREFROM the following: BEGINNING at an iron pipe distant 40.00 feet from the east line of said Lot 4"
    add("exception", _text(modern, c) + _feet(c) + _text(modern, hole, begin=cut).replace(_LEAD, ""), c, options={"_second": hole})
    alternative = {
        0: (
            f"along the west line of said Lot 4 (described as {a[0].distance_ft + 0.12:.2f} feet in deed recorded in Book "
            f"88, Page 12 of Official Records)"
        )
    }
    add("alternative", _text(STYLES["distance_first"], a, calls=alternative) + _feet(a), a)
    add("letters", _text(STYLES["capitals"], c).replace("°0", "°O").replace("10", "lO") + _acres(c), c)
    return made


def _broken(text: str) -> str:
    """The text in lines of 60 characters, words broken as typists broke them."""
    lines, line = [], ""
    for word in text.split(" "):
        if len(line) + len(word) + 1 > 60 and len(word) > 7 and word.isalpha() and word.islower():
            lines.append(f"{line} {word[:4]}-")
            line = word[4:]
        elif len(line) + len(word) + 1 > 60:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def _faulty() -> list[SampleDeed]:
    made: list[SampleDeed] = []

    def add(fault: str, text: str, legs: tuple[Leg, ...], codes: tuple[str, ...], call: int | None = None, **more: Any) -> None:
        made.append(
            SampleDeed(f"faulty_{len(made) + 1:02d}_{fault}", text, legs, 0, enclosed_sqft(legs), fault, codes, call, **more)
        )

    modern, capitals, one = STYLES["modern"], STYLES["capitals"], STYLES["one_clause"]
    a, b = _lot(64.0, 118.0, 8.2), _lot(92.5, 161.4, 29.7, {2: 20.0})
    c, d = _lot(188.1, 290.6, -51.3, {1: 25.0, 3: 30.0}), _lot(140.0, 255.0, 71.4, None, (1, 460.0, "R"))
    curve = next(n for n, leg in enumerate(c) if leg.radius_ft)

    def changed(legs: tuple[Leg, ...], n: int, **fields: Any) -> tuple[Leg, ...]:
        return (*legs[:n], legs[n]._replace(**fields), *legs[n + 1 :])

    def said(style: Style, legs: tuple[Leg, ...], meant: tuple[Leg, ...], **more: Any) -> str:
        return _text(style, legs, **more) + _feet(meant)

    add("arc", said(one, changed(c, curve, arc_ft=c[curve].arc_ft - 0.3), c), c, ("L05",), curve)
    add("radius", said(one, changed(c, curve, radius_ft=c[curve].radius_ft + 10), c), c, ("L05",), curve)
    add("delta", said(modern, changed(b, 2, delta_deg=b[2].delta_deg + 1), b), b, ("L05",), 2)
    add("hand", said(one, changed(c, curve, hand="L"), c), c, ("L06", "L07", "L08"), curve)
    add("not_tangent", said(one, changed(c, curve, azimuth_deg=c[curve].azimuth_deg + 0.25), c), c, ("L06",), curve)
    add(
        "radial",
        said(STYLES["radial"], d, d).replace(
            "radial line to said beginning bears", "radial line to said beginning bears N 2°00'00\" E, not"
        ),
        d,
        ("L06", "L12", "L08"),
        1,
    )
    add("area", _text(modern, a) + f" Containing {enclosed_sqft(a) * 1.22:,.0f} square feet.", a, ("L09",))
    add("quadrant", said(modern, changed(a, 1, azimuth_deg=(180 - a[1].azimuth_deg) % 360), a), a, ("L08",), 1)
    add("transposed", said(capitals, changed(a, 1, distance_ft=_transposed(a[1].distance_ft)), a), a, ("L08",), 1)
    add("lost_call", said(modern, (*a[:2], a[3]), a), a, ("L08",))
    add("sixty_one_minutes", said(capitals, a, a).replace(capitals.bearing(a[2].azimuth_deg), "S 8° 61' 10\" W"), a, ("L03",), 2)
    add(
        "illegible",
        said(modern, a, a).replace(
            f"{a[3].distance_ft:.2f}", f"{a[3].distance_ft:.2f}"[:-4] + "~" + f"{a[3].distance_ft:.2f}"[-3:]
        ),
        a,
        ("L03",),
        3,
    )
    add("beyond_ninety", said(capitals, a, a).replace(capitals.bearing(a[0].azimuth_deg), "N 98° 12' 00\" E"), a, ("L03",), 0)
    add(
        "by_reference",
        said(modern, a, a).replace(
            f"{modern.bearing(a[1].azimuth_deg)} {a[1].distance_ft:.2f} feet", "along the north line of said Lot 4 to its corner"
        ),
        a,
        ("L04",),
        1,
    )
    add(
        "two_units",
        _text(STYLES["metric"], a).replace(f"({a[0].distance_ft:.2f} feet)", f"({a[0].distance_ft + 3:.2f} feet)"),
        a,
        ("L19",),
        0,
    )
    vara = "; ".join(f"thence {bearing_words(leg.azimuth_deg)} {leg.distance_ft / 2.75:.2f} varas" for leg in a)
    add("vara", f"{_BEGIN}; {vara} to the point of beginning.", a, ("L16",), 0)
    bare = "; ".join(
        f"thence N {leg.azimuth_deg:.4f} E {leg.distance_ft:.2f} feet"
        if n == 0
        else f"thence {bearing_words(leg.azimuth_deg)} {leg.distance_ft:.2f} feet"
        for n, leg in enumerate(a)
    )
    add("bare_decimal", f"{_BEGIN}; {bare} to the point of beginning.", a, ("L16",), 0)
    add("word", _text(modern, a, calls={0: "southerly along a fence"}) + _feet(a), a, ("L07",), 0)
    add("cut_off", _text(modern, b).rpartition("; thence")[0] + "; thence", b, ("L15",))
    add("garbled", _garbled(_text(capitals, c)), c, ("L01",))
    return made


def _transposed(distance_ft: float) -> float:
    digits = f"{distance_ft:.2f}"
    return float(digits[1] + digits[0] + digits[2:])


def _garbled(text: str) -> str:
    """A scan in which every third word has letters read as others."""
    read_as = str.maketrans({"E": "3", "O": "0", "I": "1", "T": "f"})
    return " ".join(word.translate(read_as) if n % 3 == 0 else word for n, word in enumerate(text.split(" ")))
