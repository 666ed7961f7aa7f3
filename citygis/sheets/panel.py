"""
What the panel says of a sheet: titles, notes, sources, and what the numbers on the map stand for.
"""

import pandas as pd

from citygis.city import City
from citygis.sheets.features import Features
from citygis.sheets.fonts import wrapped
from citygis.sheets.frame import Frame, North, scale_text
from citygis.sheets.furniture import Column, Titles, degrees_text, plural
from citygis.sheets.grid import grid_interval
from citygis.sheets.labelling import KEY
from citygis.sheets.sheet import Sheet
from citygis.sheets.style import MIN_TEXT_PT

_NAMED_DOCUMENTS = 4
"""An agency's documents are named up to this many, and counted by kind above."""


def titles(sheet: Sheet, city: City, frame: Frame) -> Titles:
    """The words of the title block: the City's, the sheet's and the scale that is drawn."""
    block = sheet.title_block
    place = f"{city.county} County, {city.state}"
    cells = (
        ("Drawn by", block.drawn_by),
        ("Checked by", block.checked_by),
        ("Date", block.date),
        ("Coordinates", f"{city.realization}, {city.epoch:.2f}"),
        ("Scale", scale_text(frame.scale)),
        ("Sheet", f"{block.sheet_number} of {block.sheet_count}"),
    )
    return Titles(city.name, place, block.department, block.title, block.subtitle, cells)


def notes(sheet: Sheet, city: City, frame: Frame, at_centre: North, unit_name: str, unlabelled: pd.DataFrame) -> list[str]:
    """Coordinates, grid and scale factor as they are, the sheet's own notes, and how many labels found no room."""
    code = city.crs.to_epsg()
    named = f"{city.crs.name}, EPSG:{code}" if code else city.crs.name
    sign = "−" if at_centre.convergence_deg < 0 else "+"
    notes = [
        f"Coordinates: {named}; datum {city.realization}, epoch {city.epoch:.2f}; {plural(unit_name)}. "
        f"Ticks every {grid_interval(frame):,} feet.",
        f"Bearings and distances are grid. At the centre of the map the convergence is {sign}"
        f"{degrees_text(abs(at_centre.convergence_deg))} and the grid scale factor {at_centre.scale_factor:.8f}.",
        *sheet.title_block.notes,
    ]
    keyed = int(unlabelled["key"].notna().sum())
    short = int(((unlabelled["reason"] == "no room") & unlabelled["key"].isna()).sum())
    if keyed:
        notes.append(f"Labels that found no room, numbered on the map and listed below: {keyed:,}.")
    if short:
        notes.append(f"Labels that found no room and are left out: {short:,}.")
    return notes


def sources(sheet: Sheet, seen: list[Features], documents: pd.DataFrame | None) -> list[str]:
    """
    Where what is drawn comes from.

    Parameters
    ----------
    sheet : Sheet
        Its own list of sources comes first, when it has one.
    seen : list of Features
        Their ``source_id`` says which documents count.
    documents : DataFrame or None
        Columns ``doc_id, agency, doc_type, uri`` of the ``source_document`` layer, as far as there.

    Returns
    -------
    list of str
        One line per agency: its documents by name when they are few, else how many of each kind.
    """
    if sheet.title_block.sources or documents is None or not {"doc_id", "agency"} <= set(documents.columns):
        return list(sheet.title_block.sources)
    used = pd.concat([f.table["source_id"] for f in seen if "source_id" in f.table] or [pd.Series(dtype="str")])
    drawn = documents[documents["doc_id"].isin(used.dropna().astype("str").unique()) & documents["agency"].notna()]
    lines = []
    for agency, own in drawn.groupby("agency", sort=True):
        names = own["uri"].dropna().unique() if "uri" in own else []
        if 0 < len(names) <= _NAMED_DOCUMENTS:
            what = "; ".join(sorted(names))
        else:
            kinds = own["doc_type"].fillna("document").value_counts().sort_index() if "doc_type" in own else {"document": len(own)}
            what = ", ".join(f"{kind.replace('_', ' ').lower()} ({count:,})" for kind, count in kinds.items())
        lines.append(f"{agency}: {what}.")
    return lines


def key_table(column: Column, unlabelled: pd.DataFrame, floor_pt: float) -> None:
    """What the numbers on the map stand for, in three columns, as far as the panel goes; what finds no room is counted."""
    keyed = unlabelled[unlabelled["key"].notna()]
    if not len(keyed):
        return
    k = column.k
    size, leading, indent = max(6.0 * k, MIN_TEXT_PT), 8.2 * k, 16 * k
    wide = column.width / 3
    entries = [(int(key), wrapped(", ".join(texts), wide - indent - 6 * k, size)) for key, texts in keyed.groupby("key")["text"]]
    column.heading("Numbers on the map")
    # One line stays free to say what is left over.
    deep = int((column.y - floor_pt - 8 * k) / leading) - 1
    top, lowest, line, at = column.y, column.y, 0, 0
    shown = 0
    for key, lines in entries:
        if line + len(lines) > deep:
            line, at = 0, at + 1
        if at > 2 or len(lines) > deep:
            break
        for n, string in enumerate(lines):
            column.y = top - (line + n) * leading
            left = column.left + at * wide
            if not n:
                column.write(str(key), size / k, font="bold", color=KEY.color, left=left)
            column.write(string, size / k, left=left + indent)
        line += len(lines)
        lowest = min(lowest, top - line * leading)
        shown += 1
    column.y = lowest
    if shown < len(entries):
        column.write(f"{len(entries) - shown:,} more numbers, which this panel has no room for.", size / k, font="italic")
        column.y -= leading
    column.down(8)
