"""
What the panel says of a sheet: titles, notes, sources, and what the numbers on the map stand for.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from citygis.city import City
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame, North, scale_text
from citygis.sheets.furniture import Column, Titles, degrees_text, grid_interval, plural
from citygis.sheets.sheet import Sheet


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
        f"Ticks every {grid_interval(frame.scale):,} feet.",
        f"Bearings and distances are grid. At the centre of the map the convergence is {sign}"
        f"{degrees_text(abs(at_centre.convergence_deg))} and the grid scale factor {at_centre.scale_factor:.8f}.",
        *sheet.title_block.notes,
    ]
    keyed = int(unlabelled["key"].notna().sum())
    short = int(((unlabelled["reason"] == "no room") & unlabelled["key"].isna()).sum())
    if keyed:
        notes.append(f"{keyed:,} labels that found no room have a number on the map and stand in the table below.")
    if short:
        notes.append(f"{short:,} labels found no room on the map.")
    return notes


def sources(sheet: Sheet, layers: Mapping[str, pd.DataFrame]) -> list[str]:
    """The sheet's own list of sources, else the agencies and files of the City's source documents."""
    if sheet.title_block.sources or "source_document" not in layers:
        return list(sheet.title_block.sources)
    documents = layers["source_document"]
    columns = [name for name in ("agency", "uri") if name in documents.columns]
    lines = (
        documents[columns].astype("str").agg(lambda row: ", ".join(row.dropna()), axis=1) if columns else pd.Series(dtype="str")
    )
    return sorted(line for line in lines.unique() if line)


def key_table(column: Column, unlabelled: pd.DataFrame, floor: float) -> None:
    """What the numbers on the map stand for, as far as the panel goes; what is left is said."""
    keyed = unlabelled[unlabelled["key"].notna()]
    if not len(keyed):
        return
    lines = [f"{key}  {', '.join(texts)}" for key, texts in keyed.groupby("key")["text"]]
    size, k = 6.0, column.k
    wide = float(np.max(font("regular").widths(lines))) * size * k + 10 * k
    columns = max(int(column.width / wide), 1)
    column.heading("Numbers on the map")
    deep = max(int((column.y - floor - 20 * k) / (8.2 * k)), 0)
    top, room = column.y, deep * columns
    shown = lines if len(lines) <= room else lines[:room]
    tall = min(deep, -(-len(shown) // columns)) if shown else 0
    for i, line in enumerate(shown):
        column.y = top - (i % tall) * 8.2 * k
        column.write(line, size, left=column.left + (i // tall) * column.width / columns)
    column.y = top - tall * 8.2 * k - 3 * k
    if len(lines) > len(shown):
        column.write(f"... and {len(lines) - len(shown):,} more, which this panel has no room for.", size)
