"""The invented records that the sample city rests on, as rows of source_document."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.samples.layers import city_layer, document_ids, document_sha256

CITY_RECORDS = "City Clerk's index of maps"
ASSET_REGISTER = "Public Works asset register"
FLOOD_STUDY = "Flood study of the river reach"


class Record(NamedTuple):
    """A document: its title, kind, day of recording, and the set of books it is in."""

    title: str
    doc_type: str
    recorded_on: str
    map_book_kind: str | None


def own_records(deeds: list[str]) -> list[Record]:
    """The City's own registers, and the deeds of easements by title."""
    registers = [Record(title, "OTHER", "2026-07-01", None) for title in (CITY_RECORDS, ASSET_REGISTER, FLOOD_STUDY)]
    return registers + [Record(title, "EASEMENT_DEED", "2003-03-10", "OFFICIAL_RECORDS") for title in deeds]


def source_documents(records: list[Record]) -> pd.DataFrame:
    """The source_document table: a row per record, its SHA-256 that of the title, which stands in for a scan."""
    titles = [record.title for record in records]
    return city_layer(
        "source_document",
        {
            "doc_id": document_ids(titles),
            "doc_type": [record.doc_type for record in records],
            "doc_number": [f"RB-{k:04d}" for k in range(1, len(records) + 1)],
            "map_book_kind": [record.map_book_kind for record in records],
            "recorded_on": np.array([record.recorded_on for record in records], dtype="datetime64[s]"),
            "agency": "City of Riverbend",
            "datum": "NAD83(2011)",
            "epoch": 2010.0,
            "unit": "FT_US",
            "sha256": [document_sha256(title) for title in titles],
            "uri": titles,
        },
    )
