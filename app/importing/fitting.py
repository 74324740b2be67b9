"""The text that a Tokenizer was fitted on -> its words and ids, where the Tokenizer was not kept.

`fit_on_texts` orders words by how often they are, and where that is the same by where they came
first; so the text says the ids again: keras/src/legacy/preprocessing/text.py. Whether it is the
same text is seen by the number of its words, which the network was built for.
"""

from collections import Counter
from pathlib import Path

from app.errors import TokenizerError
from app.folder.files import read_file
from app.importing.kept import Kept
from app.text.keras_words import KERAS_FILTERS, text_to_word_sequence

_LARGEST = 64 << 20  # bytes
_MARK = "\ufeff"  # that a file may begin with, which Python reads as a part of the first word


def fitted(path: Path, oov: str | None, classes: int) -> Kept:
    """What `Tokenizer(oov_token=oov)` makes of a text, as Python reads it from a file.

    Raises TokenizerError where it is not as many words as a network of so many classes has.
    """
    text = _read(path)
    found = [_ordered(one, oov) for one in dict.fromkeys((text, text.removeprefix(_MARK)))]
    for words in found:
        if len(words) + 1 == classes:
            return Kept(words, _card(oov), said=(_said(path, oov),))
    raise TokenizerError(_refusal(path, len(found[0]) + 1, oov, classes))


def _read(path: Path) -> str:
    try:
        text = read_file(path, _LARGEST).decode()
    except OSError as error:
        raise TokenizerError(f"{path.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise TokenizerError(f"{path.name} is not UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _ordered(text: str, oov: str | None) -> dict[str, int]:
    """Words with ids from 1, the most frequent first."""
    cut = text_to_word_sequence(text, KERAS_FILTERS, " ", lower=True)
    counted = Counter(word for word, _, _ in cut).most_common()
    words = [word for word, _ in counted]
    return {word: number for number, word in enumerate(words if oov is None else [oov, *words], 1)}


def _card(oov: str | None) -> dict[str, object]:
    return {
        "tokenizer": "keras",
        "filters": KERAS_FILTERS,
        "split": " ",
        "lowercase": True,
        "unknown": oov,
        "drop_unknown": oov is None,
    }


def _said(path: Path, oov: str | None) -> str:
    made = "Tokenizer()" if oov is None else f"Tokenizer(oov_token={oov!r:.60})"
    return f"{path.name} has as many words as the network has classes for: ids as of {made}"


def _refusal(path: Path, needed: int, oov: str | None, classes: int) -> str:
    why = "it is another text, or was changed before the Tokenizer was fitted on it"
    if oov is None and needed + 1 == classes:
        why = "one more is that of an oov_token, if the Tokenizer had one: --oov '<OOV>'"
    return (
        f"{path.name} has words for {needed} classes, with the padding, and the network has "
        f"{classes}: {why}"
    )
