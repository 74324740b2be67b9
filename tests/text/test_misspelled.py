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
        "dessert", "restaurant", "neighbor", "a", "to", "too", "captive", "naïve", "weather",
    }  # fmt: skip
    typed = {word[:at] + word[at + 1 :] for word in words for at in range(len(word))}
    typed |= {word[:at] + word[at - 1 :] for word in words for at in range(1, len(word) + 1)}
    typed |= {word.replace("e", "a", 1) for word in words} | {"tommorow", "deseert", "ressttaurant"}
    index = Misspellings(words, frequent=0)
    for one in typed - words - {"desssert", "tooo"}:  # are drawn out
        alike = {word for word in words if is_misspelling(one, word)}
        assert index.meant(one) == alike, one
    assert index.meant("deseert") == {"desert", "dessert"}


def test_a_short_word_may_lack_a_letter_of_one_that_is_frequent() -> None:
    words = ["which", "please", "their", "there", "witch", "strip"]
    index = Misspellings(words, frequent=4)
    assert index.meant("wich") == {"which"}
    assert index.meant("plese") == {"please"}
    assert index.meant("thee") == {"there"}
    assert index.meant("trip") == set()  # its first
    assert index.meant("stip") == set()  # is rare
    assert index.meant("whch") == {"which"}
    assert index.meant("whh") == set()


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("yesssss", "yes"),
        ("sooo", "so"),
        ("feeeel", "feel"),
        ("hahahaha", "haha"),
        ("looolll", "lol"),
        ("yess", None),
        ("aaaa", None),
        ("xxxx", None),
        ("hahah", None),
    ],
)
def test_what_is_drawn_out_is_found_in_what_it_was_drawn_out_from(
    typed: str, word: str | None
) -> None:
    index = Misspellings(["yes", "so", "feel", "haha", "lol", "a"])
    assert index.undrawn(typed) == word
    assert index.meant(typed) == ({word} if word else set())
