"""Deliveries told apart: what a batch changes, what changed between two of them, and what only looks so."""

from citygis.changes.changeset import LINEAGE_COLUMNS, LINEAGE_KINDS, ChangeSet, LayerChange, lineage_frame
from citygis.changes.comparison import CHANGE_COLUMNS, KINDS, Changes, compare
from citygis.changes.shift import Shift, whole_layer_shift

__all__ = [
    "CHANGE_COLUMNS",
    "KINDS",
    "LINEAGE_COLUMNS",
    "LINEAGE_KINDS",
    "ChangeSet",
    "Changes",
    "LayerChange",
    "Shift",
    "compare",
    "lineage_frame",
    "whole_layer_shift",
]
