"""Words whose letters have marks, in every tokenizer, typed in either of Unicode's forms."""

import unicodedata
from typing import get_args

import pytest

from app.text.encoding import encode
from app.text.tokens import AS_KERAS, TextOptions, Tokenizer, tokenize
from app.text.vocabulary import Vocabulary

WORDS = TextOptions(max_length=8, tokenizer="words", lowercase=True)
MARKED = ["हिन्दी", "தமிழ்", "שָׁלוֹם", "naïve", "café", "Việt", "l'été"]


@pytest.mark.parametrize("word", MARKED)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_word_with_marks_is_one_word(word: str, form: str) -> None:
    typed = unicodedata.normalize(form, word)  # type: ignore[arg-type] # one of the four
    phrase = f"a {typed}, b"
    tokens = tokenize(phrase, WORDS)
    assert [token.text for token in tokens] == ["a", composed(word.lower()), "b"]
    assert phrase[tokens[1].start : tokens[1].end] == typed


def composed(word: str) -> str:
    return unicodedata.normalize("NFC", word)


@pytest.mark.parametrize("tokenizer", ["whitespace", "words"])
@pytest.mark.parametrize("kept", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_one_word_however_it_is_composed(tokenizer: Tokenizer, kept: str, typed: str) -> None:
    words = {unicodedata.normalize(kept, word.lower()): at for at, word in enumerate(MARKED, 1)}  # type: ignore[arg-type]
    vocabulary = Vocabulary({"cafe": 8, "naive": 9, **words}, lowercase=True)
    options = TextOptions(max_length=8, tokenizer=tokenizer, lowercase=True)
    phrase = unicodedata.normalize(typed, " ".join(MARKED))  # type: ignore[arg-type]
    assert encode(phrase, vocabulary, options).ids == tuple(range(1, len(MARKED) + 1))
    assert encode("cafe naive", vocabulary, options).ids == (8, 9)


@pytest.mark.parametrize("tokenizer", AS_KERAS)
def test_keras_does_not_compose(tokenizer: Tokenizer) -> None:
    options = TextOptions(max_length=8, tokenizer=tokenizer, lowercase=True)
    for form in ("NFC", "NFD"):
        typed = unicodedata.normalize(form, "naïve café")
        assert [token.text for token in tokenize(typed, options)] == typed.split()


def test_every_tokenizer_is_tried() -> None:
    assert {"whitespace", "words", *AS_KERAS} == set(get_args(Tokenizer))


def test_every_mark_of_unicode_belongs_to_its_word() -> None:
    marks = [
        chr(code)
        for code in range(0x1F000)  # beyond, they are no letters'
        if unicodedata.category(chr(code)) in ("Mn", "Mc", "Me")
    ]
    options = TextOptions(max_length=8, tokenizer="words")
    split = [mark for mark in marks if len(tokenize(f"ab{mark}c", options)) != 1]
    assert len(marks) > 2_000
    assert split == []
