"""What people type that is no plain word: slipped keys, halves of compounds, text-speak, units,
streets, labels; against distributions written down here.
"""

from collections.abc import Sequence

import numpy as np
import pytest

from app.arrays import Context, Floats
from tests.suggesting.small_model import Typist


class Repeating(Typist):
    """Says the same after every phrase."""

    def __init__(self, words: dict[str, float], more: Sequence[str] = ()) -> None:
        super().__init__({}, more)
        self._always = words

    def _distribution(self, context: Context) -> Floats:
        self.asked.append(context)
        said = np.full(len(self.model.vocabulary.words), 1e-5, np.float32)
        for word, probability in self._always.items():
            said[self.model.vocabulary.word_to_id[word]] = probability
        return said

    def read(self, text: str) -> list[str]:
        """What the sentence in front of the cursor is read as."""
        self.asked.clear()
        self(text)
        return [str(self.model.vocabulary.words[number]) for number in self.asked[0][1:]]


@pytest.mark.parametrize(
    ("text", "first", "replace"),
    [
        ("I don;t", "don't ", (2, 7)),
        ("I DON;T", "DON'T ", (2, 7)),
        ("i;m", "I'm ", (0, 3)),
        ("I;m", "I'm ", (0, 3)),
    ],
)
def test_a_semicolon_that_slipped_is_an_apostrophe(
    text: str, first: str, replace: tuple[int, int]
) -> None:
    typist = Typist({"": {"i'm": 0.3}, "I": {"don't": 0.9}, "I don't": {"know": 0.3}})
    answer = typist(text, count=1)
    assert ([one.text for one in answer.suggestions], answer.replace) == ([first], replace)
    answer = typist("I don;t ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["know "], ())


def test_fresh_mends_a_contraction_that_was_shown_before_it_was_mistyped() -> None:
    typist = Typist({"": {}, "I": {"don't": 0.9}})
    assert typist.texts("I don", fresh=True) == []
    assert typist.texts("I don;t", fresh=True) == ["don't "]


def test_what_ends_a_number_is_no_unknown_word() -> None:
    typist = Repeating({"the": 0.4})
    for text in ("in the 90's ", "in the 90’s ", "the 3rd "):
        assert typist(text).unknown == ()
    assert typist("in 90 s's ").unknown == ("s's",)


def test_the_plural_of_a_short_word_is_no_slip_but_of_a_frequent_one() -> None:
    more = (*(f"w{at}x" for at in range(300)), "hug", "huge", "these")
    typist = Repeating({"huge": 0.2, "these": 0.2}, more)
    assert typist("hugs", count=1).suggestions[0].kind == "next"
    assert typist.texts("thes", count=1) == ["These "]
    assert typist.texts("thees", count=1) == ["These "]
    assert typist.texts("knows", count=1)[0] != "Know "


def test_a_semicolon_between_other_words_is_none() -> None:
    typist = Typist({"store": {"the": 0.4}, "": {"the": 0.4}})
    assert typist.texts("store;t", count=1) == [" the "]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("an e-m", "mail "),
        ("a T-sh", "shirt "),
        ("a t-s", "shirt "),
        ("an X-r", "ray "),
        ("wi-f", "fi "),
        ("on/o", "off "),
        ("yes/n", "no "),
        ("his/h", "her "),
        ("either/o", "or "),
        ("the e-s", "store "),
    ],
)
def test_the_other_half_of_a_compound_is_known_by_the_first(text: str, whole: str) -> None:
    likely = ("much", "store", "recent", "know", "happy", "may", "new", "one", "for")
    halves = ("mail", "shirt", "ray", "fi", "off", "no", "her", "one", "for")
    assert Repeating(dict.fromkeys(likely, 0.1), halves).texts(text, count=1) == [whole]


@pytest.mark.parametrize(
    ("text", "inserted"),
    [
        ("I know (was)t", " the "),
        ("I know:)t", " the "),
        ("I know 😀t", " the "),
        ("I know…t", " the "),
        ("I know (t", "the "),
        ("I know (s)t", "the "),
    ],
)
def test_a_space_stands_behind_a_closed_bracket_a_smile_and_an_emoji(
    text: str, inserted: str
) -> None:
    assert Repeating({"the": 0.4}).texts(text, count=1) == [inserted]


@pytest.mark.parametrize(
    ("typed", "meant", "kind"),
    [
        ("wknd", "Weekend ", "correction"),
        ("tonite", "Tonight ", "correction"),
        ("idc", "I don't care ", "correction"),
        ("lmao", " the ", "next"),
        ("xoxo", " the ", "next"),
        ("Ciao", " the ", "next"),
    ],
)
def test_text_speak_is_written_out_or_left_as_it_is(typed: str, meant: str, kind: str) -> None:
    typist = Repeating({"the": 0.4}, ("weekend", "tonight", "care", "lol"))
    found = typist(typed, count=1).suggestions
    assert [(one.text, one.kind) for one in found] == [(meant, kind)]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("it is gd ", "it is good"),
        ("thanks lmao ", "thanks lol"),
        ("know b4 ", "know before"),
        ("Know B4 ", "know before"),
        ("know (b4), on ", "know before on"),
        ("hw r you ", "<unk> are you"),
        ("on fri ", "on friday"),
        ("5 km ", "<num> kilometers"),
        ("5 km/h ", "<num> kilometers <unk>"),
        ("the Q&A ", "the <unk>"),
        ("is n/a ", "is <unk>"),
        ("St. Paul ", "saint <unk>"),
        ("in St. Paul ", "in saint <unk>"),
        ("on Main St. ", "on <unk> street"),
        ("Abbey Rd is ", "<unk> road is"),
        ("12 Main St. is ", "<num> <unk> street is"),
        ("I don;t know ", "I don't know"),
        ("know;t ", "know <unk>"),
    ],
)
def test_a_sentence_is_read_as_it_was_meant(text: str, read: str) -> None:
    more = ("good", "lol", "before", "kilometers", "saint", "street", "on", "friday", "road")
    assert Repeating({"the": 0.4}, more).read(text) == read.split()


@pytest.mark.parametrize("unit", ["5 km/h", "5 kb/s", "5 mi/h", "km/h"])
def test_nothing_completes_the_second_half_of_a_unit(unit: str) -> None:
    typist = Repeating({"happy": 0.4, "store": 0.3})
    assert typist(unit, count=1).suggestions[0].kind == "next"
    assert typist.texts("and the/h", count=1) == ["happy "]


def test_what_stands_behind_a_label_begins_and_a_name_behind_name() -> None:
    typist = Repeating({"very": 0.4, "york": 0.01, "you": 0.3}, ("my", "name"))
    assert typist.texts("Re:", count=1) == [" Very "]
    assert typist.texts("Name: Y", count=1) == ["York "]
    assert typist.texts("Re: Y", count=1) == ["You "]


def test_the_country_is_a_whole_word() -> None:
    typist = Repeating({"us": 0.1, "very": 0.4, "use": 0.2}, ("us", "use"))
    assert typist.texts("in the US", count=1) == [" very "]
    assert typist.texts("in US", count=1) == ["USE "]


def test_of_two_words_that_may_be_misspelled_so_the_one_is_meant_that_lacks_a_letter() -> None:
    typist = Repeating({"college": 0.02, "colleague": 0.01}, ("college", "colleague"))
    first, second = typist("my collegue", count=2).suggestions
    assert (first.text, first.kind, second.text) == ("colleague ", "correction", "college ")


def test_no_word_is_parted_in_two_that_nobody_writes() -> None:
    typist = Repeating({"welcome": 0.2, "well": 1e-4, "come": 1e-4}, ("welcome", "well", "come"))
    assert typist.texts("wellcome", count=3) == ["Welcome "]
    assert Repeating({"the": 0.3, "story": 0.1}).texts("thestory", count=3)[0] == "The story "


def test_what_a_person_wrote_with_accents_is_found_without_them() -> None:
    typist = Repeating({"the": 0.4})
    for typed in ("zur", "zuri", "zurich", "zür", "Zür"):
        assert typist.texts(f"in {typed}", recent="I live in Zürich")[0] == "Zürich "


def test_the_us_is_a_country_where_not_all_is_in_capitals() -> None:
    typist = Repeating({"us": 0.01, "use": 0.3, "the": 0.2}, ("us", "use", "what", "is"))
    assert typist.texts("What is the US", count=1) == [" use "]  # goes on behind it
    assert "USE " in typist.texts("WHAT IS THE US", count=3)
