"""The notebook's steps from a text to arrays: examples, vocabulary, ids, padding, one-hot labels.

A bag of words cannot tell "this is an" from "an is this". A recurrent network can, because its
hidden layer is a memory; what it learns from is every window of the text and the word after it.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.arrays import Floats, Ids
from app.errors import FieldProblem, InvalidRequest
from app.text.encoding import encode
from app.text.padding import pad
from app.text.tokens import TextOptions, tokenize
from app.text.vocabulary import Vocabulary

TEXT = "This is an example"
WINDOW = 2  # words in an example's phrase
MOST_WORDS = 200


class Examples(NamedTuple):
    """Phrases of a window's words, and the word that follows each."""

    phrases: tuple[str, ...]
    labels: tuple[str, ...]


class Prepared(NamedTuple):
    """Everything up to the network: N examples, T timesteps, V classes."""

    options: TextOptions
    examples: Examples
    vocabulary: Vocabulary
    encoded: tuple[tuple[int, ...], ...]
    padded: Ids  # [N, T]
    labels: Floats  # [N, V]

    @property
    def x(self) -> Floats:
        """(batch, timesteps, features): [N, T, 1]."""
        return self.padded[..., np.newaxis].astype(np.float32)


def prepare(text: str, window: int = WINDOW) -> Prepared:
    """All steps for one text. Raises InvalidRequest for too few words, or too many."""
    options = TextOptions(max_length=window, lowercase=True)
    count = len(tokenize(text, options))
    if count <= window:
        raise _refused(f"at least {window + 1} words are needed: a window, and what follows it")
    if count > MOST_WORDS:
        raise _refused(f"at most {MOST_WORDS} words, not {count}")
    if any(unicodedata.category(c) in ("Cc", "Cs") and not c.isspace() for c in text):
        raise _refused("control characters are no part of a word")
    examples = sliding_window(text, options)
    vocabulary = count_vocabulary(examples)
    encoded = tuple(encode(phrase, vocabulary, options).ids for phrase in examples.phrases)
    padded = np.stack([pad(ids, None, options).ids for ids in encoded])  # [N, T]
    return Prepared(
        options, examples, vocabulary, encoded, padded, one_hot(examples.labels, vocabulary)
    )


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, problems=[FieldProblem("/text", message)])


def sliding_window(text: str, options: TextOptions) -> Examples:
    """["this is" -> "an", "is an" -> "example"]: every window of the text and what follows it."""
    words = [token.text for token in tokenize(text, options)]
    window = options.max_length
    begins = range(len(words) - window)
    return Examples(
        tuple(" ".join(words[at : at + window]) for at in begins),
        tuple(words[at + window] for at in begins),
    )


def count_vocabulary(examples: Examples) -> Vocabulary:
    """Words of all phrases and labels by frequency, ties in order of first appearance, from 1."""
    counts: Counter[str] = Counter()
    for phrase in examples.phrases:
        counts.update(phrase.split())
    counts.update(examples.labels)
    return Vocabulary({word: at for at, (word, _) in enumerate(counts.most_common(), 1)})


def one_hot(labels: Sequence[str], vocabulary: Vocabulary) -> Floats:
    """[N] words -> [N, V], with a 1 in the column of the word's id."""
    ids = [vocabulary.word_to_id[label] for label in labels]
    return np.eye(len(vocabulary) + 1, dtype=np.float32)[ids]
