"""What a mistyped beginning may have meant, against the distances computed one by one."""

import random

import pytest

from app.text.mistakes import Mistakes

WORDS = ["the", "then", "receive", "recent", "naïve", "été", "don't", "a", "aa", "abab", "x" * 30]


def distance(typed: str, word: str) -> int:
    """The least of Damerau and Levenshtein's to any beginning of a word: 2 for a mistake, 1 for
    two letters exchanged, row by row as in Wagner and Fischer 1974.
    """
    rows = [[2 * column for column in range(len(word) + 1)]]
    for at, letter in enumerate(typed):
        row = [2 * (at + 1)]
        for column, other in enumerate(word):
            best = min(rows[-1][column] + 2 * (letter != other), rows[-1][column + 1] + 2)
            best = min(best, row[-1] + 2)
            if at and column and letter == word[column - 1] and typed[at - 1] == other:
                best = min(best, rows[-2][column - 1] + 1)
            row.append(best)
        rows.append(row)
    return min(rows[-1])


def mistyped(word: str, draw: random.Random) -> str:
    letters = list(word)
    at = draw.randrange(1, len(letters))
    match draw.randrange(4):
        case 0:
            del letters[at]
        case 1:
            letters.insert(at, draw.choice("abcé"))
        case 2:
            letters[at] = draw.choice("abcé")
        case 3:
            letters[at - 1 : at + 1] = reversed(letters[at - 1 : at + 1])
    return "".join(letters)


def test_distances_are_damerau_and_levenshtein_s_to_the_nearest_beginning() -> None:
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdé'", k=draw.randrange(1, 12))) for _ in range(300)]
    near = Mistakes(words).near
    for word in words:
        if len(word) > 3:
            typed = mistyped(word, draw)
            found = near(typed)
            expected = [distance(typed, words[place][: len(typed) + 2]) for place in found.places]
            assert found.distances.tolist() == expected


def test_no_word_is_missed_that_is_near_enough() -> None:
    draw = random.Random(2)
    words = ["".join(draw.choices("abcé", k=draw.randrange(1, 12))) for _ in range(400)]
    near = Mistakes(words).near
    for length in (3, 4, 5, 6, 8, 11):
        for typed in ("".join(draw.choices("abcé", k=length)) for _ in range(20)):
            most = 1 if length < 6 else 2
            likely = [
                place
                for place, word in enumerate(words)
                if (word[0] in typed[:2] or word[1:2] == typed[1])
                and len(word) >= length - most
                and len(set(typed) - set(word)) <= most
            ]
            within = [place for place in likely if distance(typed, words[place]) <= 2 * most]
            assert near(typed).places.tolist() == within


@pytest.mark.parametrize(
    ("typed", "meant"), [("recieve", "receive"), ("hte", "the"), ("nïave", "naïve"), ("étt", "été")]
)
def test_a_mistake_is_found_whatever_the_letters(typed: str, meant: str) -> None:
    found = Mistakes(WORDS).near(typed)
    assert meant in [WORDS[place] for place in found.places]


@pytest.mark.parametrize("typed", ["th", "q" * 25, "q" * 40, "é" * 64])
def test_what_is_too_short_or_too_long_is_compared_with_nothing(typed: str) -> None:
    assert len(Mistakes(WORDS).near(typed).places) == 0
