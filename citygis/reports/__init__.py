"""Saved queries over the City's geodatabase, answered as tables with their control totals: XLSX, HTML, CSV."""

from citygis.reports.answer import Answer, answer
from citygis.reports.page import write_page
from citygis.reports.query import Control, Parameter, SavedQuery, bound, read_query, saved_queries, saved_query
from citygis.reports.table import write_csv, write_rows
from citygis.reports.workbook import Worksheet, workbook_bytes, write_workbook

__all__ = [
    "Answer",
    "Control",
    "Parameter",
    "SavedQuery",
    "Worksheet",
    "answer",
    "bound",
    "read_query",
    "saved_queries",
    "saved_query",
    "workbook_bytes",
    "write_csv",
    "write_page",
    "write_rows",
    "write_workbook",
]
