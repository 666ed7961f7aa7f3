"""Parcel numbers as each county spells them: text, never a number."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.schema import ApnProfile, apn_profiles, normalise_apn


def one(text, *profiles):
    return normalise_apn(pd.Series([text]), profiles).iloc[0].tolist()


@pytest.mark.parametrize("text", ["191-190-74", "19119074", " 191 190 74 ", "191.190.74", "191-190-74-000", "191190740000"])
def test_san_joaquin_spellings_mean_one_parcel(text):
    assert one(text, "san_joaquin") == ["19119074", "191-190-74", "san_joaquin"]


def test_a_suffix_that_says_something_is_kept():
    assert one("191-190-74-001", "san_joaquin") == ["19119074001", "191-190-74-001", "san_joaquin"]


def test_published_examples_of_each_county_are_read_and_shown_alike():
    for name, profile in apn_profiles().items():
        assert one(profile.example, name)[1:] == [profile.example, name]


def test_fresno_letters_say_what_kind_of_interest_it_is():
    assert one("466-160-01t", "fresno") == ["46616001T", "466-160-01T", "fresno"]


def test_numbers_whose_parts_vary_in_length_keep_their_dash():
    # 7-18 and 71-8 are two lots.
    assert one("7-18", "map_lot")[0] != one("71-8", "map_lot")[0]


@pytest.mark.parametrize("text", ["7-18", "11A-43", "267.2-5", "190-RR3"])
def test_massachusetts_maps_may_be_split_and_lots_lettered(text):
    assert one(text, "map_lot") == [text, text, "map_lot"]


@pytest.mark.parametrize("text", ["SEE MAP", "1919074", "191-190-7", "191-190-74-X", "", None, "19119074.0", "１９１１９０７４"])
def test_what_fits_no_profile_is_null(text):
    assert normalise_apn(pd.Series([text], dtype="object"), ["san_joaquin", "stanislaus"]).isna().all(axis=None)


def test_a_number_that_lost_its_leading_zero_fits_nothing():
    assert one("00119074", "san_joaquin")[0] == "00119074"
    assert pd.isna(one(str(int("00119074")), "san_joaquin")[0])


def test_the_first_profile_that_fits_wins():
    assert one("123-456-789", "san_joaquin", "stanislaus")[2] == "stanislaus"
    assert one("466-160-01", "fresno", "san_joaquin")[2] == "fresno"


def test_the_index_of_the_values_comes_back():
    result = normalise_apn(pd.Series(["191-190-74", "x"], index=[7, 7]), ["san_joaquin"])
    assert result.index.tolist() == [7, 7]


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="san_joaquin"):
        normalise_apn(pd.Series(["1"]), ["sanjoaquin"])


@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 99), st.sampled_from(["-", " ", ".", ""]))
def test_reading_what_was_written_gives_the_number_back(book, page, parcel, dash):
    text = f"{book:03}{dash}{page:03}{dash}{parcel:02}"
    number, shown, _ = one(text, "san_joaquin")
    assert number == f"{book:03}{page:03}{parcel:02}" and one(shown, "san_joaquin")[0] == number


KESTREL = {"profile": "kestrel", "county": "Elsewhere", "state": "WA", "groups": [r"\d{5}", r"\d{4,5}"], "display": "{}/{}"}


def test_a_profile_of_a_citys_own_is_used_beside_those_by_name():
    own = ApnProfile(**KESTREL, example="3900000010", reference="the assessor's notice")
    spelt = normalise_apn(pd.Series(["39000-0010", "191-190-74", "12"]), ["san_joaquin", own])
    assert spelt["apn"].tolist()[:2] == ["390000010", "19119074"] and pd.isna(spelt["apn"][2])
    assert spelt["apn_display"].tolist()[:2] == ["39000/0010", "191-190-74"]
    assert spelt["apn_profile"].tolist()[:2] == ["kestrel", "san_joaquin"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"example": "39"}, "does not fit `groups`"),
        ({"display": "{}"}, "one {} for each of the 2 groups"),
        ({"groups": [r"(\d{5})", r"\d{5}"]}, "no group of their own"),
        ({"groups": [r"\d{5", "("]}, "not a regular expression"),
    ],
)
def test_a_profile_that_could_never_fit_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        ApnProfile(**({**KESTREL, "example": "3900000010", "reference": "none"} | change))
