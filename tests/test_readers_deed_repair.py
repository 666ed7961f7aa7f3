"""Words put together again, and where they stood."""

import pytest

from citygis.readers.deed.repair import cleaned


@pytest.mark.parametrize("word", ["TIIENCE", "fihence", "thenoe", "tnence", "HiE'r:cc"])
def test_thence_is_known_in_its_misspellings(word):
    assert cleaned(f"corner; {word} North").text.lower() == "corner; thence north"


@pytest.mark.parametrize("word", ["whence", "hence", "thereof", "then", "thence"])
def test_words_that_only_look_like_it_are_left(word):
    assert cleaned(f"corner; {word} North").text == f"corner; {word} North"


def test_a_word_broken_over_a_line_is_put_together_and_logged():
    clean = cleaned("a curve con-\ncave southwesterly")
    assert clean.text == "a curve concave southwesterly"
    assert [(r.raw, r.fixed, r.rule) for r in clean.repairs] == [("-\n", "", "broken word")]


def test_a_broken_bar_is_a_degree_mark():
    assert cleaned("South 00¦38'50\" East").text == "South 00°38'50\" East"
    assert cleaned("89\ufffd21'").text == "89°21'"


def test_primes_of_every_kind_are_marks_and_no_repairs():
    clean = cleaned("S. 44° 36′ 10″ W")
    assert clean.text == "S. 44° 36' 10\" W"
    assert clean.repairs == ()


def test_every_position_of_the_clean_text_leads_back_to_where_it_came_from():
    text = "Begin-\nning; tiience ThenceSouth 00¦38'50\" East, con-\ncave Fr. 12 feet fihence North"
    clean = cleaned(text)
    for word in ("South", "East", "North", "12", "con", "38"):
        assert text[clean.origin(clean.text.index(word)) :].startswith(word[:3])


def test_a_repair_counts_its_place_in_the_text_as_given():
    text = "con-\ncave; TIIENCE North; TIIENCE South"
    for repair in cleaned(text).repairs:
        assert text[repair.start : repair.end] == repair.raw


def test_an_angle_in_words_is_a_number():
    assert cleaned("North forty-five degrees thirty minutes East").text == "North 45 degrees 30 minutes East"
