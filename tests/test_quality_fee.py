"""Ground held in fee: worked out once for the rules that look at the same layers."""

from quality_layers import at, parcels, street

from citygis.city import default_city
from citygis.quality.fee import Drawn, fee_ground
from citygis.quality.validation import subjects_of


def layers(**columns):
    lots = parcels(at(0, 0, 60, 110), at(60, 0, 60, 110), at(120, 0, 60, 110))
    return {"parcel": lots.assign(**columns), "right_of_way": street().assign(row_kind="FEE")}


def ground(drawn, city):
    return fee_ground(Drawn(subjects_of(drawn, city=city)[0]), city)


def test_lots_and_streets_held_in_fee_are_one_fabric():
    city = default_city()
    fee = ground(layers(), city)
    assert fee.parcels.tolist() == [0, 1, 2] and len(fee.whole) == 3 + len(fee.ways)


def test_what_holds_no_ground_of_its_own_is_not_in_it():
    city = default_city()
    assert ground(layers(parcel_kind=["FEE", "CONDO", "FEE"]), city).parcels.tolist() == [0, 2]
    assert ground(layers(status=["CURRENT", "CURRENT", "RETIRED"]), city).parcels.tolist() == [0, 1]
    drawn = layers()
    drawn["right_of_way"]["row_kind"] = "EASEMENT"
    assert not len(ground(drawn, city).ways)


def test_layers_looked_at_together_have_one_fabric_and_others_another():
    city = default_city()
    drawn = Drawn(subjects_of(layers(), city=city)[0])
    assert fee_ground(drawn, city) is fee_ground(drawn, city)
    assert fee_ground(dict(drawn), city).whole is not fee_ground(drawn, city).whole
