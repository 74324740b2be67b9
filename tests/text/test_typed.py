"""What stands before the cursor, as a person means it: abbreviations, addresses, lists, smiles."""

import pytest

from app.text.typed import read_typed


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("visit example.com and ", "visit <unk> and"),
        ("mail me at a.b@example.org, ", "mail me at <unk>"),
        ("see https://a.b/c?d=e. Then ", "Then"),
        ("it is in file.txt ", "it is in <unk>"),
        ("at 5 p.m. ", "at 5 pm"),
        ("in the U.S. ", "in the US"),
        ("cats, e.g. ", "cats eg"),
        ("that is, i.e. ", "that is ie"),
        ("J.K.Rowling ", "JK Rowling"),
        ("the Ph.D. ", "the PhD"),
        ("Subject: the ", "the"),
        ("Hello!\nQ: what ", "what"),
        ("Re: Fwd: the ", "the"),
        ("Please note: the ", "Please note: the"),
        ("at 7: the ", "at 7: the"),
        ("J. K. Rowling ", "J K Rowling"),
        ("by J. R. R. Tol", "by J R R"),
        ("Dr. J. K. is ", "Dr J K is"),
        ("vitamin C. It is ", "It is"),
        ("see plan B. A man ", "A man"),
        ("OK K. See ", "See"),
        ("I was like... what is ", "I was like what is"),
        ("Hi :D how ", "Hi how"),
        ("I <3 you ", "I you"),
        ("Milk\n1. Eggs ", "Eggs"),
        ("a) The ", "The"),
        ("yes.no ", "no"),
        ("J. Smith ", "J Smith"),
        ("I know. J. S", "J"),
        ("A. Milk ", "Milk"),
        ("So do I. He ", "He"),
        ("I love it!😀 the ", "😀 the"),
        ("I love it 😀 the ", "I love it 😀 the"),
        ('She said, "', ""),
        ("She asked: “What is ", "What is"),
        ('"I know," she said, "that ', '"I know" she said "that'),
        ('the song "Happy ', 'the song "Happy'),
        ("@anna ", ""),
        ("@anna: the ", "the"),
        ("@anna, @tom the ", "the"),
        ("I know @anna is ", "I know <unk> is"),
        ("P.S. the ", "the"),
        ("I know\np.s.: the ", "the"),
    ],
)
def test_what_is_no_word_of_a_sentence_is_not_read_as_one(text: str, sentence: str) -> None:
    read = read_typed(text, "words", "<unk>").sentence
    assert read.replace(",", "").split() == sentence.split()


@pytest.mark.parametrize(
    "text",
    [
        "example.com", "see example.com/pa", "a@b.de", "#love", "@anna", "it costs $", "5€ or €",
        "12/", "7:", "+", "at 5 p.", "at 5 p.m", "in the U.S", ":D", "Hi ;P", "file.txt", "www.a",
    ],
)  # fmt: skip
def test_nobody_knows_how_these_go_on(text: str) -> None:
    typed = read_typed(text, "words")
    assert (typed.unguessable, typed.word, typed.replace) == (True, "", (len(text), len(text)))


@pytest.mark.parametrize("text", ["I know... what ", "I know … what ", "I know :D what "])
def test_a_smile_and_an_ellipsis_are_read_as_a_comma(text: str) -> None:
    sentence = read_typed(text, "words").sentence
    assert [one.split() for one in sentence.split(",")] == [["I", "know"], ["what"]]


def test_the_unit_behind_a_degree_is_no_word() -> None:
    assert read_typed("it is 20°C", "words").word == ""


@pytest.mark.parametrize("text", ["at 5 p.m.", "See you.T", "So do I.", "I know;t", "C#", "5%", ""])
def test_and_how_these_do_may_be_guessed(text: str) -> None:
    assert not read_typed(text, "words").unguessable


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ('"Is it?" h', False),
        ("“Is it!”  he", False),
        ('"Is it?" H', True),
        ('"Is it?" ', True),
        ("Is it? h", True),
        ('"Is it"\nh', True),
    ],
)
def test_who_says_what_is_quoted_begins_no_sentence(text: str, begins: bool) -> None:
    assert read_typed(text, "words").begins is begins


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("I know -", True),
        ("-", True),
        ("well-", False),
        ("I know—", False),
        ("I said *", False),
        ("*really*", True),
        ("_", False),
        ("See you.", True),
        ("- ", False),
    ],
)
def test_a_space_is_put_where_a_person_would_type_one(text: str, space: bool) -> None:
    assert read_typed(text, "words").space is space


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("and/o", "o"),
        ("it is (he/s", "s"),
        ("he/she/the", "the"),
        ("w/o", ""),
        ("/usr/lo", ""),
        ("x.com/ab", ""),
        ("12/ab", ""),
    ],
)
def test_a_word_behind_a_stroke_is_one_where_another_stands_before_it(text: str, word: str) -> None:
    assert read_typed(text, "words").word == word


@pytest.mark.parametrize("text", ["in the 80's", "the 90’s"])
def test_the_letters_behind_a_number_s_apostrophe_are_no_word(text: str) -> None:
    typed = read_typed(text, "words")
    assert (typed.word, typed.replace) == ("", (len(text), len(text)))


@pytest.mark.parametrize("text", ["# t", "## t", "### t"])
def test_a_heading_begins_a_sentence(text: str) -> None:
    assert read_typed(text, "words").begins


def test_a_long_text_is_cut_between_two_words() -> None:
    text = "I am going to the " * 300
    words = read_typed(text + "sto", "words").sentence.split()
    assert set(words) == {*["I", "am", "going", "to", "the"]}


def test_an_underscore_joins_a_name_and_stands_around_what_is_stressed() -> None:
    assert read_typed("foo_b", "words").word == ""
    assert read_typed("it is _rea", "words").word == "rea"
