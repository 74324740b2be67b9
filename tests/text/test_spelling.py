"""The closest known words, found without comparing all of them."""

import difflib
import random

from app.text.spelling import Spelling

WORDS = ("this", "thesis", "is", "an", "example", "examples", "weird", "wider", "naïve", "don't")


def test_the_closest_words_come_best_first() -> None:
    spelling = Spelling(WORDS)
    assert spelling.closest("thsi") == ("thesis", "this")
    assert spelling.closest("exampel") == ("example", "examples")
    assert spelling.closest("wierd", count=1) == ("wider",)
    assert spelling.closest("naive") == ("naïve",)
    assert spelling.closest("zzzz") == ()


def test_nothing_is_close_to_no_word_or_to_a_very_long_one() -> None:
    assert Spelling(WORDS).closest("") == ()
    assert Spelling(WORDS).closest("this" * 17) == ()
    assert Spelling(()).closest("this") == ()


def test_passing_over_unlikely_words_keeps_the_best_one() -> None:
    rng = random.Random(0)
    words = sorted({"".join(rng.choices("abcdefgh", k=rng.randint(3, 9))) for _ in range(2000)})
    spelling = Spelling(words)
    for word in rng.sample(words, 30):
        typed = word[:1] + word[2:]  # a letter is missing
        near = [known for known in words if abs(len(known) - len(typed)) <= 2]
        assert spelling.closest(typed)[:1] == tuple(difflib.get_close_matches(typed, near, 1))
