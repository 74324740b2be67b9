"""Which unknown words are surely misspelled, and which may be words of their own."""

import pytest

from app.text.misspelled import Misspellings, is_misspelling


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
        ("aaaaaa", "a"),
        ("a", "a"),
        ("", ""),
    ],
)
def test_these_may_be_words_of_their_own(typed: str, word: str) -> None:
    assert not is_misspelling(typed, word)


def test_the_index_finds_what_is_found_one_by_one() -> None:
    words = {
        "definitely", "separate", "tomorrow", "recommend", "until", "really", "remember", "desert",
        "dessert", "restaurant", "neighbor", "a", "to", "too", "captive", "naïvely", "weather",
    }  # fmt: skip
    typed = {word[:at] + word[at + 1 :] for word in words for at in range(len(word))}
    typed |= {word[:at] + word[at - 1 :] for word in words for at in range(1, len(word) + 1)}
    typed |= {word.replace("e", "a", 1) for word in words} | {"tommorow", "deseert", "ressttaurant"}
    index = Misspellings(words)
    for one in typed - words:
        alike = {word for word in words if is_misspelling(one, word)}
        assert index.meant(one) == alike, one
    assert index.meant("deseert") == {"desert", "dessert"}
