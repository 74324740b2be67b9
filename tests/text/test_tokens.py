"""Phrases to padded ids, against the notebook's numbers and Keras's pad_sequences."""

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import EmptyPhrase, UnknownWords, VocabularyError
from app.text.encoding import encode
from app.text.padding import pad
from app.text.tokens import TextOptions, composed, tokenize
from app.text.vocabulary import Vocabulary

NOTEBOOK = Vocabulary({"is": 1, "an": 2, "this": 3, "example": 4})
OPTIONS = TextOptions(max_length=2, lowercase=True)
ENGLISH = TextOptions(
    max_length=8,
    tokenizer="words",
    lowercase=True,
    unknown="<unk>",
    start="</s>",
    number="<num>",
)
WORDS = Vocabulary(
    {"</s>": 1, "<unk>": 2, "<num>": 3, "I": 4, "don't": 5, "know": 6, "thank": 7, "you": 8},
    lowercase=True,
)


@pytest.mark.parametrize(
    ("phrase", "ids", "padded", "mask", "dropped"),
    [
        ("this is", (3, 1), [3, 1], [True, True], 0),
        ("is an", (1, 2), [1, 2], [True, True], 0),
        ("this", (3,), [0, 3], [False, True], 0),
        ("this is an", (3, 1, 2), [1, 2], [True, True], 1),
        ("  This\tIS ", (3, 1), [3, 1], [True, True], 0),
    ],
)
def test_the_notebook_s_phrases_become_the_notebook_s_ids(
    phrase: str, ids: tuple[int, ...], padded: list[int], mask: list[bool], dropped: int
) -> None:
    encoded = encode(phrase, NOTEBOOK, OPTIONS)
    assert encoded.ids == ids
    result = pad(encoded.ids, None, OPTIONS)
    assert result.ids.tolist() == padded
    assert result.mask.tolist() == mask
    assert result.dropped == dropped


@given(
    ids=st.lists(st.integers(1, 9), min_size=1, max_size=9),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "post"]),
    length=st.integers(1, 6),
)
def test_padding_equals_keras(
    keras: Any,
    ids: list[int],
    padding: Literal["pre", "post"],
    truncating: Literal["pre", "post"],
    length: int,
) -> None:
    expected = keras.utils.pad_sequences([ids], length, padding=padding, truncating=truncating)
    options = TextOptions(max_length=length, padding=padding, truncating=truncating)
    result = pad(ids, None, options)
    np.testing.assert_array_equal(result.ids, expected[0])
    np.testing.assert_array_equal(result.mask, expected[0] != 0)
    assert result.dropped == max(0, len(ids) - length)


@given(st.text(max_size=60))
def test_spans_point_at_the_tokens_in_the_phrase(phrase: str) -> None:
    for token in tokenize(phrase, TextOptions(max_length=4)):
        assert composed(phrase[token.start : token.end]) == token.text
    joined = [token.text for token in tokenize(phrase, TextOptions(max_length=4))]
    assert joined == [composed(word) for word in phrase.split()]


@pytest.mark.parametrize(
    ("phrase", "tokens"),
    [
        ("Thank you VERY", ["thank", "you", "very"]),
        ("I don’t know!", ["i", "don't", "know"]),
        ("well-known, 3.14 and 80s", ["well", "known", "<num>", "and", "<num>", "s"]),
        ("Mr. Smith left. He", ["mr", "smith", "left", "</s>", "he"]),
        ("Really?! Yes", ["really", "</s>", "yes"]),
        ("i have <num> of <unk>", ["i", "have", "<num>", "of", "<unk>"]),
        ("...", []),
    ],
)
def test_words_are_cut_from_punctuation(phrase: str, tokens: list[str]) -> None:
    assert [token.text for token in tokenize(phrase, ENGLISH)] == tokens


def test_words_are_found_in_the_case_the_vocabulary_shows() -> None:
    assert encode("I DON'T know", WORDS, ENGLISH).ids == (4, 5, 6)
    assert encode("i don't know", WORDS, ENGLISH).ids == (4, 5, 6)


def test_a_start_word_stands_before_the_first_word_and_after_a_sentence_end() -> None:
    first = pad(encode("thank you", WORDS, ENGLISH).ids, 1, ENGLISH)
    assert first.ids.tolist() == [0, 0, 0, 0, 0, 1, 7, 8]
    assert first.positions[-3:] == (None, 0, 1)
    second = pad(encode("I know. Thank", WORDS, ENGLISH).ids, 1, ENGLISH)
    assert second.ids.tolist() == [0, 0, 0, 0, 0, 0, 1, 7]
    assert second.dropped == 2
    for empty in ("", "I know. ", "?!"):
        assert pad(encode(empty, WORDS, ENGLISH).ids, 1, ENGLISH).ids.tolist() == [0] * 7 + [1]


def test_unknown_words_are_named_with_their_place_and_the_closest_words() -> None:
    with pytest.raises(UnknownWords) as caught:
        encode("thsi is exampel", NOTEBOOK, OPTIONS)
    first, second = caught.value.unknown
    assert (first.word, first.position, first.span) == ("thsi", 0, (0, 4))
    assert first.suggestions == ("this",)
    assert (second.word, second.position, second.span) == ("exampel", 2, (8, 15))
    assert second.suggestions == ("example",)


def test_no_blocked_word_is_offered_for_an_unknown_one() -> None:
    words = {"damned": 1, "dammed": 2}
    for blocked, offered in (((), ("damned", "dammed")), (("damned",), ("dammed",))):
        with pytest.raises(UnknownWords) as caught:
            encode("damed", Vocabulary(words, blocked=blocked), OPTIONS)
        assert set(caught.value.unknown[0].suggestions) == set(offered)


def test_an_unknown_word_stands_in_where_the_model_has_one() -> None:
    encoded = encode("thank zebras", WORDS, ENGLISH)
    assert encoded.ids == (7, 2)
    assert encoded.unknown == (1,)


def test_an_empty_phrase_needs_a_start_word() -> None:
    with pytest.raises(EmptyPhrase):
        pad([], None, OPTIONS)


@pytest.mark.parametrize("word", ["co\xadoperate", "10\xa0km", "\u200bthis", "na\u200dme", "😀"])
def test_a_word_may_have_the_invisible_letters_that_texts_have(word: str) -> None:
    assert Vocabulary({word: 1}, classes=2).id_of(word) == 1


@pytest.mark.parametrize(
    ("word_to_id", "why"),
    [
        ({"is": 0}, "padding"),
        ({"is": 1, "an": 1}, "share id 1"),
        ({"is": 7}, "no id is among the network's 5"),
        ({"is": -1}, "negative"),
        ({"is": True}, "not an integer"),
        ({"is": 1.0}, "not an integer"),
        ({"": 1}, "printable"),
        ({"a\nb": 1}, "printable"),
        ({"\x1b[31m": 1}, "printable"),
        ({"\ud800": 1}, "printable"),
    ],
)
def test_a_vocabulary_is_a_bijection_into_the_classes(word_to_id: Any, why: str) -> None:
    with pytest.raises(VocabularyError, match=why):
        Vocabulary(word_to_id, classes=5)
