"""Deliveries told apart: what changed between two of them, what only looks so, and what a City takes of it."""

from citygis.changes.adoption import changeset
from citygis.changes.alerts import ALERT_COLUMNS, alerts
from citygis.changes.changeset import LINEAGE_COLUMNS, LINEAGE_KINDS, ChangeSet, LayerChange, lineage_frame
from citygis.changes.clusters import clusters
from citygis.changes.comparison import CHANGE_COLUMNS, KINDS, Changes, compare
from citygis.changes.ownership import Owned, city_owned
from citygis.changes.redline import redline_html
from citygis.changes.review import REVIEW_COLUMNS, SHIFT_ID, Standing, read_review, review_of, standing, write_review
from citygis.changes.shift import Shift, whole_layer_shift
from citygis.changes.threeway import Merged, merge_three

__all__ = [
    "ALERT_COLUMNS",
    "CHANGE_COLUMNS",
    "KINDS",
    "LINEAGE_COLUMNS",
    "LINEAGE_KINDS",
    "REVIEW_COLUMNS",
    "SHIFT_ID",
    "ChangeSet",
    "Changes",
    "LayerChange",
    "Merged",
    "Owned",
    "Shift",
    "Standing",
    "alerts",
    "changeset",
    "city_owned",
    "clusters",
    "compare",
    "lineage_frame",
    "merge_three",
    "read_review",
    "redline_html",
    "review_of",
    "standing",
    "whole_layer_shift",
    "write_review",
]
