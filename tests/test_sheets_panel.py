"""What the panel says of a sheet."""

import pandas as pd
import pytest

from citygis.settings import check
from citygis.sheets import Sheet
from citygis.sheets.features import Features
from citygis.sheets.panel import key_table, sources
from citygis.sheets.style import Style


def sheet(**block):
    return check({"paper": "arch_d", "layers": ["parcel"], "title_block": {"title": "Map"} | block}, Sheet, "own.toml")


def seen(*ids):
    table = pd.DataFrame({"source_id": list(ids)})
    return [Features("parcel", Style(layer="parcel"), table, table.to_numpy(), "area", table.index.to_numpy(), 0)]


DOCUMENTS = pd.DataFrame(
    {
        "doc_id": ["d1", "d2", "d3"],
        "agency": ["County Assessor", "County Assessor", "Elsewhere Water"],
        "doc_type": ["COUNTY_EXTRACT", "FINAL_MAP", "OTHER"],
        "uri": ["parcels_2026q3.zip", "tract_4012.pdf", "mains.zip"],
        "recorded_on": ["2026-07-01", "1998-03-05", None],
        "epoch": [2010.0, None, 1991.35],
    }
)


def test_documents_are_named_with_their_days_and_epochs():
    assert sources(sheet(), seen("d1", "d2"), DOCUMENTS) == [
        "County Assessor: parcels_2026q3.zip; tract_4012.pdf, of 1998-03-05 to 2026-07-01, epoch 2010.00."
    ]
    assert sources(sheet(), seen("d3"), DOCUMENTS) == ["Elsewhere Water: mains.zip, epoch 1991.35."]


def test_a_single_day_is_said_once():
    assert sources(sheet(), seen("d2"), DOCUMENTS) == ["County Assessor: tract_4012.pdf, of 1998-03-05."]


def test_many_documents_are_counted_by_kind():
    many = pd.concat([DOCUMENTS.iloc[:1].assign(doc_id=f"m{i}", uri=f"{i}.zip") for i in range(6)])
    assert sources(sheet(), seen(*many["doc_id"]), many) == ["County Assessor: county extract (6), of 2026-07-01, epoch 2010.00."]


def test_the_sheets_own_sources_stand_in_their_place_and_the_stores_day_after():
    change = pd.DataFrame({"id": [12], "at": [pd.Timestamp("2026-07-02T09:00Z")]})
    assert sources(sheet(sources=("Field survey",)), seen("d1"), DOCUMENTS, change) == [
        "Field survey",
        "The City's geodatabase as of change 12, 2026-07-02.",
    ]


@pytest.mark.parametrize("documents", [None, DOCUMENTS.drop(columns="agency"), DOCUMENTS.iloc[:0]])
def test_without_documents_there_are_no_sources(documents):
    assert sources(sheet(), seen("d1"), documents) == []


def test_what_shares_a_number_stands_in_one_row():
    unlabelled = pd.DataFrame({"text": ["901-1", "901-2", "191-7", "x"], "key": pd.array([2, 2, 1, None], dtype="Int64")})
    assert key_table(unlabelled).rows == (("1", "191-7"), ("2", "901-1, 901-2"))
