"""The geodatabase held to the schema: drift told, steps taken all or none, each one taken back."""

import pytest
from store_city import AT, LATER, load, make_city, parcels, source
from store_places import contents, run_sql, two_changes

from citygis.errors import StoreError
from citygis.store import database_of, store
from citygis.store.backup import backups
from citygis.store.migrations import Step, applied, apply, drifts, revert
from citygis.store.migrations.layouts import move


@pytest.fixture
def city(any_city):
    two_changes(any_city)
    return any_city


def found(city):
    with database_of(city).reading() as work:
        return drifts(work, city.schema)


def steps_of(city):
    with database_of(city).reading() as work:
        return applied(work)


def without_column(city, layer, column):
    """A store made before the schema had a column."""
    run_sql(city, *(f"ALTER TABLE {table} DROP COLUMN {column}" for table in (layer, f"{layer}_hist")))


def retyped(city, layer, column, ours, theirs):
    """A store made when a column had another type: `ours` and `theirs` as each database declares them."""
    if city.database:
        run_sql(city, *(f"ALTER TABLE {t} ALTER COLUMN {column} TYPE {theirs}" for t in (layer, f"{layer}_hist")))
        return
    run_sql(
        city,
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = replace(sql, '\"{column}\" {ours}', '\"{column}\" {theirs}') "
        f"WHERE name IN ('{layer}', '{layer}_hist')",
    )


def test_a_new_store_is_as_the_schema_says_and_nothing_is_done(city):
    assert found(city) == []
    before = contents(city)
    done = apply(city)
    assert (done.steps, done.backup, done.left) == ([], None, [])
    assert contents(city) == before and not city.backups_folder.exists()


def test_a_missing_column_is_added_to_the_layer_and_its_history_and_taken_back(city):
    without_column(city, "parcel", "tra")
    assert [(d.layer, d.column, d.stored, d.blocks) for d in found(city) if d.step.kind == "add_column"] == [
        ("parcel", "tra", "missing", True)
    ]
    before = contents(city)
    done = apply(city, author="clerk", at=AT)
    assert found(city) == done.left == []
    assert done.steps[0].title == "add parcel.tra (text(6)), empty" and done.steps[0].id == 1
    assert done.backup.manifest.reason == "before schema apply" and done.backup.manifest.contents == before
    assert store(city).read("parcel")["tra"].isna().all() and len(store(city).history_rows("parcel")) == 5
    load(city, {"parcel": parcels(31), "source_document": source()}, at=LATER)
    back = revert(city, 0)
    assert back.steps[-1].reverses == 1
    assert "parcel.tra" in {f"{d.layer}.{d.column}" for d in found(city)}
    assert [m.reversed_by is not None for m in steps_of(city) if m.reverses is None] == [True] * len(done.steps)


def test_a_step_that_would_lose_values_is_not_taken_back(city):
    without_column(city, "parcel", "tra")
    apply(city)
    run_sql(city, "UPDATE parcel SET tra = '003001' WHERE fid = 1")
    before = contents(city)
    with pytest.raises(StoreError, match=r"parcel\.tra holds 1 values now"):
        revert(city, 0)
    assert contents(city) == before


def test_a_text_gets_longer_and_its_values_stay(city):
    retyped(city, "parcel", "situs_text", "TEXT(80)", "varchar(40)" if city.database else "TEXT(40)")
    texts = store(city).read("parcel")["situs_text"].tolist()
    (drift,) = found(city)
    assert (drift.column, drift.stored, drift.wanted, drift.blocks) == ("situs_text", "text(40)", "text(80)", False)
    apply(city)
    assert found(city) == [] and store(city).read("parcel")["situs_text"].tolist() == texts
    revert(city, 0)
    assert [d.stored for d in found(city)] == ["text(40)"]


def test_whole_numbers_become_doubles_and_go_back_only_where_they_are_whole(city):
    retyped(city, "parcel", "calc_area_sqft", "DOUBLE", "bigint" if city.database else "INTEGER")
    apply(city)
    assert found(city) == [] and store(city).read("parcel")["calc_area_sqft"].tolist()[-1] == 8000.0
    run_sql(city, "UPDATE parcel SET calc_area_sqft = 8000.5 WHERE fid = 30")
    with pytest.raises(StoreError, match="would be rounded"):
        revert(city, 0)
    run_sql(city, "UPDATE parcel SET calc_area_sqft = 8000 WHERE fid = 30")
    revert(city, 0)
    assert [d.stored for d in found(city)] == ["integer"]


def test_a_change_of_type_that_could_lose_something_is_told_and_left(city):
    retyped(city, "parcel", "calc_area_sqft", "DOUBLE", "text" if city.database else "TEXT")
    (drift,) = found(city)
    assert drift.step is None and (drift.stored, drift.wanted) == ("text", "double")
    assert apply(city).left == [drift]


def test_a_column_of_somebody_elses_stays_and_is_told(city):
    run_sql(city, "ALTER TABLE parcel ADD COLUMN gate_code text")
    done = apply(city)
    assert [(d.column, d.wanted, d.step) for d in done.left] == [("gate_code", "not in the schema", None)]
    assert done.steps == []


def test_a_missing_layer_is_made_and_taken_back_while_it_is_empty(city):
    if city.database:
        run_sql(city, "DROP TABLE park, park_hist")
    else:
        tables = ("gpkg_extensions", "gpkg_data_columns", "gpkg_geometry_columns", "gpkg_ogr_contents", "gpkg_contents")
        run_sql(
            city,
            *(f"DROP TABLE {name}" for name in ("park", "park_hist", "rtree_park_geom")),
            *(f"DELETE FROM {table} WHERE table_name = 'park'" for table in tables),
            "DELETE FROM gpkg_data_column_constraints WHERE constraint_name LIKE 'park.%'",
        )
    with pytest.raises(StoreError, match="lacks the layers park"):
        store(city)
    done = apply(city)
    assert [m.title for m in done.steps] == ["make the layer park"]
    assert found(city) == [] and store(city).read("park").crs == city.crs
    revert(city, 0)
    assert [d.layer for d in found(city)] == ["park"]
    apply(city)
    assert found(city) == []


def test_a_missing_index_is_made(city):
    run_sql(city, "DROP INDEX parcel_global_id")
    assert [(d.column, d.step.kind) for d in found(city)] == [("parcel_global_id", "add_index")]
    apply(city)
    with pytest.raises(Exception, match=r"(?i)unique"):
        run_sql(city, "UPDATE parcel SET global_id = (SELECT global_id FROM parcel WHERE fid = 1) WHERE fid = 2")


def test_other_descriptions_are_drift_and_set_right(city):
    if city.database:
        run_sql(city, "COMMENT ON COLUMN parcel.apn IS 'old words'")
    else:
        run_sql(city, "UPDATE gpkg_data_column_constraints SET description = 'old' WHERE constraint_name = 'parcel.parcel_kind'")
    assert [d.step.kind for d in found(city)] == ["describe"]
    apply(city)
    assert found(city) == []


def test_half_applied_means_not_applied(city):
    # The column is added first; then a text proves too long for what the schema says, and the whole is undone.
    without_column(city, "parcel", "apn_display")
    retyped(city, "parcel", "situs_text", "TEXT(80)", "varchar(200)" if city.database else "TEXT(200)")
    run_sql(city, f"UPDATE parcel SET situs_text = '{'x' * 81}' WHERE fid = 3")
    before = contents(city)
    with pytest.raises(StoreError, match="longer than 80"):
        apply(city)
    assert contents(city) == before and steps_of(city) == []
    assert len(backups(city.backups_folder).backups) == 1


def test_a_store_of_a_later_citygis_is_refused(city):
    run_sql(city, "UPDATE citygis_meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(StoreError, match="later citygis"):
        apply(city)


def test_a_step_back_to_a_number_that_is_not_there_is_refused(city):
    with pytest.raises(StoreError, match="There is no step 4"):
        revert(city, 4)


def test_a_store_of_the_first_layout_is_brought_up_with_all_it_holds(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    now = store(city)
    expected = {"parcels": now.read("parcel"), "past": now.history_rows("parcel"), "changes": now.changes().drop(columns="undo_of")}
    with database_of(city).writing() as work:
        move(work, 2, 1)
        for name in ("citygis_lineage", "citygis_label_pin"):
            assert not work.rows("SELECT 1 FROM sqlite_master WHERE name = ?", name)
    with pytest.raises(StoreError, match="citygis schema apply"):
        store(city)
    done = apply(city)
    assert done.steps[0].title == "layout of the store from version 1 to 2" and done.left == []
    now = store(city)
    assert now.read("parcel").equals(expected["parcels"]) and now.history_rows("parcel").equals(expected["past"])
    assert now.changes().drop(columns="undo_of").equals(expected["changes"])
    assert len(now.read("parcel", as_of=1)) == 30


def test_the_layout_goes_not_back_where_something_would_have_no_place(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    store(city).undo(2)
    with pytest.raises(StoreError, match="changes taken back"), database_of(city).writing() as work:
        move(work, 2, 1)
    assert store(city).changes()["id"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", ["layout", "add_layer", "add_column", "retype", "add_index", "describe", "drop_layer"])
def test_a_step_back_and_forth_is_the_step_itself(kind):
    step = Step(kind=kind, layer="parcel", column="tra", before="1", after="2")
    assert step.reverse.reverse == step and step.title
