"""
Calls: what one clause says of a course or two, and of the curve that the next clause will travel.

A clause is read from left to right. A number belongs to what the words before it name: a radius, a central angle, an arc, a
chord, a radial line, a width, an offset. Only what nothing else claims is the bearing and the distance of a course.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from citygis.readers.deed import wording
from citygis.readers.deed.clauses import Clause
from citygis.readers.deed.tokens import Token


@dataclass
class Call:
    """
    One course as a clause states it: `elements` by role, each the token that states it.

    Roles: bearing, distance, radius, delta, arc, chord, chord_bearing, radial, end_radial, tangent_bearing, tangent, azimuth.
    """

    kind: str
    start: int
    end: int
    elements: dict[str, Token] = field(default_factory=dict)
    hand: str | None = None
    concave: str | None = None
    travel: tuple[str, ...] = ()
    tangency: str | None = None
    approximate: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    alternatives: list[tuple[str, Token]] = field(default_factory=list)
    other_units: list[tuple[str, Token]] = field(default_factory=list)
    unused: list[Token] = field(default_factory=list)
    is_from: bool = False
    arrives: bool = False
    arrives_true: bool = False
    continues: bool = False
    radial_to: str | None = None
    leads_away: bool = False
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether what it needs to be a course was said: a line's bearing and distance, or a curve's radius and one more."""
        if self.kind == "curve":
            return "radius" in self.elements and bool({"delta", "arc", "chord", "distance"} & self.elements.keys())
        return bool({"bearing", "azimuth"} & self.elements.keys()) and "distance" in self.elements


class Reading(NamedTuple):
    """The calls of one clause, the curve that it sets up for the next, and the widths it names."""

    calls: list[Call]
    pending: Call | None
    widths: list[Token]


def read_clause(text: str, clause: Clause, tokens: list[Token], pending: Call | None) -> Reading:
    """
    The calls of one clause.

    Parameters
    ----------
    text : str
        Clean.
    clause : Clause
    tokens : list of Token
        Those of the clause.
    pending : Call or None
        The curve that the clause before has set up.

    Returns
    -------
    Reading
    """
    return _Reader(text, clause, tokens, pending).read()


class _Reader:
    def __init__(self, text: str, clause: Clause, tokens: list[Token], pending: Call | None):
        self.text, self.clause, self.pending = text, clause, pending
        self.end = clause.arrivals[0][0] if clause.arrivals else clause.end
        self.body = text[clause.body : clause.end]
        self.parens = [(clause.body + m.start(), clause.body + m.end()) for m in re.finditer(r"\([^()]*\)", self.body)]
        self.tokens = self._with_cardinals(tokens)
        self.calls: list[Call] = []
        self.widths: list[Token] = []
        self.next_tangency: str | None = None
        self.last_role: str | None = None
        self.last_at = self.last_end = clause.body

    def read(self) -> Reading:
        words = [(m.start(), "word", m) for m in wording.WORDS.finditer(self.text, self.clause.body, self.end)]
        events = sorted([*words, *((t.start, "token", t) for t in self.tokens)], key=lambda event: event[0])
        self.call = self._begun(events)
        for at, kind, event in events:
            if kind == "word":
                self._word(at, event)
            else:
                self._token(event)
        return self._finished()

    # -- the clause as a whole

    def _with_cardinals(self, tokens: list[Token]) -> list[Token]:
        """NORTH at the head of a course, or after its distance, where no quadrant bearing stands."""
        if self.clause.marker in ("lead", "parcel", "except", "together"):
            return list(tokens)
        found = wording.CARDINAL_START.match(self.text, self.clause.body, self.end)
        if found and wording.DEGREES.search(self.text, found.end(), found.end() + 40):
            found = None  # a quadrant bearing that could not be read is not due north
        if (
            found
            and not any(t.kind in ("bearing", "cardinal") and t.start < found.end(1) and found.start(1) < t.end for t in tokens)
            and self.clause.marker != "begin"
        ):
            token = _cardinal(found)
            return sorted([token, *tokens], key=lambda t: t.start)
        if not any(t.kind in ("bearing", "cardinal") for t in tokens):
            for n, token in enumerate(tokens):
                if token.kind == "length" and (found := wording.CARDINAL_AFTER.match(self.text, token.end, self.end)):
                    return [*tokens[: n + 1], _cardinal(found), *tokens[n + 1 :]]
        return list(tokens)

    def _begun(self, events: list) -> Call:
        clause = self.clause
        call = Call("line", clause.start, clause.end)
        of_a_curve = any(
            kind == "word" and m.lastgroup in ("curve", "concave") for _, kind, m in events
        ) or wording.SAYS_CURVE.search(self.body)
        if self.pending is not None and of_a_curve and not self._is_line_first():
            pending = self.pending
            call = Call(
                "curve", clause.start, clause.end, dict(pending.elements), pending.hand, pending.concave, (), pending.tangency
            )
            call.radial_to = pending.radial_to
            call.alternatives, call.unused = list(pending.alternatives), list(pending.unused)
            self.pending = None
        if found := wording.TRAVEL.match(self.text, clause.body, clause.end):
            call.travel = tuple(word.lower() for word in found.groups() if word)
        call.continues = bool(wording.CONTINUES.match(self.text[clause.start : clause.body + 12]))
        return call

    def _is_line_first(self) -> bool:
        """Whether a bearing and a distance of a line come before any word of a curve."""
        first = next((m for m in wording.WORDS.finditer(self.text, self.clause.body, self.end) if m.lastgroup == "curve"), None)
        before = [t for t in self.tokens if first is None or t.end <= first.start()]
        kinds = [t.kind for t in before]
        gap = self.text[self.clause.body : before[0].start] if before else ""
        return (
            bool({"bearing", "cardinal"} & set(kinds)) and "length" in kinds and not re.search(r"chord|radial|\barc\b", gap, re.I)
        )

    def _finished(self) -> Reading:
        call, pending = self.call, None
        travels = {"delta", "arc", "chord", "distance", "chord_bearing"} & call.elements.keys()
        if call.kind == "curve" and "radius" in call.elements and (not travels or (self.calls and self._is_travelled_next())):
            pending = call
        elif call.kind == "curve" and not call.elements:
            pending = call if self.calls or self.clause.marker != "thence" else None
            if pending is None:
                self.calls.append(call)
        else:
            self._flush(call)
        if self.pending is not None and "radius" in self.pending.elements and pending is None:
            self.calls.insert(0, self.pending)  # set up, and never travelled: it must show
        if self.calls:
            arrivals = self.clause.arrivals
            self.calls[-1].arrives, self.calls[-1].arrives_true = bool(arrivals), any(true for _, true in arrivals)
            self.calls[-1].calls = tuple(self._adjoiners())
        return Reading(self.calls, pending, self.widths)

    def _is_travelled_next(self) -> bool:
        """Whether the next course runs along the curve that this clause has set up."""
        following = self.text[self.clause.end : self.clause.end + 200]
        return following[:6].lower() == "thence" and bool(wording.ALONG_SAID_CURVE.match(following, 6))

    def _flush(self, call: Call) -> None:
        if call.kind == "curve":
            elements = call.elements
            if "distance" in elements and "arc" not in elements:
                elements["arc"] = elements.pop("distance")
            elif "distance" in elements:
                call.unused.append(elements.pop("distance"))
            if "bearing" in elements and "chord_bearing" not in elements:
                elements["chord_bearing"] = elements.pop("bearing")
                call.notes += ("bearing taken as the chord's",)
            elif "bearing" in elements:
                call.unused.append(elements.pop("bearing"))
        if call.elements or (
            self.clause.marker == "thence" and self.body.strip() and not self.calls and not wording.SERIES.search(self.body)
        ):
            self.calls.append(call)

    def _adjoiners(self) -> list[str]:
        """What the clause calls to besides its numbers: lines, corners, monuments, adjoiners, maps."""
        parts, at = [], self.clause.body
        for token in [*self.tokens, None]:
            stop = token.start if token else self.clause.end
            piece = " ".join(self.text[at:stop].split())
            if (found := wording.CALL.search(piece)) and len(found.group().split()) > 2:
                words = wording.TRAILING_MEASURE.sub("", found.group())
                parts.append(words.strip(" ,;.("))
            at = max(at, token.end) if token else stop
        return [part for part in parts if len(part.split()) > 2]

    # -- words

    def _word(self, at: int, found: re.Match) -> None:
        call, group = self.call, found.lastgroup
        gap = self.text[max(self.last_end, self.clause.body) : at]
        group = next(name for name in ("along", "tangency", "concave", "hand", "curve") if found[name])
        if group == "along":
            if call.tangency not in ("compound", "reverse"):
                call.tangency = "nontangent" if found["along_not"] else "tangent"
        elif group == "tangency":
            word = re.sub(r"[\s-]", "", found["tangency"].lower())
            value = "nontangent" if word.startswith(("non", "not")) else "tangent" if word.startswith("tan") else word
            if call.is_complete or self._leads_on(gap):
                self.next_tangency = value
            elif call.tangency in (None, "tangent"):
                call.tangency = value
        elif group == "concave":
            call.concave = found["toward"].lower()
        elif group == "hand":
            word = (found["hand_to"] or found["hand_of"] or found["hand_after"])[0].upper()
            if found["hand_after"] or (found["hand_of"] and re.match(r"\s*curve", self.text[found.end() :])):
                self._curve(gap)
            if self.call.kind == "curve" or re.search(r"\b(?:curve|arc)\b", self.body, re.I):
                self.call.hand = self.call.hand or word
        else:
            self._curve(gap)

    def _curve(self, gap: str) -> None:
        call = self.call
        if call.is_complete or self._leads_on(gap):
            if not wording.TOWARDS.search(gap) or wording.STILL_THE_SAME.search(gap):
                return
            self._flush(call)
            self.call = Call("curve", call.start, call.end, tangency=self.next_tangency)
            self.next_tangency = None
        elif call.kind == "line":
            call.kind = "curve"
            if self.next_tangency and call.tangency is None:
                call.tangency = self.next_tangency

    def _leads_on(self, gap: str) -> bool:
        """Whether a line of which only the distance was said has come to its end, where a curve begins."""
        return self.call.kind == "line" and "distance" in self.call.elements and bool(wording.TOWARDS.search(gap))

    # -- numbers

    def _token(self, token: Token) -> None:
        gap = self.text[max(self.last_end, token.start - wording.GAP, self.clause.body) : token.start]
        after = self.text[token.end : token.end + 60]
        if token.start >= self.end and self.clause.arrivals:
            if token.kind in ("bearing", "cardinal") and self.clause.marker != "lead":
                self.call.unused.append(token)
            return
        role = self._in_parentheses(token)
        if role is None:
            role = self._role(token, gap, after)
        self.last_at, self.last_end = self.last_end, token.end
        if role in ("skip", "alternative"):
            return
        if role == "width":
            self.widths.append(token)
            return
        self._put(role, token, after)

    def _in_parentheses(self, token: Token) -> str | None:
        paren = next(((a, b) for a, b in self.parens if a <= token.start < b), None)
        if paren is None:
            return None
        inside = self.text[paren[0] + 1 : paren[1] - 1]
        if re.search(r"\bwide\b|\bwidth\b", inside, re.I):
            self.widths.append(token)
            return "skip"
        if wording.OF_A_CURVE.search(inside) and not wording.ALTERNATIVE.search(inside):
            return None
        kind = "delta" if token.kind == "angle" else "length" if token.kind == "length" else "bearing"
        if (
            kind == "length"
            and self.last_role
            and self.text[self.last_end : token.start].strip(" (,.") == ""
            and not wording.ALTERNATIVE.search(inside)
        ):
            self.call.other_units.append((self.last_role, token))
            return "alternative"
        if wording.ALTERNATIVE.search(inside) or token.kind in ("bearing", "cardinal"):
            role = kind if kind != "length" else self.last_role
            if role:
                self.call.alternatives.append((role, token))
            return "alternative"
        return None

    def _role(self, token: Token, gap: str, after: str) -> str:
        near = gap.lower()
        tail = near.rpartition(";")[2]
        if token.kind in ("bearing", "cardinal"):
            if self._is_of_curve() and wording.CENTRE_BEARS.search(tail):
                self.call.radial_to = "center"
                return "radial"
            if wording.WITNESS.search(tail):
                return "witness"
            if "radial" in tail or wording.RADIAL_AFTER.match(after):
                done = self.call.kind == "curve" and {"delta", "arc", "chord"} & self.call.elements.keys()
                if not done and wording.POINT_BEARS.search(tail):
                    self.call.radial_to = "point"
                return "end_radial" if done else "radial"
            if "chord" in tail:
                return "chord_bearing"
            if wording.TANGENT_BEARS.search(tail):
                return "tangent_bearing"
            if wording.ASSUMED.search(gap) or (
                wording.REFERENCE_BEARING.search(gap) and self.call.kind == "line" and "bearing" in self.call.elements
            ):
                return "reference"
            return "bearing"
        if token.kind == "angle":
            if "azimuth" in tail:
                return "azimuth"
            if wording.TURNED.search(tail):
                return "turned"
            if wording.DELTA_BEFORE.search(tail):
                return "delta"
            if self.call.kind == "line" and not self.call.elements and re.search("azimuth", self.text, re.I):
                return "azimuth"  # 1. 185°30' 250.00 feet, where the document counts azimuths
            return "reference"
        if self.last_role == "witness":
            return "witness"
        if wording.PASSED_BEFORE.search(tail) or (wording.PASSED_AT.search(tail) and wording.PASSED_AFTER.match(after)):
            return "reference"
        if wording.WIDTH.match(after) or wording.WIDTH_BEFORE.search(tail):
            return "width"
        if wording.RADIUS_AFTER.match(after) or wording.RADIUS_BEFORE.search(gap):
            return "radius"
        if self.last_role == "radial" and self.call.radial_to == "center" and wording.OF_A_BEARING.fullmatch(gap):
            return "radius"
        if wording.TANGENT_BEFORE.search(tail):
            return "tangent"
        if wording.ARC_BEFORE.search(tail) and not wording.CHORD_SINCE.search(tail.rpartition("arc")[2]):
            return "arc" if self.call.kind == "curve" or re.search(r"curv|\barc\b", self.body, re.I) else "distance"
        if wording.CHORD_BEFORE.search(tail) and not wording.CHORD_THEN_ARC.search(tail):
            return "chord"
        if self.last_role == "chord_bearing" and wording.ONLY_DISTANCE.fullmatch(tail):
            return "chord"
        is_of_bearing = self.last_role == "bearing" and wording.OF_A_BEARING.fullmatch(gap)
        if self.clause.marker == "begin" and wording.FROM.match(after) and not wording.DISTANT.search(gap):
            return "distance"
        if (wording.OFFSET.match(after) or wording.DISTANT.search(gap)) and not is_of_bearing:
            return "offset"
        if self.last_role == "reference" and wording.FROM.match(after):
            return "offset"
        return "distance"

    def _put(self, role: str, token: Token, after: str) -> None:
        call = self.call
        if role == "witness":
            self._witness(token)
            return
        is_second = role == "offset" and self.clause.marker == "begin" and call.elements
        if is_second and wording.AND.fullmatch(self.text, self.last_at, token.start):
            call.unused.append(token)  # so far south and so far west of a corner
        if role in ("offset", "reference", "turned"):
            call.notes += (f"{role} {token.raw.strip()}",)
            self.last_role = role
            return
        if role in ("bearing", "azimuth") and call.kind == "line" and call.is_complete:
            if not self._begins_another(token):
                call.unused.append(token)
                self.last_role = "reference"
                return
            self._flush(call)
            call = self.call = Call("line", token.start, call.end, is_from=call.is_from)
        if (
            role in ("delta", "arc", "radius", "chord", "chord_bearing", "radial", "end_radial")
            and call.kind == "line"
            and not call.is_complete
        ):
            call.kind = "curve" if role in ("delta", "arc", "radius", "chord_bearing") else call.kind
        elif (role in ("radial", "end_radial") and call.kind == "line") or (
            role in ("delta", "arc", "radius", "chord", "chord_bearing") and call.kind == "line"
        ):
            call.unused.append(token)
            self.last_role = "reference"
            return
        again = call.elements.get("arc" if role == "distance" else role) if call.kind == "curve" else None
        is_same = again is not None and (again.kind, again.value, again.unit) == (token.kind, token.value, token.unit)
        if is_same and role in ("radius", "delta", "arc", "distance"):
            self.last_role = role
            return
        if role in call.elements:
            if call.kind == "curve" and role == "distance" and "arc" not in call.elements:
                role = "arc"
            else:
                call.unused.append(token)
                self.last_role = role
                return
        call.elements[role] = token
        if wording.APPROXIMATE.match(after):
            call.approximate += (role,)
        if (
            role == "distance"
            and call.kind == "line"
            and self.clause.marker != "begin"
            and "bearing" in call.elements
            and wording.FROM.match(after)
            and wording.LIES.search(self.text, self.clause.body, call.elements["bearing"].start)
        ):
            # It tells where a place lies, not where the boundary goes.
            tie = call.elements.pop("bearing")
            call.elements.pop("distance")
            call.notes += (f"lies {tie.raw.strip()} {token.raw.strip()} from",)
            self.last_role = "reference"
            return
        if role == "distance" and wording.FROM.match(after) and ("bearing" in call.elements or self.clause.marker == "begin"):
            call.is_from = True
            if found := re.search(r"(\w+erly)\s*$", self.text[max(token.start - 20, 0) : token.start], re.I):
                call.travel = call.travel or (found.group(1).lower(),)
        self.last_role = role

    def _witness(self, token: Token) -> None:
        """A place from which another bears: a tree that bears witness is no course, and a corner is a tie the other way round."""
        call = self.call
        if self.clause.marker == "begin" and not call.elements.keys() - {"bearing"}:
            call.elements["distance" if token.kind == "length" else "bearing"] = token
            call.leads_away = call.is_from = True
        else:
            call.unused.append(token)
        self.last_role = "witness" if token.kind != "length" else "reference"

    def _is_of_curve(self) -> bool:
        return self.call.kind == "curve" or bool(re.search(r"\b(?:curve|arc|radius|radial)\b", self.body, re.I))

    def _begins_another(self, token: Token) -> bool:
        following = [t for t in self.tokens if t.start > token.start]
        if not following or following[0].kind != "length":
            return False
        between = self.text[token.end : following[0].start]
        if self.clause.marker == "begin":
            return len(between) < 60
        return len(between) < 60 and not wording.FROM.match(self.text, following[0].end)


def _cardinal(found: re.Match) -> Token:
    azimuth = {"N": 0.0, "E": 90.0, "S": 180.0, "W": 270.0}[found.group(1)[0].upper()]
    return Token("cardinal", azimuth, found.start(1), found.end(1), found.group(1))
