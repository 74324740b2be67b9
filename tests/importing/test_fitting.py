"""A text in place of its Tokenizer: ids as Keras's own `fit_on_texts` gives them, or a refusal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import TokenizerError
from app.folder.read import load_model
from app.importing.folder import Wanted, import_model
from tests.importing.test_as_people_save_them import randomized
from tests.importing.test_importing import FIXTURES

# Words of equal frequency, in another order than the alphabet's; one that is a mark alone.
TEXT = (
    "\ufeffthe Zebra's cat\tsat, the cat sat -- on a mat;\r\nand the dog\rsat on the CAT's rug!\r\n"
    "\u0130stanbul caf\u00e9 'tis \u00a0 no-break the end\n"
)
PHRASES = ["the cat sat", "Zebra's the end.", "'tis caf\u00e9", "no break, unknown dog", "istanbul"]


def network(keras: Any, classes: int) -> Any:
    L = keras.layers
    answer = L.Dense(classes, activation="softmax")
    return randomized(
        keras.Sequential([keras.Input((4,)), L.Embedding(classes, 3), L.LSTM(5), answer])
    )


@pytest.mark.parametrize("oov", [None, "<OOV>"])
@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_ids_are_those_of_fit_on_texts(
    keras: Any, tmp_path: Path, oov: str | None, marked: bool, at_once: bool
) -> None:
    path = tmp_path / "data.txt"
    path.write_bytes(TEXT.encode() if marked else TEXT.removeprefix("\ufeff").encode())
    with path.open(encoding="utf-8") as file:
        texts = [file.read()] if at_once else file.readlines()
    tokenizer = keras.src.legacy.preprocessing.text.Tokenizer(oov_token=oov)
    tokenizer.fit_on_texts(texts)
    model = network(keras, len(tokenizer.word_index) + 1)
    model.save(tmp_path / "next_word.keras")
    out = tmp_path / "mine"
    done = import_model(tmp_path / "next_word.keras", None, out, Wanted(text=path, oov=oov))
    assert any("as many words as the network has classes for" in line for line in done.taken)
    mine = load_model(out)
    assert dict(mine.vocabulary.word_to_id) == tokenizer.word_index
    for phrase, ids in zip(PHRASES, tokenizer.texts_to_sequences(PHRASES), strict=True):
        assert list(mine.encode(phrase).ids) == ids
        answer = np.asarray(model(keras.utils.pad_sequences([ids], 4)))[0]
        if ids:
            np.testing.assert_allclose(mine.distribution(phrase).probabilities, answer, atol=1e-6)


def test_a_mark_that_was_not_read(keras: Any, tmp_path: Path) -> None:
    """As `encoding="utf-8-sig"` reads it."""
    path = tmp_path / "data.txt"
    path.write_bytes("\ufeffthe cat and the dog".encode())
    network(keras, 5).save(tmp_path / "next_word.keras")
    import_model(tmp_path / "next_word.keras", None, tmp_path / "mine", Wanted(text=path))
    assert [*load_model(tmp_path / "mine").vocabulary.word_to_id] == ["the", "cat", "and", "dog"]


@pytest.mark.parametrize(
    ("content", "wanted", "why"),
    [
        (b"the cat", {}, "words for 3 classes, with the padding, and the network has 65: it is an"),
        (" ".join(f"w{n}" for n in range(63)).encode(), {}, "one more is that of an oov_token"),
        (b"caf\xe9", {}, "data.txt is not UTF-8"),
        (None, {"text": None, "oov": "<OOV>"}, "--oov is for a --text"),
        (None, {}, "data.txt cannot be read: No such file"),
    ],
)
def test_another_text_is_refused(
    tmp_path: Path, content: bytes | None, wanted: dict[str, Any], why: str
) -> None:
    path = tmp_path / "data.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TokenizerError, match=why):
        import_model(
            FIXTURES / "tf-2.15-lstm.h5",
            None,
            tmp_path / "mine",
            Wanted(**{"text": path, **wanted}),
        )
    assert not (tmp_path / "mine").exists()


def test_a_text_and_a_tokenizer(tmp_path: Path) -> None:
    source, tokenizer = FIXTURES / "tf-2.15-lstm.h5", FIXTURES / "tf-2.15-plain-4.pickle"
    with pytest.raises(TokenizerError, match="leave one of them"):
        import_model(source, tokenizer, tmp_path / "mine", Wanted(text=tokenizer))


def test_a_text_named_as_tokenizer_is_told_the_option(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("Alice was beginning\n\nto get very tired\n")
    with pytest.raises(TokenizerError, match="the text that a Tokenizer was fitted on is --text"):
        import_model(
            FIXTURES / "tf-2.15-lstm.h5", tmp_path / "data.txt", tmp_path / "mine", Wanted()
        )


def test_no_words_at_all_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="name the --tokenizer, or the --text that"):
        import_model(FIXTURES / "tf-2.15-lstm.h5", None, tmp_path / "mine", Wanted())
