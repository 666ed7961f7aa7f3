"""
Addresses as people write them, taken apart: number, street, unit, ZIP code, community.
"""

import re
import tomllib
from collections.abc import Collection, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

_NUMBER = re.compile(r"^\W*(\d{1,6})(?:\s*-\s*\d{1,6})?(?:\s*-?\s*([A-Z])(?=[\s,])(?<=\d[A-Z]|-[A-Z])|\s+(1/2))?[\s,]+(.+)$")
_NUMBER_LAST = re.compile(r"^\W*([A-Z][^,]*?)\s+(\d{1,6})\W*$")
_ZIP = re.compile(r"[\s,]+(\d{5})(?:-?\d{4})?\s*$")
_BOX = re.compile(r"\bP\W*O\W*BOX\b|\bPMB\b")


class PostalWords(NamedTuple):
    """
    Words of addresses: every spelling in capitals, and the one it is compared as (USPS Publication 28, appendices B, C1, C2).
    """

    directions: dict[str, str]
    types: dict[str, str]
    units: dict[str, str]
    ordinals: dict[str, str]


@cache
def postal_words() -> PostalWords:
    """The words of ``postal_words.toml``."""
    read = tomllib.loads((resources.files("citygis.analysis") / "postal_words.toml").read_text(encoding="utf-8"))
    return PostalWords(
        *({word: short for short, others in read[kind].items() for word in (short, *others)} for kind in PostalWords._fields)
    )


@cache
def _within() -> dict[str, str]:
    """Within a name ``ST`` is a saint's, and what is written out as ``STREET`` stays so: read again, the name is the same."""
    return {"ST": "SAINT", **{word: "STREET" for word, short in postal_words().types.items() if short == "ST" and word != "ST"}}


class Street(NamedTuple):
    """
    A street's name made ready to be compared.

    Parameters
    ----------
    full : str
        In capitals, words shortened as the post does.
    base : str
        Without its type at the end.
    kind : str
        Its type, empty when there is none.
    direction : str
        Before or behind the name.
    digits : str
        Words with digits in it, which no slip of the pen may change.
    ordered : str
        The words of `full` in alphabetical order.
    """

    full: str
    base: str
    kind: str
    direction: str
    digits: str
    ordered: str


class Written(NamedTuple):
    """
    An address as written, taken apart.

    Parameters
    ----------
    number : str
        With its suffix (``12A``, ``12 1/2``); empty when there is none.
    street : str
        `Street.full`.
    unit, zip, community : str
        Empty where they are not given.
    problem : str
        Why it cannot be looked for, empty when it can.
    """

    number: str
    street: str
    unit: str
    zip: str
    community: str
    problem: str


def street(said: str) -> Street:
    """
    A street's name as it is compared: capitals, no punctuation, types, directions and ordinals shortened.

    ``ST`` is a saint's where it does not end the name.
    """
    words = postal_words()
    tokens = re.sub(r"[^0-9A-Z/ ]+", " ", said.upper().replace("'", "").replace("’", "")).split()
    tokens = [words.ordinals.get(token, token) for token in tokens]
    ends = len(tokens)
    if len(tokens) > 2 and tokens[-1] in words.directions:
        tokens[-1] = words.directions[tokens[-1]]
        ends -= 1
    begins = 0
    if (
        len(tokens) > 1
        and tokens[0] in words.directions
        and (len(tokens[0]) != 2 or tokens[0] not in ("NO", "SO") or len(tokens) > 2)
    ):
        tokens[0] = words.directions[tokens[0]]
        begins = 1
    out = list(tokens)
    for at in range(begins, ends):
        token = tokens[at]
        out[at] = (_within().get(token) if at < ends - 1 else None) or words.types.get(token, token)
    kind = out[ends - 1] if ends - begins > 1 and out[ends - 1] in words.types else ""
    base = " ".join(out[: ends - 1] + out[ends:]) if kind else " ".join(out)
    direction = " ".join(out[:begins] + out[ends:])
    digits = " ".join(sorted(token for token in out if any(c.isdigit() for c in token)))
    ordered = " ".join(sorted("ST" if token in ("SAINT", "STREET") else token for token in out))
    return Street(" ".join(out), base, kind, direction, digits, ordered)


def taken_apart(said: str, *, communities: Sequence[str] = (), states: Collection[str] = ()) -> Written:
    """
    An address in one line, without guessing: what stands in its usual place.

    Parameters
    ----------
    said : str
        As written; dots and doubled blanks do not count.
    communities : sequence of str
        Names in capitals that may stand at the end, the longest first.
    states : collection of str
        Two letters each, in capitals.

    Returns
    -------
    Written
    """
    text = " ".join(said.upper().replace(".", " ").split())
    if not text:
        return Written("", "", "", "", "", "no address is given")
    zip_code = community = unit = ""
    if found := _ZIP.search(text):
        zip_code, text = found[1], text[: found.start()]
    text, community = _without_community(text, communities, states)
    if _BOX.search(text):
        return Written("", "", "", zip_code, community, "a post office box has no place on the ground")
    text, unit = _without_unit(text)
    if found := _NUMBER.match(text):
        number, rest = " ".join(filter(None, (found[1] + (found[2] or ""), found[3]))), found[4]
    elif found := _NUMBER_LAST.match(text):
        number, rest = found[2], found[1]
    else:
        crossing = re.search(r"&|\bAND\b|\bAT\b|/", text)
        return Written("", "", unit, zip_code, community, "a crossing has no number" if crossing else "there is no house number")
    name = street(rest.split(",")[0])
    return Written(number, name.full, unit, zip_code, community, "" if name.full else "no street is named")


def taken_apart_by_usaddress(said: str) -> Written | None:
    """An address as usaddress takes it apart; None where it finds no number and street, or two."""
    import usaddress

    try:
        parts, _ = usaddress.tag(said)
    except usaddress.RepeatedLabelError:
        return None
    name = " ".join(parts[key] for key in parts if key.startswith("StreetName"))
    found = re.match(r"(\d{1,6})([A-Z]?)$", parts.get("AddressNumber", "").upper())
    if not found or not name:
        return None
    number = house_number("", int(found[1]), found[2] or parts.get("AddressNumberSuffix", "").upper())
    community = parts.get("PlaceName", "").upper().strip(" ,")
    return Written(
        number, street(name).full, unit_id(parts.get("OccupancyIdentifier", "")), parts.get("ZipCode", "")[:5], community, ""
    )


def house_number(before: str, number: int, behind: str) -> str:
    """A house number with its prefix and suffix: ``12A``, ``12 1/2``."""
    joined = f"{before}{number}"
    return f"{joined} {behind}" if "/" in behind else joined + behind


def unit_id(said: str) -> str:
    """A unit as it is compared: letters and digits, without the word for what it is."""
    tokens = [token for token in re.sub(r"[^0-9A-Z]+", " ", said.upper()).split() if token not in postal_words().units]
    return "".join(tokens)


@cache
def _unit_pattern() -> re.Pattern:
    names = "|".join(sorted(postal_words().units, key=lambda word: (-len(word), word)))
    return re.compile(rf"[\s,]+(?:(?:{names})\s*#?\s*|#\s*)((?=[0-9A-Z-]*\d)[0-9A-Z-]+|[A-Z])(?=\s*$|\s*,)")


def _without_unit(text: str) -> tuple[str, str]:
    """The address without its unit, and the unit; one that stands before the number too."""
    found = _unit_pattern().search(text)
    if found:
        return text[: found.start()] + text[found.end() :], unit_id(found[1])
    if found := _unit_pattern().match(f" {text}"):
        return text[found.end() - 1 :].lstrip(" ,"), unit_id(found[1])
    return text, ""


def _without_community(text: str, communities: Sequence[str], states: Collection[str]) -> tuple[str, str]:
    """The address without State and community at its end, and the community; where it is another's, as it stands behind a comma."""
    head = text.rstrip(" ,")
    last = re.split(r"[\s,]+", head)[-1]
    had_state = last in states and len(head) > len(last)
    if had_state:
        head = head[: -len(last)].rstrip(" ,")
    for name in communities:
        if head.endswith((" " + name, "," + name)) and re.search(r"\d.*[A-Z]", head[: -len(name)]):
            return head[: -len(name)].rstrip(" ,"), name
    pieces = head.split(",")
    if had_state and len(pieces) > 1 and not re.search(r"\d", pieces[-1]):
        return ",".join(pieces[:-1]).rstrip(" ,"), pieces[-1].strip()
    return (head if had_state else text), ""
