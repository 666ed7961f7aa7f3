"""What the desk holds: one state of the store, whoever writes to it meanwhile."""

import pytest
from store_city import AT, LATER, load, make_city, parcels, source

from citygis.desk.holdings import READINGS, Keeper
from citygis.errors import StoreError


@pytest.fixture
def city(tmp_path):
    made = make_city(tmp_path / "city")
    load(made, {"parcel": parcels(5), "source_document": source()}, at=AT)
    return made


@pytest.fixture
def keeper(city):
    return Keeper(city, owners=False)


def changing(keeper, monkeypatch, changes):
    """Another program loads after the first layer of each reading was read, so often."""
    read, made = keeper.store.read, []

    def slow(name, **options):
        frame = read(name, **options)
        if len(made) < changes and name == "parcel":
            made.append(load(keeper.city, {"parcel": parcels(6 + len(made))}, at=LATER))
        return frame

    monkeypatch.setattr(keeper.store, "read", slow)


def test_layers_are_of_the_change_that_is_told_though_another_came_while_they_were_read(keeper, monkeypatch):
    changing(keeper, monkeypatch, 2)
    held = keeper.current()
    assert (held.change, len(held.layers["parcel"])) == (3, 7)


def test_a_store_that_never_rests_is_told(keeper, monkeypatch):
    changing(keeper, monkeypatch, READINGS)
    with pytest.raises(StoreError, match="changed faster than it can be read"):
        keeper.current()


def test_while_the_store_cannot_be_read_its_state_before_is_answered_from_and_that_is_told(keeper, city, monkeypatch):
    held = keeper.current()
    load(city, {"parcel": parcels(6)}, at=LATER)

    def locked(name, **options):
        raise StoreError("The store is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(keeper.store, "read", locked)
        keeper._looked = 0.0
        assert keeper.current() is held and keeper.trouble == "The store is locked."
    keeper._looked = 0.0
    assert keeper.current().change == 2 and keeper.trouble == ""
