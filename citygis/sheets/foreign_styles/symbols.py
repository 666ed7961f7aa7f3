"""
A foreign symbol, layer by layer, and the tables of a citygis style it becomes.
"""

from typing import Any, NamedTuple

from citygis.sheets.foreign_styles.lengths import Length
from citygis.sheets.foreign_styles.losses import Losses
from citygis.sheets.looks import MIN_LINE_PT
from citygis.sheets.style import MIN_TEXT_PT

_LEAST_SPACING_PT = 1.5


class Fill(NamedTuple):
    """An area's colour, and how much of what is below it covers."""

    color: str
    opacity: float = 1.0


class Stroke(NamedTuple):
    """A line: its colour, width and dashes (on, off, ...), and how much of what is below it covers."""

    color: str
    width: Length
    dash: tuple[Length, ...] = ()
    opacity: float = 1.0


class Lines(NamedTuple):
    """Parallel lines in an area: counter-clockwise from the horizontal, so far apart."""

    stroke: Stroke
    angle_deg: float
    spacing: Length
    cross: bool = False


class Mark(NamedTuple):
    """A point symbol; `clockwise_deg` is how far it is turned."""

    shape: str
    size: Length
    fill: str | None
    stroke: Stroke | None
    clockwise_deg: float = 0.0


Part = Fill | Stroke | Lines | Mark


def symbol_tables(parts: list[Part], where: str, losses: Losses) -> dict[str, Any]:
    """
    The keys of a citygis symbol.

    Parameters
    ----------
    parts : list of Part
        Bottom-up.
    where : str
        The class, for what is dropped.
    losses : Losses
    """
    tables: dict[str, Any] = {}
    lines: list[dict] = []
    for part in parts:
        if isinstance(part, Fill):
            if part.opacity <= 0:
                continue
            if "fill" in tables:
                losses.tell(where, f"the fill {tables['fill']} below another")
            tables["fill"] = part.color
            tables.pop("opacity", None)
            if part.opacity < 1:
                tables["opacity"] = round(part.opacity, 3)
        elif isinstance(part, Lines):
            if "hatch" in tables:
                losses.tell(where, "the second pattern of lines")
            else:
                tables["hatch"] = _hatch(part, where, losses)
        elif isinstance(part, Mark):
            if "marker" in tables:
                losses.tell(where, "the marker below another")
            tables["marker"] = _marker(part, where, losses)
        elif part.opacity > 0:
            lines.append(_line(part, where, losses))
    if len(lines) == 1:
        tables["line"] = lines[0]
    elif lines:
        tables["lines"] = lines
    return tables


def label_tables(
    rows: list[str], *, size: Length, color: str, font: str, halo: tuple[str, Length] | None, placement: str,
    capitals: bool = False, curved: bool = False, where: str, losses: Losses,
) -> dict[str, Any]:  # fmt: skip
    """The keys of a citygis label, every row alike; `halo` is a colour and a width."""
    size_pt, unit = size
    if unit != "pt":
        losses.tell(where, f"a text {size_pt:g} ft high on the ground: 6 pt on every sheet")
        size_pt = 6.0
    elif size_pt < MIN_TEXT_PT:
        losses.tell(where, f"text of {size_pt:.2f} pt: {MIN_TEXT_PT:g} pt, the least that is read on paper")
        size_pt = MIN_TEXT_PT
    look: dict[str, Any] = {"size_pt": round(size_pt, 2), "color": color}
    look |= {"font": font} if font != "regular" else {}
    look |= {"capitals": True} if capitals else {}
    table: dict[str, Any] = {"placement": placement}
    table |= {"curved": True} if curved else {}
    if halo is not None:
        width_pt, unit = halo[1]
        if unit != "pt":
            losses.tell(where, f"a halo {width_pt:g} ft wide on the ground: 1 pt")
            width_pt = 1.0
        elif width_pt > 5:
            losses.tell(where, f"a halo of {width_pt:.2f} pt: 5 pt, the widest")
            width_pt = 5.0
        if width_pt > 0:
            table["halo"] = {"color": halo[0], "width_pt": round(width_pt, 3)}
    return table | {"rows": [{"text": row} | look for row in rows]}


def _line(stroke: Stroke, where: str, losses: Losses) -> dict[str, Any]:
    if stroke.opacity < 1:
        losses.tell(where, f"a line that covers {stroke.opacity:.0%} of what is below: it covers all")
    table: dict[str, Any] = {"color": stroke.color} | _length("width", stroke.width, MIN_LINE_PT, where, losses)
    if stroke.dash:
        units = {unit for _, unit in stroke.dash}
        values = [round(length, 3) for length, _ in stroke.dash]
        values *= 2 if len(values) % 2 else 1  # an odd pattern goes on with its gaps and dashes exchanged
        if len(units) > 1 or min(values) <= 0:
            losses.tell(where, f"the dashes {', '.join(f'{length:g}' for length in values)}: a solid line")
        else:
            table[f"dash_{units.pop()}"] = values
    return table


def _hatch(lines: Lines, where: str, losses: Losses) -> dict[str, Any]:
    table: dict[str, Any] = {"angle_deg": round(lines.angle_deg % 180, 3)}
    table |= _length("spacing", lines.spacing, _LEAST_SPACING_PT, where, losses)
    table["line"] = _line(lines.stroke, where, losses)
    return table | ({"cross": True} if lines.cross else {})


def _marker(mark: Mark, where: str, losses: Losses) -> dict[str, Any]:
    table: dict[str, Any] = {"shape": mark.shape} | _length("size", mark.size, 0.0, where, losses)
    if mark.fill is not None:
        table["fill"] = mark.fill
    if mark.stroke is not None:
        table["line"] = _line(mark.stroke, where, losses)
    else:
        # A marker has a line unless something says otherwise; one of its own colour is as good as none.
        table["line"] = {"color": mark.fill or "#000000", "width_pt": MIN_LINE_PT}
    if mark.clockwise_deg % 360:
        table["azimuth_deg"] = round(mark.clockwise_deg % 360, 3)
    return table


def _length(name: str, length: Length, least_pt: float, where: str, losses: Losses) -> dict[str, float]:
    value, unit = length
    if unit == "pt" and value < least_pt:
        if value > 0 or name != "width":
            losses.tell(where, f"a {name} of {value:.3f} pt: {least_pt:g} pt, the least a plotter draws")
        value = least_pt
    return {f"{name}_{unit}": round(value, 3)}
