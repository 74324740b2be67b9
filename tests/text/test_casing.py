"""How words are written where two of them decide, and whose something is."""

import pytest

from app.text.casing import Casing, as_typed, in_capitals

CASING = Casing(
    {
        "china": "China",
        "new york": "New York",
        "in turkey": "in Turkey",
        "new year's": "New Year's",
        "year's eve": "Year's Eve",
    }
)


@pytest.mark.parametrize(
    ("before", "words", "written"),
    [
        ("", "new york", "New York"),
        ("in", "turkey", "Turkey"),
        ("in", "turkey's", "Turkey's"),
        ("a", "turkey's", "turkey's"),
        ("in", "new york's", "New York's"),
        ("", "new year's eve", "New Year's Eve"),
        ("NEW", "year's", "Year's"),
        ("new", "year", "year"),
    ],
)
def test_pairs_say_how_both_of_them_are_written(before: str, words: str, written: str) -> None:
    assert " ".join(CASING.written(words.split(), before)) == written


@pytest.mark.parametrize(
    ("word", "typed", "written"),
    [
        ("store", "s", "Store"),
        ("iPhone", "iph", "iPhone"),
        ("iPhone", "Iph", "iPhone"),
        ("iPhone", "IPH", "IPHONE"),
        ("John", "joh", "John"),
        ("I'm", "im", "I'm"),
    ],
)
def test_a_word_with_capitals_of_its_own_keeps_them(word: str, typed: str, written: str) -> None:
    assert as_typed(word, typed, begins=True) == written


@pytest.mark.parametrize(
    ("typed", "shouted"),
    [
        ("STO", True),
        ("I'M", True),
        ("O'BR", True),
        ("I'", False),
        ("O'", False),
        ("O'B", False),
        ("D’A", False),
        ("S", False),
        ("Sto", False),
        ("", False),
    ],
)
def test_a_name_s_capitals_are_not_shouted(typed: str, shouted: bool) -> None:
    assert in_capitals(typed) is shouted
