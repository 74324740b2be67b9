"""Every form that people keep a vocabulary in, and text cut as Keras's own Tokenizer cuts it."""

import gzip
import json
import pickle
import zlib
from collections.abc import Callable
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
        [WORDS],
        {"tokenizer": {"word_index": WORDS}, "max_length": 9},
        json.dumps(WORDS),
        json.dumps(json.dumps(WORDS)),
        {"word_to_ix": WORDS, "ix_to_word": {1: "the", 2: "cat", 3: "sat"}},
        [(1, "the"), (2, "cat"), (3, "sat")],
        {"class_name": "Tokenizer", "config": {"word_index": json.dumps(WORDS)}},
    ],
)
def test_forms_of_one_vocabulary(value: Any) -> None:
    assert kept(value).words == WORDS


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"1": "in", "2": "1984"}, {"in": 1, "1984": 2}),  # id -> word, a word being a number
        ({1: "1984", 2: "in"}, {"1984": 1, "in": 2}),
        ({"in": "1", "1984": "2"}, {"in": 1, "1984": 2}),
        ({"1984": "1", "2": "2"}, {"1984": 1, "2": 2}),  # nothing tells: word -> id
    ],
)
def test_words_that_are_numbers(value: Any, words: dict[str, int]) -> None:
    assert kept(value).words == words


def test_files_of_one_vocabulary(tmp_path: Path) -> None:
    listed = ["", "the", "cat", "sat"]
    (tmp_path / "words.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(listed).encode())
    np.save(tmp_path / "words.npy", np.array(listed))
    (tmp_path / "words.pkl").write_bytes(pickle.dumps(listed))
    (tmp_path / "words.json").write_text(json.dumps(json.dumps(listed)))
    for name in ("words.txt", "words.npy", "words.pkl", "words.json"):
        assert read_tokenizer(tmp_path / name).words == WORDS


@pytest.mark.parametrize(
    "text",
    [
        "the\t1\ncat\t2\nsat\t3\n",
        "the 1\r\ncat 2\r\nsat 3",
        "the,1\ncat,2\nsat,3",
        "1: the\n2: cat\n3: sat",
    ],
)
def test_a_word_and_its_id_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "words.txt").write_text(text)
    assert read_tokenizer(tmp_path / "words.txt").words == WORDS


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "joblib"])
def test_a_compressed_pickle(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "words.pkl"
    path.write_bytes(pack(pickle.dumps(WORDS)))
    assert read_tokenizer(path).words == WORDS
    path.write_bytes(pack(pickle.dumps(WORDS))[:-9])
    with pytest.raises(TokenizerError):
        read_tokenizer(path)
    path.write_bytes(pack(bytes(100 << 20)))
    with pytest.raises(TokenizerError, match="inflates to more than"):
        read_tokenizer(path)


ARRAYS = {
    "a dictionary": np.array(WORDS),
    "words as objects": np.array(["", *WORDS], dtype=object),
    "words": np.array(["", *WORDS]),
    "bytes": np.array([b"", *(word.encode() for word in WORDS)]),
    "the other way round": np.array(["", *WORDS]).astype(">U3"),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_as_numpy_saves_and_pickles_them(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "words.npy", array)
    assert read_tokenizer(tmp_path / "words.npy").words == WORDS
    for protocol in range(pickle.HIGHEST_PROTOCOL):  # the highest keeps arrays in buffers
        (tmp_path / "words.pkl").write_bytes(pickle.dumps(array, protocol))
        assert read_tokenizer(tmp_path / "words.pkl").words == WORDS


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_words_and_ids_that_are_numpy_s_own(tmp_path: Path, protocol: int) -> None:
    words = {np.str_(word): np.int64(number) for word, number in WORDS.items()}
    (tmp_path / "words.pkl").write_bytes(pickle.dumps(words, protocol))
    assert read_tokenizer(tmp_path / "words.pkl").words == WORDS


@pytest.mark.parametrize("name", ["tok.pickle", "tok.sav"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_tokenizer_kept_beside_something_else(
    keras: Any, tmp_path: Path, name: str, protocol: int
) -> None:
    from keras.src.legacy.preprocessing.text import Tokenizer

    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["the the the cat cat sat"])
    for value in (tokenizer, (tokenizer, 9), [9, tokenizer], {"tok": tokenizer, "max_len": 9}):
        if name == "tok.sav" and protocol == 0 and value is not tokenizer:
            continue  # nothing says that such a file is a pickle
        (tmp_path / name).write_bytes(pickle.dumps(value, protocol))
        known = read_tokenizer(tmp_path / name)
        assert (known.words, known.card["tokenizer"]) == (WORDS, "keras")


TOLD = {"word_index": json.dumps(WORDS), "filters": "!", "lower": False, "oov_token": None}
SAID = {"class_name": "Tokenizer", "config": TOLD}


@pytest.mark.parametrize(
    "value",
    [
        {"tokenizer_config": SAID, "sequence_len": 9},
        {"tokenizer_config": TOLD},
        {"tok": json.dumps(SAID), "max_len": 9},
        {"tok": json.dumps(json.dumps(SAID)), "max_len": 9},
        (json.dumps(SAID), 9),
        {"artifacts": {"tokenizer": TOLD, "words": {"the": 9}}},
    ],
)
def test_a_tokenizer_is_found_inside_something_else(value: Any) -> None:
    known = kept(value)
    assert known.words == WORDS
    assert (known.card["filters"], known.card["lowercase"]) == ("!", False)


@pytest.mark.parametrize("dtype", [object, "U"])
def test_a_text_vectorization_kept_as_configuration_and_weights(
    keras: Any, tmp_path: Path, dtype: Any
) -> None:
    """As pickled before Keras 3, whose weights are the words without the two marks."""
    words = ["the", "caf\u00e9", "sat", "dont"]
    layer = keras.layers.TextVectorization(output_sequence_length=4)
    layer.set_vocabulary(words)
    weights = [np.array([one.encode() if dtype is object else one for one in words], dtype)]
    value = {"config": layer.get_config(), "weights": weights}
    (tmp_path / "tv_layer.pkl").write_bytes(pickle.dumps(value))
    known = read_tokenizer(tmp_path / "tv_layer.pkl")
    listed = layer.get_vocabulary()
    assert known.words == {word: listed.index(word) for word in listed if word}
    assert (known.card["tokenizer"], known.card["max_length"]) == ("text_vectorization", 4)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([SAID, TOLD], "several tokenizers"),
        ({"config": {"standardize": "lower"}, "weights": []}, "without its words, which Keras 3"),
        ({"config": {"standardize": "lower"}, "weights": [[b"\xe9"]]}, "not UTF-8"),
        ({"config": {"standardize": "strip", "vocabulary": ["a"]}, "weights": []}, "standardize ="),
        ({}, "no words"),
        ([], "no words"),
        ({"a": 1.5}, "no word with its id"),
        ({"a": True}, "no word with its id"),
        (["a", "a"], "twice"),
        ({1: "a", 2: "a"}, "twice"),
        ("not JSON", "not JSON"),
        (3, "no tokenizer"),
        ({"filters": "", "char_level": True, "word_index": WORDS}, "char_level: its ids are of"),
        ({"filters": "", "split": "", "word_index": WORDS}, "split"),
    ],
)
def test_what_is_no_vocabulary_is_refused(value: Any, why: str) -> None:
    with pytest.raises(TokenizerError, match=why):
        kept(value)


def test_objects_in_an_array_are_words_or_refused(tmp_path: Path) -> None:
    for array in (np.array(["a", None], dtype=object), np.array([[1, 2]], dtype=object)):
        np.save(tmp_path / "words.npy", array)
        with pytest.raises(TokenizerError, match=r"no text|several dimensions"):
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
    # A word with a control character in it is refused.
    filters=st.sampled_from([KERAS_FILTERS, "\t\n", "!?\t\n", "a \t\n"]),
    split=st.sampled_from([" ", ",", "ab"]),
    lower=st.booleans(),
)
def test_ids_are_those_of_keras_s_tokenizer(
    keras: Any,
    texts: list[str],
    phrase: str,
    oov: str | None,
    few: int | None,
    filters: str,
    split: str,
    lower: bool,
) -> None:
    from keras.src.legacy.preprocessing.text import Tokenizer

    options_of_keras = {"filters": filters, "split": split, "lower": lower}
    tokenizer = Tokenizer(num_words=few, oov_token=oov, **options_of_keras)
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
