"""Which unknown words are surely misspelled, and which may be words of their own."""

import pytest

from app.text.misspelled import is_misspelling


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("definately", "definitely"),
        ("seperate", "separate"),
        ("tommorow", "tomorrow"),
        ("reccomend", "recommend"),
        ("untill", "until"),
        ("realy", "really"),
        ("remeber", "remember"),
        ("resturant", "restaurant"),
        ("neighbour", "neighbor"),
    ],
)
def test_these_are_misspelled(typed: str, word: str) -> None:
    assert is_misspelling(typed, word)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("width", "with"),  # words of their own, as near as that
        ("sprayed", "prayed"),
        ("captive", "active"),
        ("collage", "college"),  # too short to be sure
        ("raids", "rapids"),
        ("adored", "adore"),
        ("evaluation", "evolution"),  # two vowels
        ("too", "to"),
        ("a", "a"),
        ("", ""),
    ],
)
def test_these_may_be_words_of_their_own(typed: str, word: str) -> None:
    assert not is_misspelling(typed, word)
