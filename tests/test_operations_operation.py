"""What stands in the way of an operation."""

import pandas as pd
import pytest

from citygis.changes import ChangeSet, lineage_frame
from citygis.errors import StoreError
from citygis.findings import findings_frame
from citygis.operations import Operation, refusals, require_sound
from citygis.operations.operation import CARRIED_COLUMNS


def operation(*, severities=(), said=()):
    rows = [{"code": f"T0{n}", "rule": "r", "severity": s, "layer": "parcel", "message": "m"} for n, s in enumerate(severities)]
    carried = pd.DataFrame([("A", "lot", "B", "7", each) for each in said], columns=list(CARRIED_COLUMNS))
    change = ChangeSet({}, lineage_frame())
    return Operation(change, pd.DataFrame(), 0.0, carried, pd.DataFrame(), findings_frame(rows))


def test_errors_and_reviews_stand_in_the_way_and_remarks_do_not():
    assert refusals(operation(severities=("error", "review", "info"))) == ["T00 m", "T01 m"]
    assert refusals(operation(severities=("error", "review")), {"T00": "known", "T01": "known"}) == []


def test_a_question_stands_in_the_way_whatever_is_accepted():
    (line,) = refusals(operation(said=("copied", "dropped", "asked")), {"T00": "known"})
    assert "what is its lot" in line and "--set A:lot=VALUE" in line


def test_what_is_sound_passes_and_the_rest_is_refused_with_the_list():
    require_sound(operation(severities=("info",), said=("copied",)))
    with pytest.raises(StoreError, match="nothing was changed") as told:
        require_sound(operation(severities=("error",), said=("asked",)))
    assert "T00" in str(told.value) and "lot" in str(told.value)
