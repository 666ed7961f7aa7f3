"""
An inspection for people: as text for a terminal, as HTML for Jupyter.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from citygis.readers.inspection import CaptureReport, FieldReport, Inspection, LayerReport


def as_text(inspection: Inspection) -> str:
    """Lines of plain text, widths made to fit."""
    lines = [f"{inspection.path}  {inspection.size_bytes:,} bytes  sha256 {inspection.sha256[:16]}..."]
    for layer in inspection.layers:
        lines += ["", *_heading(layer)]
        if layer.fields:
            lines += ["", *_columns(_FIELD_HEADS, [_field_cells(field) for field in layer.fields])]
    return "\n".join(lines)


def as_html(inspection: Inspection) -> str:
    """One self-contained fragment; every value is escaped."""
    parts = [f"<p><b>{html.escape(inspection.path)}</b> {inspection.size_bytes:,} bytes</p>"]
    for layer in inspection.layers:
        heading = "<br>".join(html.escape(line) for line in _heading(layer))
        parts.append(f"<p>{heading}</p>")
        if layer.fields:
            head = "".join(f"<th>{name}</th>" for name in _FIELD_HEADS)
            rows = "".join(
                f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in _field_cells(field))}</tr>" for field in layer.fields
            )
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
    return "".join(parts)


_FIELD_HEADS = ("field", "type", "null", "distinct", "range", "examples")


def _heading(layer: LayerReport) -> list[str]:
    if layer.error:
        return [f"Layer {layer.layer}", f"  cannot be read: {layer.error}"]
    types = ", ".join(f"{count:,} {name}" for name, count in layer.geometry_types.items()) or "no geometry"
    lines = [f"Layer {layer.layer}: {layer.count:,} rows, {types} ({layer.format})"]
    if layer.frame:
        code = f", {layer.frame.code}" if layer.frame.code else ""
        name = f"{layer.frame.name}{code}, in {layer.frame.unit}" if layer.frame.name else "not stated"
        lines.append(f"  CRS: {name}; the file {layer.frame.says}")
        lines += [f"  ! {layer.frame.problem}"] if layer.frame.problem else []
        lines += [f"  {layer.frame.cost}"] if layer.frame.cost else []
    if layer.extent:
        lines.append("  Extent: easting {0:.10g} to {2:.10g}, northing {1:.10g} to {3:.10g}".format(*layer.extent))
    lines += _of_captures(layer.captures) if layer.captures else []
    for likeness in layer.looks_like[:1]:
        lines.append(f"  Looks like {likeness.layer}: {'; '.join(likeness.reasons)}")
    if len(layer.looks_like) > 1:
        lines.append(f"  or like {', '.join(likeness.layer for likeness in layer.looks_like[1:])}")
    for problem in layer.problems:
        lines.append(f"  ! {problem.kind}: {problem.count:,} ({'; '.join(problem.examples)})")
    lines += [f"  ? {suspicion}" for suspicion in layer.suspicions]
    return lines


def _of_captures(captures: CaptureReport) -> list[str]:
    def told(counts: dict[str, int]) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"

    lines = [f"  Records: {told(captures.records)}; {captures.joined:,} joined into others"]
    lines.append(f"  Captures: {told(captures.kinds)}; fix types: {told(captures.fix_types)}")
    if captures.begins:
        lines.append(f"  Time: {captures.begins} to {captures.ends}")
    return lines + ([f"  Rejected: {told(captures.rejected)}"] if captures.rejected else [])


def _field_cells(field: FieldReport) -> tuple[str, ...]:
    spread = f"{field.minimum} to {field.maximum}" if field.minimum is not None else ""
    if field.longest is not None:
        spread = f"up to {field.longest} characters"
    examples = ", ".join(_short(example) for example in field.examples)
    return field.name, field.type, f"{field.null_rate:.1%}", f"{field.distinct:,}", spread, examples


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 30 else text[:27] + "..."


def _columns(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    return [
        "    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)
    ]
