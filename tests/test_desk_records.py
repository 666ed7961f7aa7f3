"""Changes, plans and the ledger as the engineer's pages tell them."""

import pytest
from desk_city import OWNER, desk_city, write

from citygis.desk import records
from citygis.errors import ReadError, StoreError
from citygis.store import store


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return desk_city(tmp_path_factory.mktemp("records") / "city")


def test_changes_come_the_latest_first_with_what_they_did(city):
    told = records.changes(store(city))
    assert [row["id"] for row in told] == [2, 1]
    assert told[0]["counts"] == {"parcel": {"updated": 1}}
    assert told[1]["counts"]["parcel_owner"] == {"added": 40}


def test_rows_of_the_roll_are_counted_but_not_told_to_the_public(city):
    told = records.change_rows(store(city), 1, owners=False)
    assert told.left_out == ("parcel_owner: 40 rows, not shown under the public profile",)
    assert {row["layer"] for row in told.rows} == {"parcel", "source_document"}
    assert "parcel_owner" in {row["layer"] for row in records.change_rows(store(city), 1, owners=True).rows}
    with pytest.raises(StoreError, match="no change 9"):
        records.change_rows(store(city), 9, owners=False)


def test_a_change_of_very_many_features_is_not_compared(city, monkeypatch):
    monkeypatch.setattr(records, "MOST_COMPARED", 39)
    told = records.change_rows(store(city), 1, owners=True)
    assert any(said.startswith("parcel: 40 features, too many") for said in told.left_out)


def test_a_plan_is_told_without_people_and_without_secrets(city):
    assert records.plans(city) == ["plan_parcel.json"]
    told = records.plan(city, "plan_parcel.json", owners=False)
    assert told.counts == {"adds": 1, "updates": 1, "deletes": 0, "conflicts": 1, "refusals": 0, "stops": 0}
    said = str(told)
    assert OWNER not in said and "attributes.OWNER_NAME: not shown" in said and "geometry: drawn otherwise" in said
    for owners in (False, True):
        assert "sync-token-planted" not in str(records.plan(city, "plan_parcel.json", owners=owners))


@pytest.mark.parametrize("name", ["../city.toml", "nope.json", "/etc/passwd", ""])
def test_only_a_plan_of_the_list_is_read(city, name):
    with pytest.raises(ReadError, match="no such plan"):
        records.plan(city, name, owners=True)


@pytest.mark.parametrize("text", ["[]", "{", '{"adds": 3}', "\udcff"])
def test_a_file_that_is_no_plan_is_refused_by_name(city, text):
    path = city.folder / "sync" / "plan_broken.json"
    write(path, text.encode("utf-8", "replace").decode())
    try:
        with pytest.raises(ReadError, match=r"plan_broken\.json"):
            records.plan(city, "plan_broken.json", owners=True)
    finally:
        path.unlink()


def test_the_ledger_is_read_from_its_end(city, monkeypatch):
    rows = records.jobs(city)
    assert [row["state"] for row in rows] == ["damaged line", "", "done"]
    monkeypatch.setattr(records, "LEDGER_BYTES", 40)
    assert len(records.jobs(city)) < 3
