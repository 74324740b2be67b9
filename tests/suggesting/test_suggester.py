"""What a text box is offered, character by character, against distributions written down here."""

import gc
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest

from app.arrays import Context, Floats
from app.errors import EmptyPhrase
from app.suggesting.suggester import keep_only, known_suggester, suggester_of
from tests.suggesting.small_model import Remembering, Typist, model

STORES = {"store": 0.3, "story": 0.2, "storm": 0.1, "stupid": 0.15, "very": 0.05}


def test_after_a_space_the_next_words_are_offered_best_first() -> None:
    answer = Typist({"going to the": STORES})("going to the ")
    assert (answer.replace, answer.typed, answer.unknown) == ((13, 13), "", ())
    assert [(s.text, s.words, s.kind) for s in answer.suggestions] == [
        ("store ", ("store",), "next"),
        ("story ", ("story",), "next"),
        ("storm ", ("storm",), "next"),
    ]
    assert [s.probability for s in answer.suggestions] == pytest.approx([0.3, 0.2, 0.1])


def test_a_half_typed_word_is_completed_and_shares_are_of_what_begins_so() -> None:
    answer = Typist({"going to the": STORES})("going to the sto", count=2)
    assert (answer.replace, answer.typed) == ((13, 16), "sto")
    assert [(s.text, s.kind) for s in answer.suggestions] == [
        ("store ", "completion"),
        ("story ", "completion"),
    ]
    assert [s.probability for s in answer.suggestions] == pytest.approx([0.5, 0.2 / 0.6])
    assert answer.sentence_end is None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("sto", "store "), ("Sto", "Store "), ("STO", "STORE "), ("S", "Store "), ("mond", "Monday ")],
)
def test_the_typist_s_case_is_kept_and_names_have_theirs(typed: str, expected: str) -> None:
    typist = Typist({"going to the": STORES, "is it": {"monday": 0.5}})
    before = "is it " if typed == "mond" else "going to the "
    assert typist.texts(before + typed)[0] == expected


def test_one_capital_and_an_apostrophe_are_not_shouted() -> None:
    typist = Typist({"": {"i'm": 0.3}, "I know": {"i'm": 0.3}})
    assert typist.texts("I'", count=1) == ["I'm "]
    assert typist.texts("I know I'", count=1) == ["I'm "]
    assert typist.texts("I know I’", count=1) == ["I'm "]


@pytest.mark.parametrize("text", ["", "See you. ", "Hello,\n", "Is it? "])
def test_a_sentence_begins_with_a_capital(text: str) -> None:
    assert Typist({"": {"the": 0.4}}).texts(text, count=1) == ["The "]


@pytest.mark.parametrize("mark", [".", "?", "!", "…", "?!", '."'])
def test_a_sentence_s_end_needs_no_space_to_end_it_and_is_given_one(mark: str) -> None:
    typist = Typist({"": {"the": 0.4, "they": 0.1}})
    text = "I know" + mark
    assert typist.texts(text, count=1) == [" The "]
    assert typist.texts(text + "The", count=1) == [" They "]


@pytest.mark.parametrize(
    ("text", "inserted"),
    [
        ("I know, ", "the "),
        ("I know,", " the "),
        ("I know (", "the "),
        ("I know ¿", "the "),
        ('I know "', "the "),
        ('I "know"', " the "),
        ("I know - ", "the "),
    ],
)
def test_one_space_stands_between_words_and_none_behind_a_bracket(text: str, inserted: str) -> None:
    assert Typist({"I know": {"the": 0.4}}).texts(text, count=1) == [inserted]


@pytest.mark.parametrize("address", ["me@stor", "@the", "http://stor", "see www.stor", "a@b.the"])
def test_nothing_is_offered_inside_an_address(address: str) -> None:
    said = {"": STORES, "<unk>": STORES, "<unk> <unk>": STORES, "the": STORES}
    said["<unk> <unk> the"] = STORES
    typist = Typist({**said, "see www": STORES})
    assert typist.texts(address) == []
    assert typist.texts("the ", count=1) == ["store "]


def test_nothing_is_offered_inside_a_number() -> None:
    typist = Typist({"it is <num>": STORES, "it is <num> <unk>": STORES})
    for text in ("it is 7:", "it is 555-", "it is 5p", "it is 3r"):
        assert typist.texts(text) == []
    for text in ("it is 7", "it is 7:30", "it is 5pm", "it is 3rd"):
        assert typist.texts(text, count=1) == [" store "]


def test_abbreviations_and_numbers_end_no_sentence() -> None:
    typist = Typist({"<unk> <unk>": {"the": 0.4}, "it is <num>": {"very": 0.2}})
    for text in ("Mr. Smith ", "Mt. Everest ", "Jan. meets "):
        assert typist.texts(text, count=1) == ["the "]
    assert typist.texts("it is 3.5", count=1) == [" very "]


def test_a_whole_word_that_seldom_begins_another_is_followed() -> None:
    typist = Typist({"": {"thank": 0.4}, "thank": {"you": 0.6}})
    answer = typist("Thank", count=1)
    assert (answer.replace, answer.typed) == ((5, 5), "")
    assert [(s.text, s.kind) for s in answer.suggestions] == [(" you ", "next")]


def test_apostrophes_may_be_left_out() -> None:
    typist = Typist({"I": {"don't": 0.4}, "I don't": {"know": 0.3}, "": {"i'm": 0.3, "i": 0.1}})
    assert typist.texts("I dont", count=1) == ["don't "]
    assert typist.texts("I don", count=1) == ["don't "]
    assert typist.texts("I don'", count=1) == ["don't "]
    assert typist.texts("im", count=1) == ["I'm "]
    answer = typist("I dont k", count=1)
    assert answer.suggestions[0].text == "know "
    assert answer.unknown == ()


@pytest.mark.parametrize("mark", ["’", "ʼ", "‘", "´", "`"])
def test_an_accent_or_a_backtick_may_stand_for_an_apostrophe(mark: str) -> None:
    typist = Typist({"": {"I": 0.3}, "I": {"don't": 0.1}, "I don't": {"know": 0.3}})
    answer = typist(f"I don{mark}t k", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["know "], ())
    answer = typist(f"I don{mark}", count=1)
    assert ([one.text for one in answer.suggestions], answer.replace) == (["don't "], (2, 6))
    assert typist.texts("I xy", recent=f"xy{mark}z")[:1] == ["xy'z "]


def test_words_that_are_typed_short_are_read_and_corrected_as_the_whole_ones() -> None:
    typist = Typist({"thank you": {"very": 0.3}, "you kill you": {"yourself": 0.5}})
    answer = typist("thank u ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["very "], ())
    assert "yourself " not in typist.texts("u kill u ", count=20)
    typist = Typist({"<unk> <unk> <unk>": {"is": 0.3}, "you is": {"the": 0.3}})
    assert typist("J. U. U. i").unknown == ("j", "u")
    assert typist("U is ").unknown == ()


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("r ", ()),
        ("R you ", ()),
        ("how r ", ()),
        ("you r ", ()),
        ("I know r they ", ()),
        ("I r ", ("r",)),
        ("the r is ", ("r",)),
        ("The time r is ", ("r",)),
    ],
)
def test_a_lone_r_is_read_as_are_where_people_type_it_so(
    text: str, unknown: tuple[str, ...]
) -> None:
    class Any(Typist):
        def _distribution(self, context: Context) -> Floats:
            return np.full(len(self.model.vocabulary.words), 1e-5, np.float32)

    assert [one for one in Any({})(text).unknown if one == "r"] == [*unknown]
    corrected = Typist({"": {"the": 0.01, "thanks": 0.01}})("thx", count=2).suggestions
    assert [(one.text, one.kind) for one in corrected] == [("Thanks ", "correction")]


@pytest.mark.parametrize(
    ("typed", "meant"), [("teh", "the"), ("recie", "receive"), ("hapy", "happy"), ("konw", "know")]
)
def test_what_no_known_word_begins_with_is_corrected(typed: str, meant: str) -> None:
    said = {"you": {"the": 0.1, "receive": 0.05, "recent": 0.06, "happy": 0.02, "know": 0.2}}
    best = Typist(said)(f"you {typed}").suggestions[0]
    assert (best.text, best.kind) == (f"{meant} ", "correction")


def test_a_word_is_not_corrected_that_is_known_and_blocked_or_like_none() -> None:
    typist = Typist({"you": {"the": 0.1}})
    assert typist.texts("you stupid") == []
    assert typist.texts("you qqqqq") == []


def test_two_letters_the_wrong_way_round_are_read_as_what_was_meant() -> None:
    typist = Typist({"I know": {"the": 0.4}, "<unk>": {"very": 0.3}})
    answer = typist("I konw ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["the "], ("konw",))
    assert typist("hwo ").unknown == ("hwo",)


@pytest.mark.parametrize("slip", ["yourselff", "yorself", "yoursilf"])
def test_a_misspelled_word_is_read_as_what_was_surely_meant_and_named(slip: str) -> None:
    typist = Typist({"I know yourself": {"the": 0.4}, "I know <unk>": {"very": 0.3}})
    answer = typist(f"I know {slip} ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["the "], (slip,))
    name = typist(f"I know {slip.title()} ", count=1)  # somebody's
    assert [one.text for one in name.suggestions] == ["very "]


def test_a_word_that_is_drawn_out_is_read_and_corrected_as_the_word_itself() -> None:
    typist = Typist({"": {"store": 0.1, "very": 0.1}, "very": {"much": 0.4}})
    assert typist.texts("Veryyyyy ", count=1) == ["much "]
    best = typist("veryyyy", count=2).suggestions[0]
    assert (best.text, best.kind) == ("Very ", "correction")


def test_signs_that_stand_for_words_are_read_as_them() -> None:
    said = {"you and": {"i": 0.4}, "going at": {"the": 0.4}, "<unk>": {"know": 0.3}}
    typist = Typist({**said, "you": {"know": 0.3}}, ["and", "at"])
    assert typist.texts("you & ", count=1) == ["I "]
    assert typist.texts("going @ ", count=1) == ["the "]
    assert typist.texts("you@ ", count=1) == ["know "]
    assert Typist({"you": {"know": 0.3}}).texts("you & ", count=1) == ["know "]


@pytest.mark.parametrize(("written", "read"), [("w/", "with"), ("w/o", "without")])
def test_strokes_that_abbreviate_a_word_are_read_as_it(written: str, read: str) -> None:
    typist = Typist({f"time {read}": {"you": 0.4}}, ("with", "without"))
    answer = typist(f"time {written} ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["you "], ())


def test_a_single_letter_is_read_as_the_word_it_is_short_for_and_not_as_an_initial() -> None:
    typist = Typist({"you with": {"i": 0.4}, "you <unk>": {"know": 0.3}}, ["with"])
    for text in ("you w ", "you w/ "):
        assert typist.texts(text, count=1) == ["I "]
    answer = typist("you W ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["know "], ("w",))


def test_what_may_be_two_words_misspelled_is_read_as_the_more_frequent() -> None:
    said = {"really": {"is": 0.4}, "relay": {"the": 0.4}}
    assert Typist(said, ["really", "relay"]).texts("realy ", count=1) == ["is "]
    assert Typist(said, ["relay", "really"]).texts("realy ", count=1) == ["the "]
    said = {"weird": {"is": 0.4}, "wired": {"the": 0.4}}
    assert Typist(said, ["weird", "wired"]).texts("wierd ", count=1) == ["is "]


def test_a_word_that_lacks_its_last_g_is_read_with_it() -> None:
    typist = Typist({"talking": {"to": 0.4}, "<unk>": {"is": 0.3}}, ["talking", "bing"])
    answer = typist("talkin' ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["to "], ())
    assert typist("bin ").unknown == ("bin",)


@pytest.mark.parametrize("text", ["you KN", "KNW", "you TEH"])
def test_a_few_capitals_may_be_an_acronym_and_are_no_mistake(text: str) -> None:
    typist = Typist({"you": {"now": 0.3, "the": 0.3}, "": {"now": 0.3}}, ["now"])
    assert [one.kind for one in typist(text).suggestions if one.kind == "correction"] == []
    assert typist.texts("you KWNO", count=1) == typist.texts("YOU KWN", count=1) == ["KNOW "]


@pytest.mark.parametrize("text", ["you int he ", "You int he ", "you int hey are "])
def test_a_space_that_is_typed_a_letter_late_is_read_where_it_belongs(text: str) -> None:
    said = {"store": 0.4}
    assert Typist({"you in the": said, "you in they are": said}).texts(text, count=1) == ["store "]


@pytest.mark.parametrize("text", ["you thei s ", "you thestoryi s ", "you int He ", "you int, he "])
def test_and_where_it_is_typed_early_or_may_belong_there_it_is_left(text: str) -> None:
    said = {"store": 0.4}
    assert Typist({"you <unk> <unk>": said}).texts(text, count=1) == ["store "]


def test_words_with_accents_or_without_their_space_are_read_as_they_are_known() -> None:
    said = {"the story": {"is": 0.4}, "thank you": {"very": 0.3}, "the <unk> story": {}}
    typist = Typist(said)
    answer = typist("the störy ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["is "], ())
    answer = typist("the sto-ry ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["is "], ())
    assert typist("the x-story ", count=1).unknown == ("x",)
    answer = typist("thankyou ", count=1)
    assert ([one.text for one in answer.suggestions], answer.unknown) == (["very "], ())


def test_the_letters_behind_a_number_are_no_unknown_word() -> None:
    typist = Typist({"the <num> <unk>": {"time": 0.4}})
    assert typist("the 3rd ").unknown == ()
    assert typist("the 3 rd ").unknown == ("rd",)


def test_what_is_barred_after_a_word_is_barred_after_its_slip() -> None:
    typist = Typist({"you kill": {"yourself": 0.8, "time": 0.1}})
    assert typist.texts("you klil ", count=1) == ["time "]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("I know m", "much "),
        ("I know M", "Monday "),
        ("I know Mu", "Much "),
        ("M", "Much "),  # a sentence begins with a capital anyway
        ("I know. M", "Much "),
    ],
)
def test_a_capital_inside_a_sentence_begins_a_name(text: str, first: str) -> None:
    said = {"much": 0.1, "monday": 0.02}
    typist = Typist({"I know": said, "": said})
    assert typist.texts(text, count=1) == [first]


def test_a_name_comes_before_a_word_that_is_fifty_times_as_probable() -> None:
    typist = Typist({"I know": {"much": 0.5, "monday": 0.01}})
    assert typist.texts("I know M", count=1) == ["Monday "]


def test_what_is_usual_comes_before_names_behind_a_capital() -> None:
    said = {"happy": {"york": 0.3, "year": 0.2}, "very": {"york": 0.3, "year": 0.2}}
    typist = Typist(said, usual={"happy": ["year"]})
    assert typist.texts("Happy Y", count=2) == ["Year ", "York "]
    assert typist.texts("Very Y", count=2) == ["York ", "Year "]


def test_behind_a_greeting_s_comma_nobody_is_greeted_again() -> None:
    said = {"very": {"know": 0.3}, "thanks": {"to": 0.3}, "": {"i": 0.3, "it": 0.2}}
    typist = Typist(said, usual={"</s> very": ["to", "you"], "</s> dear": ["mr"]})
    assert typist.texts("Very ", count=2) == ["to ", "you "]
    assert typist.texts("Very, ", count=2) == ["you ", "I "]
    for text in ("Dear Xylo,", "Thanks,", "Thanks, thanks,", "Thanks Xylo,"):
        assert typist.texts(text, count=2) == [" I ", " it "]
    assert typist("Dear Xylo,").unknown == ("dear", "xylo")


@pytest.mark.parametrize(
    "text",
    [
        "I know, ", "I know;", "I know: ", "I know - ", "I know -- ", "I know — ", "I know (",
        'I know "', "I (know) ", 'I know," ', "I know,’ ", 'I "know" ', "I know 😀 ", "I know :D ",
    ],
)  # fmt: skip
def test_behind_a_mark_inside_a_sentence_something_begins(text: str) -> None:
    said = {"i know": {"york": 0.4, "you": 0.1, "the": 0.1}, "": {"the": 0.2, "you": 0.1}}
    answer = Typist(said)(text, count=2)
    assert [one.words for one in answer.suggestions] == [("the",), ("you",)]
    rest = 1e-5  # of every other word
    both = [(0.4, rest), (0.1, 0.1), (0.1, 0.2)]
    others = len(Typist(said).model.vocabulary.words) - len(both)
    total = sum((one * other) ** 0.5 for one, other in both) + others * rest
    shares = [(0.1 * 0.2) ** 0.5 / total, (0.1 * 0.1) ** 0.5 / total]
    assert [one.probability for one in answer.suggestions] == pytest.approx(shares, rel=1e-5)


def test_behind_an_ellipsis_a_small_letter_may_begin_something() -> None:
    said = {"i know": {"they": 0.4, "the": 0.1}, "": {"the": 0.2}}
    assert Typist(said).texts("I know... t", count=2) == ["the ", "they "]


@pytest.mark.parametrize("text", ["I know ", "I know-", "I know' ", "I know/", "I know* "])
def test_and_behind_no_other_mark(text: str) -> None:
    typist = Typist({"i know": {"york": 0.4}, "i": {"york": 0.4}, "": {"the": 0.2}})
    assert typist.texts(text, count=1)[0].strip() == "York"


def test_the_country_is_no_pronoun_and_a_possessive_of_several_is_one() -> None:
    typist = Typist({"the usa": {"is": 0.3}, "the us": {"very": 0.3}}, ["us", "usa"])
    assert typist.texts("the U.S. ", count=1) == ["is "]
    assert typist.texts("The US ", count=1) == ["is "]
    assert typist.texts("the us ", count=1) == ["very "]
    typist = Typist({"the boy's": {"store": 0.3}, "the boys": {"know": 0.3}}, ["boys", "boy's"])
    assert typist.texts("the boys' ", count=1) == ["store "]
    assert typist.texts("the boys’ ", count=1) == ["store "]
    assert typist.texts("'the boys' ", count=1) == ["know "]


def test_behind_a_title_come_the_names_behind_its_like() -> None:
    said = {"mrs": {"smith": 0.4}, "ms": {"is": 0.3}, "mrs smith": {"is": 0.2}}
    typist = Typist(said, ["ms", "mrs", "smith"], shown_as={"mrs smith": "Mrs Smith"})
    assert typist.texts("Ms. ", count=1) == typist.texts("Ms S", count=1) == ["Smith "]
    assert typist.texts("Ms Smith ", count=1) == ["is "]
    assert typist.texts("ms ", count=1) == ["is "]
    assert Typist({"ms": {"is": 0.3}}, ["ms"]).texts("Ms ", count=1) == ["is "]
    typist = Typist({"mount": {"story": 0.4}, "mt": {"is": 0.3}}, ["mt", "mount"])
    assert typist.texts("Mt. ", count=1) == ["story "]


def test_letters_that_no_word_has_are_no_slip() -> None:
    typist = Typist({"the": {"story": 0.3, "store": 0.2}})
    assert typist.texts("the sotry", count=1) == ["story "]
    assert typist.texts("the söotry") == []
    assert typist.texts("the story你") == []


def test_a_word_behind_a_stroke_is_predicted_as_the_one_before_it_was() -> None:
    typist = Typist({"I know": {"story": 0.3, "the": 0.2}, "I know they": {"know": 0.4}})
    answer = typist("I know you/s", count=1)
    assert (answer.suggestions[0].text, answer.replace) == ("story ", (11, 12))
    assert typist.texts("I know you/", count=1) == ["story "]
    assert typist.texts("I know you/they ", count=1) == ["know "]
    assert typist("I know xylo/s").unknown == ("xylo",)
    said = {"I know <unk>": {"the": 0.3}}
    assert Typist(said).texts("I know and/", count=2) == ["or ", "the "]
    assert Typist(said).texts("I know and/o", count=1) == ["or "]


def test_what_is_barred_after_a_word_is_barred_where_it_is_greeted_or_stands_at_a_stroke() -> None:
    typist = Typist({"": {"yourself": 0.8, "time": 0.1}, "you": {"yourself": 0.8, "time": 0.1}})
    assert typist.texts("you kill/", count=1) == ["time "]
    assert typist.texts("Dear Kill,", count=1) == [" time "]


def test_text_speak_is_corrected_whatever_begins_so() -> None:
    typist = Typist({"thank": {"you": 0.5, "until": 0.01}, "know": {"you": 0.01, "until": 0.5}})
    best = typist("thank u", count=1).suggestions[0]
    assert (best.text, best.kind) == ("you ", "correction")
    assert best.probability == pytest.approx(0.05 / 0.06)
    assert typist.texts("know u", count=1) == ["until "]
    said = {"are": 0.5, "receive": 0.01}
    typist = Typist({"you": said, "time": said})
    assert typist.texts("you r", count=1) == ["are "]
    assert "are " not in typist.texts("time r", count=20)
    typist = Typist({"it is": {"cost": 0.1, "because": 0.5}, "it is because": {"the": 0.3}})
    assert typist.texts("it is cos", count=3) == ["cost ", "because "]
    assert typist.texts("it is cos ", count=1) == ["the "]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("it is alot", ["a lot "]),
        ("you ofc", ["of course "]),
        ("your's", ["Yours "]),
        ("it wasent", ["wasn't "]),
        ("it w", ["wasn't "]),  # of a word that begins so, nothing is said twice
        ("tues", ["Tuesday "]),
    ],
)
def test_what_stands_for_other_words_is_corrected_to_them_alone(
    typed: str, meant: list[str]
) -> None:
    more = ("a", "lot", "of", "course", "yours", "wasn't", "tuesday", "with", "off")
    said = {"a": 0.1, "of": 0.1, "wasn't": 0.1, "yours": 1e-6, "with": 0.05, "you": 0.2}
    typist = Typist({"it": said, "it is": said, "you": said, "": said}, more)
    assert typist.texts(typed, count=1) == meant
    assert typist.texts("it is alot", exclude=("lot",)) == []
    assert typist.texts("it is alot", exclude=("A lot ",)) == []


@pytest.mark.parametrize("word", ["pdf", "parcels", "berries", "the boys'", "Anna's", "naïve"])
def test_what_is_no_slip_is_not_corrected_and_gone_on_with(word: str) -> None:
    more = ("parcel", "berry", "boy", "boys", "naive", "puff", "anna")
    after = {"is": 0.4}
    said = {"you <unk>": after, "you the boys": after, "you naive": after, "you the": {}}
    typist = Typist({"you": {"puff": 0.1, "parcel": 0.1}, **said}, more)
    answer = typist(f"you {word}", count=1)
    assert [(one.text, one.kind) for one in answer.suggestions] == [(" is ", "next")]
    assert typist.texts("you boy'") == [], "an s may follow"
    assert typist.texts("you puffss", count=1) == ["puff "]


def test_a_name_that_the_model_does_not_know_is_no_slip_of_another_word() -> None:
    said = {"the": 0.2, "they": 0.1, "store": 0.2, "monday": 0.001}
    typist = Typist({"you know": said})
    assert typist.texts("you know stoer", count=1) == ["store "]
    assert typist.texts("you know Stoer", count=1) == ["Store "], "two letters exchanged"
    assert typist.texts("you know Storr", count=1) == []
    assert typist.texts("you know Mondey", count=1) == ["Monday "]
    assert typist.texts("you know Mundey", count=1) == []


def test_a_word_in_small_letters_that_has_a_capital_is_offered_with_it() -> None:
    typist = Typist({"in": {"monday": 0.5, "may": 0.3}, "in monday": {"the": 0.4}})
    answer = typist("in monday")
    assert answer.replace == (3, 9)
    assert [one.text for one in answer.suggestions] == ["Monday "]
    assert typist.texts("in Monday", count=1) == [" the "]
    assert typist.texts("in monday", count=1, fresh=True) == [" the "], "it was shown and left"
    assert typist.texts("in may", count=1) == ["May "]


def test_letters_that_begin_a_word_are_rather_its_beginning_than_a_mistake() -> None:
    typist = Typist({"you": {"know": 0.3, "now": 0.3}}, ("knot", "knots", "now"))
    assert typist.texts("you knot", count=1) == ["knots "]
    assert typist("you kno", count=1).suggestions[0].text == "know "
    surgery = Typist({"the": {"sure": 0.02}}, ("sure", "surgery"))
    best = surgery("the surg", count=2).suggestions
    assert [(one.text, one.kind) for one in best] == [
        ("surgery ", "completion"),
        ("sure ", "correction"),
    ]


def test_fresh_offers_nothing_farther_off_where_the_beginning_was_shown_and_left() -> None:
    typist = Typist({"the": {"sure": 0.02}}, ("sure", "surgery", "surgeon"))
    assert typist.texts("the surg", fresh=True, count=3) == []


def test_a_word_that_begins_with_another_letter_is_seldom_meant() -> None:
    typist = Typist({"the": {"younger": 0.05, "tongue": 0.05}}, ("younger", "tongue"))
    assert typist.texts("the tounge", count=1) == ["tongue "]


def test_a_doubled_last_letter_is_mended_though_a_word_begins_so() -> None:
    said = {"awfully": 0.001, "awful": 0.01}
    answer = Typist({"it is": said}, ("awful", "awfully"))("it is awfull", count=2)
    assert [(one.text, one.kind) for one in answer.suggestions] == [
        ("awfully ", "completion"),
        ("awful ", "correction"),
    ]


def test_unlikely_partings_fill_no_places() -> None:
    typist = Typist({"": {"the": 0.5}, "hell": {"oooo": 0.5}}, ("hell", "oooo", "hello"))
    assert typist.texts("helloooo") == ["Hello "], "it is drawn out"
    card = {"shown_as": {"tom": "Tom", "i": "I"}}
    others = (f"q{chr(97 + at // 26)}{chr(97 + at % 26)}" for at in range(300))  # more frequent
    typist = Typist({"": {"you": 0.1}, "you": {"tom": 0.5, "i": 0.2}}, (*others, "tom"), **card)
    assert typist.texts("youtom") == []
    assert "You I " in typist.texts("youi")


def test_what_was_answered_may_be_excluded_as_it_was() -> None:
    typist = Typist({"going to the": STORES, "i": {"don't": 0.4, "know": 0.2}})
    assert typist.texts("going to the ", count=1) == ["store "]
    assert typist.texts("going to the ", count=1, exclude=("store ",)) == ["story "]
    assert typist.texts("I ", count=1, exclude=("Dont",)) == ["know "]


def test_recent_words_are_not_said_twice_in_a_row() -> None:
    typist = Typist({"very": {"much": 0.5, "very": 0.1}}, ("very",))
    assert typist.texts("very ", count=1, recent="very very very") == ["much "]


def test_fresh_leaves_out_the_names_that_a_capital_has_shown() -> None:
    typist = Typist({"I know": {"very": 0.5, "much": 0.1, "monday": 0.02, "may": 0.01}})
    assert typist.texts("I know M", count=1, fresh=True) == ["Monday "]
    assert typist.texts("I know Mo", count=1, fresh=True) == []


def test_unknown_words_of_the_sentence_are_named() -> None:
    typist = Typist({"the <unk> is": {"very": 0.4}})
    assert typist("Oh no. The xylophone is ").unknown == ("xylophone",)


def test_the_probability_that_the_sentence_ends_is_the_start_mark_s() -> None:
    answer = Typist({"thank you": {"</s>": 0.25, "very": 0.2}})("thank you ")
    assert answer.sentence_end == np.float32(0.25)


def test_blocked_words_are_offered_neither_next_nor_completed_nor_corrected() -> None:
    typist = Typist({"going to the": {"stupid": 0.9, "story": 0.01}})
    for text in ("", "s", "st", "stu", "stupi", "sutpid"):
        assert "stupid " not in typist.texts(f"going to the {text}", count=20)


def test_pairs_are_blocked_in_the_sentence_that_has_the_first_of_them() -> None:
    said = {"yourself": 0.8, "time": 0.1}
    typist = Typist({"you kill": said, "you know": said, "": said})
    assert typist.texts("you kill ", count=1) == ["time "]
    assert "yourself " not in typist.texts("you kill, y", count=20)
    assert typist.texts("you know ", count=1) == ["yourself "]
    assert typist.texts("you kill. ", count=1) == ["Yourself "]


def test_excluded_words_are_left_out_whatever_their_case() -> None:
    typist = Typist({"going to the": STORES})
    assert typist.texts("going to the sto", exclude=("Store", "storm")) == ["story "]


def test_fresh_leaves_out_what_fewer_letters_would_have_shown() -> None:
    typist = Typist({"going to the": STORES})
    assert typist.texts("going to the ", count=1, fresh=True) == ["store "]
    assert typist.texts("going to the s", count=1, fresh=True) == ["story "]
    assert typist.texts("going to the st", count=1, fresh=True) == ["storm "]
    assert typist.texts("going to the sto", count=1, fresh=True) == []
    assert typist.texts("going to the sto", count=1) == ["store "]


@pytest.mark.parametrize("options", [{}, {"exclude": ("story",)}, {"recent": "stupid storm"}])
@pytest.mark.parametrize("text", ["going to the store", "you konw", "I Monday", "you knowthey"])
def test_fresh_answers_the_same_whether_or_not_fewer_letters_were_asked_before(
    text: str, options: dict[str, object]
) -> None:
    known = {"the": 0.1, "they": 0.1, "know": 0.2, "known": 0.1, "monday": 0.01, "may": 0.01}
    said = {"going to the": STORES, "you": known, "you know": known, "i": known, "": known}
    said |= {"you don't": known, "i monday": known, "going to the store": known}
    said |= {"you they": known, "you the": known, "going to": known, "going": known}
    said = {context: {**words, "going": 0.01, "to": 0.01} for context, words in said.items()}
    typist = Remembering(said)
    for count in (1, 2):
        for end in range(len(text) + 1):
            asked = typist(text[:end], count=count, fresh=True, **options)
            assert asked == Typist(said)(text[:end], count=count, fresh=True, **options)


def test_fresh_forgets_what_was_shown_for_another_distribution() -> None:
    said = {"going to the": dict(STORES)}
    typist = Remembering(said)
    assert typist.texts("going to the s", count=1, fresh=True) == ["story "]
    typist.says("going to the", {"storm": 0.5, "store": 0.1})
    assert typist.texts("going to the st", count=1, fresh=True) == ["story "]


def test_recent_words_lead_and_complete_even_where_the_model_does_not_know_them() -> None:
    typist = Typist({"going to the": STORES})
    assert typist.texts("going to the sto", count=1, recent="a story, a story!") == ["story "]
    kowalski = typist("going to the ko", count=1, recent="Kowalski met Anna")
    assert [(s.text, s.kind) for s in kowalski.suggestions] == [("Kowalski ", "completion")]
    assert typist.texts("going to the ko", count=1, recent="Kowalski", exclude=("kowalski",)) == []


def test_a_phrase_goes_on_while_it_is_probable_enough() -> None:
    said = {
        "": {"thank": 0.5, "happy": 0.2},
        "thank": {"you": 0.8, "</s>": 0.1},
        "thank you": {"very": 0.6, "</s>": 0.3},
        "thank you very": {"much": 0.9},
        "happy": {"new": 0.4},
    }
    answer = Typist(said)("", words=4, count=2)
    assert [s.text for s in answer.suggestions] == ["Thank you very much ", "Happy "]
    assert answer.suggestions[0].words == ("Thank", "you", "very", "much")
    assert answer.suggestions[0].probability == pytest.approx(0.5 * 0.8 * 0.6 * 0.9)
    assert Typist(said).texts("", words=4, count=1, min_probability=0.3) == ["Thank you "]
    assert Typist(said).texts("", words=2, count=1) == ["Thank you "]


def test_a_phrase_stops_where_the_sentence_more_probably_ends() -> None:
    said = {"": {"thank": 0.5}, "thank": {"you": 0.9}, "thank you": {"</s>": 0.5, "very": 0.4}}
    assert Typist(said).texts("", words=5, count=1, min_probability=0) == ["Thank you "]


def test_names_of_two_words_have_both_their_capitals() -> None:
    typist = Typist({"in": {"new": 0.9, "may": 0.3}, "in new": {"york": 0.9}, "it": {"may": 0.8}})
    assert typist.texts("in ", words=2, count=1) == ["New York "]
    assert typist.texts("in new ", count=1) == ["York "]
    assert typist.texts("in ", count=2)[1] == "May "
    assert typist.texts("it ", count=1) == ["may "]


def test_further_letters_of_a_word_ask_about_the_same_context() -> None:
    typist = Typist({"going to the": STORES})
    for text in ("", "s", "st", "sto"):
        typist(f"going to the {text}")
    assert len(set(typist.asked)) == 1


def test_a_model_without_a_start_cannot_begin_a_sentence() -> None:
    with pytest.raises(EmptyPhrase):
        Typist({}, start=None)("th")


def test_a_word_that_no_word_stands_in_for_is_left_out() -> None:
    typist = Typist({"the": {"store": 0.5}}, unknown=None)
    answer = typist("the xylophone ", count=1)
    assert (answer.unknown, answer.suggestions[0].text) == (("xylophone",), "store ")


def test_many_that_ask_first_at_once_are_answered_by_one() -> None:
    """Each built its own, and all but one were thrown away."""
    asked, at_once = model(), Barrier(8)

    def first(_: int) -> object:
        at_once.wait()
        return suggester_of(asked)

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(first, range(8)))) == 1
    finally:
        sys.setswitchinterval(switch)


def test_of_a_model_that_is_swapped_nothing_is_kept() -> None:
    first, second = model(), model()
    known = suggester_of(first)
    assert suggester_of(first) is known
    gone = weakref.ref(first)
    assert suggester_of(second) is not known
    assert known_suggester(second) is not None
    del first, known
    gc.collect()
    assert gone() is None


def test_of_a_model_that_is_served_no_more_nothing_is_kept() -> None:
    first, second = model(), replace(model(), id="second")
    known = suggester_of(second)
    suggester_of(first)
    gone = weakref.ref(first)
    keep_only([second])
    assert known_suggester(second) is known
    del first
    gc.collect()
    assert gone() is None


def test_what_people_mostly_say_next_has_half_of_the_probability() -> None:
    usual = {"</s> you": ["know", "kill"], "happy": ["new"], "": ["the"]}
    typist = Typist({"you": {"the": 0.4, "know": 0.1}, "you know": {"very": 0.1}}, usual=usual)
    answer = typist("you ", count=3)
    assert [one.text for one in answer.suggestions] == ["know ", "the ", "kill "]
    shares = [0.05 + 0.5 * 2 / 3, 0.2, 0.5 / 3]
    assert [one.probability for one in answer.suggestions] == pytest.approx(shares, abs=1e-4)
    assert answer.sentence_end == np.float32(1e-5)


def test_what_is_usual_at_a_beginning_is_so_there_alone() -> None:
    usual = {"</s> happy": ["new"], "very": ["much"]}
    said = {"happy": {"to": 0.3}, "it happy": {"to": 0.3}, "it very": {"to": 0.3}}
    said["happy new"] = {"year": 0.3}
    typist = Typist(said, usual=usual)
    assert typist.texts("Happy ", count=1) == ["new "]
    assert typist.texts("It happy ", count=1) == ["to "]
    assert typist.texts("It very ", count=1) == ["much "]
    assert typist.texts("happy ", count=1, exclude=("New",)) == ["to "]
    assert typist.texts("Happy ", count=1, words=2, min_probability=0.4) == ["new "]


def test_what_is_usual_is_blocked_like_anything_else() -> None:
    typist = Typist({"you": {"the": 0.4}}, usual={"</s> you": ["stupid", "know"]})
    assert "stupid " not in typist.texts("you ", count=20)


def test_a_misspelling_that_the_model_knows_is_mended() -> None:
    card = {"blocked": ["stupid", "they"], "slips": ["they"]}
    typist = Typist({"you": {"the": 0.1, "they": 0.1}}, **card)
    assert typist("you they", count=1).suggestions[0] == typist("you thye", count=1).suggestions[0]
    assert typist.texts("you stupid") == []


def test_two_words_without_their_space_are_parted() -> None:
    said = {
        "going to": {"the": 0.1},
        "i": {"know": 0.3, "don't": 0.2},
        "going to the": {"store": 0.3},
        "i don't": {"know": 0.3},
        "": {"thank": 0.1, "i": 0.1},
        "thank": {"you": 0.8},
        "you": {"kill": 0.1},
        "you kill": {"yourself": 0.9, "time": 0.1},
    }
    typist = Typist(said)
    answer = typist("going to thestore")
    assert answer.replace == (9, 17)
    assert [(s.text, s.words, s.kind) for s in answer.suggestions] == [
        ("the store ", ("the", "store"), "correction")
    ]
    assert typist.texts("thankyou", count=1) == ["Thank you "]
    assert typist.texts("Iknow", count=1) == ["I know "]
    assert typist.texts("THANKYOU", count=1) == ["THANK YOU "]
    assert typist.texts("i dontknow", count=1) == ["don't know "]
    assert typist.texts("you killtime", count=1) == ["kill time "]
    assert typist.texts("you killyourself") == []
    assert typist.texts("going to thestore", exclude=("store",)) == []


def test_a_word_that_is_mended_whole_comes_before_longer_ones() -> None:
    typist = Typist({"the": {"store": 0.01, "story": 0.01, "known": 0.02, "know": 0.01}})
    assert typist.texts("the konw", count=2) == ["know ", "known "]


def test_a_word_is_offered_once_though_it_is_near_and_begins_so_too() -> None:
    typist = Typist({"you": {"the": 0.1}, "you don't": {"the": 0.1}})
    for typed in ("dont", "Don't", "recen", "im"):
        shown = [text.lower() for text in typist.texts(f"you {typed}", count=20)]
        assert len(shown) == len(set(shown))


def test_one_of_those_offered_begins_as_is_typed_though_it_is_rare() -> None:
    answer = Typist({"you": {"the": 0.3, "they": 0.3}})("you tha", count=2)
    assert [(one.text, one.kind) for one in answer.suggestions] == [
        ("the ", "correction"),
        ("thank ", "completion"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("VERY ", "MUCH "),
        ("VERY M", "MUCH "),
        ("VERY, M", "MUCH "),
        ('"VERY" ', "MUCH "),
        ("THE M", "MUCH "),
        ("I M", "Monday "),
        ("IM M", "MUCH "),
        ("THE ", "MUCH "),
        ("TO M", "MUCH "),
        ("US ", "much "),
        ("7 PM ", "much "),
        ("ETA ", "much "),
        ("A M", "Monday "),
        ("VERY m", "much "),
        ("IT IS ", "MUCH "),
        ("It is ", "much "),
        ("VERY. ", "Much "),
        ("I ", "much "),
    ],
)
def test_a_sentence_in_capitals_goes_on_in_capitals(text: str, expected: str) -> None:
    said = {"much": 0.4, "monday": 0.1}
    before = ("very", "it is", "", "i", "the", "i'm", "to", "us", "<num> pm", "a", "eta")
    typist = Typist(dict.fromkeys(before, said), ("us", "pm", "a", "eta"))
    assert typist.texts(text, count=1) == [expected]


def test_after_an_ellipsis_a_small_letter_goes_on_and_a_capital_begins() -> None:
    typist = Typist({"I know": {"much": 0.4}, "": {"much": 0.4}})
    assert typist.texts("I know... m", count=1) == ["much "]
    assert typist.texts("I know... M", count=1) == ["Much "]
    assert typist.texts("I know. m", count=1) == ["Much "]


def test_fresh_leaves_out_corrections_and_parted_words_that_were_shown() -> None:
    said = {"you": {"the": 0.1, "they": 0.1, "know": 0.2}, "you know": {"the": 0.1, "they": 0.05}}
    typist = Typist(said)
    assert typist.texts("you kno", count=2) == ["know ", "known "]
    assert typist.texts("you konw", count=2) == ["know ", "known "]
    assert typist.texts("you konw", count=2, fresh=True) == ["know "], "it is meant after all"
    assert typist.texts("you knowthe", count=1) == ["know the "]
    assert typist.texts("you knowthey", count=2) == ["know they "]
    assert typist.texts("you knowthey", count=2, fresh=True) == ["know they "]


def test_what_is_blocked_is_not_offered_though_the_person_wrote_it() -> None:
    typist = Typist({"you": {"the": 0.1}}, blocked=["stupid", "xylophonic"])
    assert typist.texts("you xy", recent="xylophones xylophonic Xylophonic") == ["xylophones "]
    assert typist.texts("you stup", recent="stupid stupid") == []
