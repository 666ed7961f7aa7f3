"""What stands on the land is told with the parcel it is on now."""

import shapely
from office_city import RECORD, addresses, at, easement, ground, line, owners, parcels

from citygis.operations import split
from citygis.operations.links import relinked
from citygis.schema import schema

NEW = ["191-010-91", "191-010-92"]


def halves(*, beside, cut=line((30, -5), (30, 105))):
    return split(parcels(), "191-010-11", cut, NEW, record=RECORD, beside=beside)


def test_a_point_on_the_new_line_straddles_and_one_a_foot_off_lies_on_its_child():
    points = addresses(parcels())  # at easting 30
    (told,) = halves(beside={"address_point": points}).links.itertuples()
    assert told.remark == "straddles" and told.now == NEW[0] and told.share == 0.5
    (told,) = halves(beside={"address_point": points}, cut=line((29, -5), (29, 105))).links.itertuples()
    assert told.remark == "lies on it" and told.now == NEW[1]


def test_a_point_off_its_parcel_goes_to_the_nearest_child_with_the_distance():
    points = addresses(parcels())
    points.loc[0, "geometry"] = shapely.Point(at(50, 112))
    (told,) = halves(beside={"address_point": points}).links.itertuples()
    assert told.remark == "nearest, 12.0 ft off" and told.now == NEW[1]


def test_a_point_without_a_place_is_told_as_such():
    points = addresses(parcels())
    points.loc[0, "geometry"] = None
    (told,) = halves(beside={"address_point": points}).links.itertuples()
    assert told.remark == "has no place"


def test_points_of_other_parcels_are_left_alone():
    points = addresses(parcels())
    change = halves(beside={"address_point": points}).change.layers["address_point"]
    assert change.updated["NGUID"].tolist() == [points["NGUID"][0]] and not len(change.added)


def test_an_easement_that_only_touches_is_none_of_theirs():
    beside = {"easement": easement(60, 0, 120, 10)}
    assert not len(halves(beside=beside).links)


def test_an_easement_within_one_child_lies_on_it():
    (told,) = halves(beside={"easement": easement(0, 0, 20, 10)}).links.itertuples()
    assert (told.now, told.remark, told.share) == (NEW[0], "lies on it", 1.0)


def test_a_blanket_easement_is_told_as_one():
    told = halves(beside={"easement": easement(0, 0, 60, 100, blanket=True)}).links
    assert told["remark"].tolist() == ["blanket", "blanket"]


def test_the_names_of_owners_are_not_told():
    lots = parcels()
    told = halves(beside={"parcel_owner": owners(lots)}).links
    assert len(told) == 2 and not told["feature"].str.contains("Fictional").any()


def test_an_owner_of_both_parcels_of_a_merger_is_entered_once():
    lots = parcels()
    roll = owners(lots)
    roll["owner_name"] = "Fictional Owner"
    whole = lots.iloc[:1].assign(apn="19101095", apn_display="191-010-95").set_geometry([ground(0, 0, 120, 100)], crs=lots.crs)
    changes, _ = relinked(lots.iloc[:2], whole, {"parcel_owner": roll}, schema())
    assert changes["parcel_owner"].added["apn"].tolist() == ["19101095"] and len(changes["parcel_owner"].retired) == 2
