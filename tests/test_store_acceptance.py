"""What stands in the way of a load, and what was accepted with a reason."""

import pandas as pd
import pytest
from store_city import errors, load, parcels, source

from citygis.errors import StoreError
from citygis.store import store


@pytest.fixture
def city(any_city):
    return any_city


def test_an_error_stops_the_load_and_says_what_to_type(city):
    found = pd.concat([errors("1", "2"), errors("3", code="A01")], ignore_index=True)
    with pytest.raises(StoreError) as refusal:
        load(city, {"parcel": parcels(2)}, findings=found, accept={"A01": "known"})
    text = str(refusal.value)
    assert "T01" in text and "2" in text and '--accept T01="reason"' in text and "--accept A01" not in text
    assert len(store(city).read("parcel")) == 0


def test_an_accepted_error_is_stored_with_its_reason_and_stays_accepted(city):
    found = errors("1", "2")
    batch = load(city, {"parcel": parcels(2)}, findings=found, accept={"T01": " two surveys disagree "})
    assert batch.accepted["reason"].tolist() == ["two surveys disagree"] * 2
    kept = store(city).accepted()
    assert kept["finding_id"].tolist() == sorted(found["finding_id"])
    assert set(kept["reason"]) == {"two surveys disagree"} and set(kept["change"]) == {1} and set(kept["author"]) == {"clerk"}
    assert store(city).changes()["accepted"].tolist() == [{"T01": "two surveys disagree"}]
    again = load(city, {"parcel": parcels(2)}, findings=found)
    assert again.change_id is None and len(again.accepted) == 0
    with pytest.raises(StoreError, match="1 error stands in the way"):
        load(city, {"parcel": parcels(2)}, findings=errors("1", "2", "3"))


def test_what_is_said_of_a_delivery_as_a_whole_is_accepted_for_that_delivery_only(city):
    stated = errors(None, code="D01")
    layers = {"parcel": parcels(2), "source_document": source()}
    load(city, layers, findings=stated, accept={"D01": "the county says NAD83(2011)"})
    assert load(city, layers, findings=stated).change_id is None
    with pytest.raises(StoreError, match="D01"):
        load(city, {"parcel": parcels(2), "source_document": source("b" * 64)}, findings=stated)
    next_delivery = {"parcel": parcels(2), "source_document": source("b" * 64)}
    assert len(load(city, next_delivery, findings=stated, accept={"D01": "so does its web site"}).accepted) == 1


@pytest.mark.parametrize(("accept", "said"), [({"T99": "why"}, "no finding code 'T99'"), ({"T01": "  "}, "without a reason")])
def test_an_unknown_code_or_an_empty_reason_is_refused(city, accept, said):
    with pytest.raises(StoreError, match=said):
        load(city, {"parcel": parcels(1)}, findings=errors("1"), accept=accept)


def test_findings_to_review_do_not_stop_a_load(city):
    found = errors("1").assign(severity="review")
    batch = load(city, {"parcel": parcels(1)}, findings=found)
    assert batch.findings == {"T01": 1} and len(batch.accepted) == 0
