"""
What the panel says of a sheet: notes, sources, and what the numbers on the map stand for.
"""

import pandas as pd

from citygis.city import City
from citygis.sheets.column import Block, Column
from citygis.sheets.features import Features
from citygis.sheets.frame import Frame, North
from citygis.sheets.furniture import degrees_text, plural
from citygis.sheets.grid import grid_interval
from citygis.sheets.sheet import Sheet
from citygis.sheets.table import Table

_NAMED_DOCUMENTS = 4
"""An agency's documents are named up to this many, and counted by kind above."""


def paragraphs(width: float, k: float, title: str, lines: list[str]) -> Block:
    """A heading and paragraphs of small type."""
    column = Column(width, k)
    column.heading(title)
    for line in lines:
        column.paragraph(line, 7.0)
        column.down(3)
    column.group(title)
    column.down(6)
    return column.block(title.lower())


def notes(sheet: Sheet, city: City, frame: Frame, at_centre: North, unit_name: str, unlabelled: pd.DataFrame) -> list[str]:
    """Coordinates, grid and scale factor as they are, the sheet's own notes, and how many numbers stand for labels."""
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
    if keyed:
        notes.append(f"Labels that found no room, numbered on the map and listed under Numbers on the map: {keyed:,}.")
    return notes


def sources(
    sheet: Sheet, seen: list[Features], documents: pd.DataFrame | None, last_change: pd.DataFrame | None = None
) -> list[str]:
    """
    Where what is drawn comes from.

    Parameters
    ----------
    sheet : Sheet
        Its own list of sources comes first, when it has one.
    seen : list of Features
        Their ``source_id`` says which documents count.
    documents : DataFrame or None
        Columns ``doc_id, agency, doc_type, uri, recorded_on, epoch`` of the ``source_document`` layer, as far as there.
    last_change : DataFrame, optional
        ``id`` and ``at`` of the store's last change, as `Store.changes` gives it: how current the layers are.

    Returns
    -------
    list of str
        One line per agency: its documents by name when they are few, else how many of each kind, and how current they are.
    """
    if last_change is not None and len(last_change):
        said = last_change.iloc[-1]
        current = [f"The City's geodatabase as of change {said['id']}, {said['at'].date().isoformat()}."]
    else:
        current = []
    if sheet.title_block.sources or documents is None or not {"doc_id", "agency"} <= set(documents.columns):
        return [*sheet.title_block.sources, *current]
    used = pd.concat([f.table["source_id"] for f in seen if "source_id" in f.table] or [pd.Series(dtype="str")])
    drawn = documents[documents["doc_id"].isin(used.dropna().astype("str").unique()) & documents["agency"].notna()]
    return [*(f"{agency}: {_documents(own)}{_currency(own)}." for agency, own in drawn.groupby("agency", sort=True)), *current]


def _documents(own: pd.DataFrame) -> str:
    names = own["uri"].dropna().unique() if "uri" in own else []
    if 0 < len(names) <= _NAMED_DOCUMENTS:
        return "; ".join(sorted(names))
    kinds = own["doc_type"].fillna("document").value_counts().sort_index() if "doc_type" in own else {"document": len(own)}
    return ", ".join(f"{kind.replace('_', ' ').lower()} ({count:,})" for kind, count in kinds.items())


def _currency(own: pd.DataFrame) -> str:
    """The days of an agency's documents and the epochs of their coordinates, as far as they are stated."""
    said = ""
    if "recorded_on" in own and own["recorded_on"].notna().any():
        days = pd.to_datetime(own["recorded_on"].dropna())
        first, last = days.min().date().isoformat(), days.max().date().isoformat()
        said += f", of {first}" if first == last else f", of {first} to {last}"
    if "epoch" in own and own["epoch"].notna().any():
        said += ", epoch " + ", ".join(f"{epoch:.2f}" for epoch in sorted(own["epoch"].dropna().unique())[:3])
    return said


def key_table(unlabelled: pd.DataFrame) -> Table:
    """What the numbers on the map stand for."""
    keyed = unlabelled[unlabelled["key"].notna()]
    texts: dict[int, list[str]] = {}
    for key, text in zip(keyed["key"].to_numpy(dtype=int), keyed["text"], strict=True):
        texts.setdefault(key, []).append(text)
    rows = tuple((str(key), ", ".join(texts[key])) for key in sorted(texts))
    return Table("Numbers on the map", ("No.", "Stands for"), rows, "rl")
