"""Phrase -> the ids whose timesteps the network computes, as fast as Python can.

`text.py` says where every token stands and what is wrong with it; a prediction only needs the
ids. A phrase of known words with white space between is looked up here word by word; any other
phrase takes the long way and comes to the same ids.
"""

from collections.abc import Mapping

from app.network import Context
from app.text import PADDING_ID, TextOptions, Vocabulary, context, encode, pad, tokenize


class Contexts:
    """Reads one model's phrases. `masked`: the network skips padding, so it is left out."""

    def __init__(
        self, vocabulary: Vocabulary, options: TextOptions, start_id: int | None, masked: bool
    ) -> None:
        self._vocabulary = vocabulary
        self._options = options
        self._start_id = start_id
        self._masked = masked
        self._plain = _plain_words(vocabulary, options)

    def of(self, phrase: str) -> Context:
        """Raises UnknownWords and EmptyPhrase, as `encode` and `pad` do."""
        typed = phrase.lower() if self._options.lowercase else phrase
        try:
            ids = [self._plain[word] for word in typed.split()]
        except KeyError:
            ids = list(encode(phrase, self._vocabulary, self._options).ids)
        if self._start_id is not None or len(ids) > self._options.max_length:
            ids = context(ids, self._start_id, self._options)
        if not ids:
            pad(ids, self._start_id, self._options)  # raises
        return tuple(ids) if self._masked else self._padded(ids)

    def _padded(self, ids: list[int]) -> Context:
        padding = [PADDING_ID] * (self._options.max_length - len(ids))
        return tuple(padding + ids if self._options.padding == "pre" else ids + padding)


def _plain_words(vocabulary: Vocabulary, options: TextOptions) -> Mapping[str, int]:
    """Known words that the tokenizer leaves whole wherever white space surrounds them."""
    marks = [mark for mark in (options.unknown, options.start, options.number) if mark]
    if options.tokenizer == "words" and any(map(_could_be_typed, marks)):
        return {}
    words = [word for word in vocabulary.spellings if word not in marks]
    tokens = {token.start: token for token in tokenize(" ".join(words), options)}
    plain, start = {}, 0
    for word in words:
        token, end = tokens.get(start), start + len(word)
        if token == (word, start, end):
            plain[word] = vocabulary.spellings[word]
        start = end + 1
    return plain


def _could_be_typed(mark: str) -> bool:
    """Whether a mark could be a part of words, or of the white space between them."""
    return mark.isalnum() or mark.split() != [mark]
