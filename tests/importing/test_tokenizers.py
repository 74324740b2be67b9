"""Every form that people keep a vocabulary in, and text cut as Keras's own Tokenizer cuts it."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import TokenizerError
from app.importing.tokenizers import kept, read_tokenizer
from app.text.encoding import encode
from app.text.keras_words import KERAS_FILTERS
from app.text.tokens import TextOptions, tokenize
from app.text.vocabulary import Vocabulary

PRINTED = st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\t\n")
WORDS = {"the": 1, "cat": 2, "sat": 3}


@pytest.mark.parametrize(
    "value",
    [
        WORDS,
        {"<PAD>": 0, **WORDS},
        {"": 0, **WORDS},
        {"wordIndex": WORDS},
        {"word_index": json.dumps(WORDS)},
        {"index_word": {"1": "the", "2": "cat", "3": "sat"}},
        {1: "the", 2: "cat", 3: "sat"},
        {"0": "<PAD>", "1": "the", "2": "cat", "3": "sat"},
        {"the": "1", "cat": "2", "sat": "3"},
        ["<PAD>", "the", "cat", "sat"],
        [["the", 1], ["cat", 2], ["sat", 3]],
        (WORDS, {1: "the"}),
        json.dumps(WORDS),
        json.dumps(json.dumps(WORDS)),
        {"class_name": "Tokenizer", "config": {"word_index": json.dumps(WORDS)}},
    ],
)
def test_forms_of_one_vocabulary(value: Any) -> None:
    assert kept(value).words == WORDS


def test_files_of_one_vocabulary(tmp_path: Path) -> None:
    listed = ["", "the", "cat", "sat"]
    (tmp_path / "words.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(listed).encode())
    np.save(tmp_path / "words.npy", np.array(listed))
    (tmp_path / "words.pkl").write_bytes(pickle.dumps(listed))
    (tmp_path / "words.json").write_text(json.dumps(json.dumps(listed)))
    for name in ("words.txt", "words.npy", "words.pkl", "words.json"):
        assert read_tokenizer(tmp_path / name).words == WORDS


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({}, "no words"),
        ([], "no words"),
        ({"a": 1.5}, "no word with its id"),
        ({"a": True}, "no word with its id"),
        (["a", "a"], "twice"),
        ({1: "a", 2: "a"}, "twice"),
        ("not JSON", "not JSON"),
        (3, "no tokenizer"),
        ({"filters": "", "char_level": True, "word_index": WORDS}, "char_level"),
        ({"filters": "", "split": "", "word_index": WORDS}, "split"),
    ],
)
def test_what_is_no_vocabulary_is_refused(value: Any, why: str) -> None:
    with pytest.raises(TokenizerError, match=why):
        kept(value)


def test_pickled_objects_in_an_array_are_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "words.npy", np.array(["a", None], dtype=object))
    with pytest.raises(TokenizerError, match="pickled"):
        read_tokenizer(tmp_path / "words.npy")


@given(
    phrase=st.text(max_size=40) | st.text("aAİΣςée\u0301 ,.!\t\n\r\u00a0'", max_size=20),
    filters=st.sampled_from([KERAS_FILTERS, "", "!?", "a "]),
    split=st.sampled_from([" ", ",", "ab", "a"]),
    lower=st.booleans(),
)
def test_text_is_cut_as_by_keras(
    keras: Any, phrase: str, filters: str, split: str, lower: bool
) -> None:
    from keras.src.legacy.preprocessing.text import text_to_word_sequence

    expected = text_to_word_sequence(phrase, filters=filters, lower=lower, split=split)
    options = TextOptions(9, "keras", lower, filters=filters, split=split)
    tokens = tokenize(phrase, options)
    assert [token.text for token in tokens] == expected
    assert all(0 <= token.start < token.end <= len(phrase) for token in tokens)


@given(
    texts=st.lists(st.text(PRINTED, max_size=20), min_size=1, max_size=4),
    phrase=st.text(PRINTED, max_size=30),
    oov=st.sampled_from([None, "<OOV>"]),
    few=st.none() | st.integers(2, 6),
)
def test_ids_are_those_of_keras_s_tokenizer(
    keras: Any, texts: list[str], phrase: str, oov: str | None, few: int | None
) -> None:
    from keras.src.legacy.preprocessing.text import Tokenizer

    tokenizer = Tokenizer(num_words=few, oov_token=oov)
    tokenizer.fit_on_texts(texts)
    if not any(number < (few or 1 << 30) for number in tokenizer.word_index.values()):
        return
    known = kept(tokenizer.to_json())
    card = known.card
    words = Vocabulary(known.words, normalize=False)
    options = TextOptions(
        9,
        "keras",
        card["lowercase"],
        card["unknown"],
        filters=card["filters"],
        split=card["split"],
        drop_unknown=card["drop_unknown"],
    )
    for text in [*texts, phrase]:
        assert list(encode(text, words, options).ids) == tokenizer.texts_to_sequences([text])[0]
