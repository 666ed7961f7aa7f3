"""New numbers for old land."""

import pytest
from office_city import RECORD, change_of, parcels, whole

from citygis.operations import refusals, renumber

NEW = {"191-010-11": "191-010-91", "191-010-22": "191-010-92"}


def test_the_land_is_the_same_bit_for_bit_and_the_number_is_another():
    lots, beside = whole()
    done = renumber(lots, NEW, record=RECORD, beside=beside)
    added = change_of(done).added
    held = lots.set_index("apn_display").loc[list(NEW)]
    assert [a.equals_exact(b, 0) for a, b in zip(added.geometry, held.geometry, strict=True)] == [True, True]
    for name in ("geom_hash", "lot", "stated_area", "legal_text", "situs_id", "zoning_code", "method", "source_id"):
        assert added[name].tolist() == held[name].tolist(), name
    assert not set(added["global_id"]) & set(lots["global_id"])
    assert done.change.lineage[["kind", "share_parent", "share_child"]].values.tolist() == [["renumber", 1.0, 1.0]] * 2
    assert refusals(done) == [] and done.residual_sqft == 0


def test_what_names_the_parcel_names_it_anew():
    lots, beside = whole()
    done = renumber(lots, NEW, record=RECORD, beside=beside)
    assert change_of(done, "address_point").updated["apn"].tolist() == ["19101091", "19101092"]
    assert change_of(done, "parcel_owner").added["apn"].tolist() == ["19101091", "19101092"]
    lines = change_of(done, "boundary_line")
    assert len(lines.updated) == 8 and not len(lines.added) and not len(lines.retired)
    named = set(lines.updated["left_parcel"].dropna()) | set(lines.updated["right_parcel"].dropna())
    assert set(change_of(done).added["global_id"]) <= named


def test_two_parcels_do_not_exchange_numbers():
    with pytest.raises(ValueError, match="not recycled"):
        renumber(parcels(), {"191-010-11": "191-010-12", "191-010-12": "191-010-11"}, record=RECORD)


def test_the_history_has_the_pair():
    lots = parcels()
    done = renumber(lots, {"191-010-11": "191-010-91"}, record=RECORD)
    history = change_of(done, "apn_history").added
    assert history[["old_apn", "new_apn", "change", "area_share"]].values.tolist() == [["19101011", "19101091", "RENUMBER", 1.0]]
