"""Phrase -> the ids whose timesteps the network computes, as fast as Python can.

`encoding.py` says where every token stands and what is wrong with it; a prediction only needs the
ids. A phrase of known words with white space between is looked up here word by word; any other
phrase takes the long way and comes to the same ids.
"""

from app.arrays import Context
from app.text.encoding import encode
from app.text.padding import context, pad
from app.text.tokens import TextOptions, tokenize
from app.text.vocabulary import PADDING_ID, Vocabulary


class Contexts:
    """Reads one model's phrases. `masked`: the network skips padding, so it is left out."""

    def __init__(
        self, vocabulary: Vocabulary, options: TextOptions, start_id: int | None, masked: bool
    ) -> None:
        self._vocabulary = vocabulary
        self._options = options
        self._start_id = start_id
        self._unpadded = masked or options.padding == "none"
        self._separator = options.split if options.tokenizer == "keras" else None
        self._plain = _PlainWords(vocabulary, options)

    def of(self, phrase: str) -> Context:
        """Raises UnknownWords and EmptyPhrase, as `encode` and `pad` do."""
        typed = phrase.lower() if self._options.lowercase else phrase
        try:
            ids = [self._plain[word] for word in typed.split(self._separator) if word]
        except KeyError:
            ids = list(encode(phrase, self._vocabulary, self._options).ids)
        if self._start_id is not None or len(ids) > self._options.max_length:
            ids = context(ids, self._start_id, self._options)
        if not ids:
            pad(ids, self._start_id, self._options)  # raises
        return tuple(ids) if self._unpadded else self._padded(ids)

    def _padded(self, ids: list[int]) -> Context:
        padding = [PADDING_ID] * (self._options.max_length - len(ids))
        return tuple(padding + ids if self._options.padding == "pre" else ids + padding)


class _PlainWords(dict[str, int]):
    """Known words that the tokenizer leaves whole wherever white space surrounds them, and their
    ids; looked into when they are first met.
    """

    def __init__(self, vocabulary: Vocabulary, options: TextOptions) -> None:
        super().__init__()
        self._spellings = vocabulary.spellings
        self._options = options
        self._marks = [m for m in (options.unknown, options.start, options.number) if m]
        self._none = options.tokenizer == "text_vectorization" or (
            options.tokenizer == "words" and any(map(_could_be_typed, self._marks))
        )

    def __missing__(self, word: str) -> int:
        number = self._spellings.get(word)
        if number is None or self._none or word in self._marks:
            raise KeyError(word)
        if tokenize(word, self._options) != [(word, 0, len(word))]:
            raise KeyError(word)
        self[word] = number
        return number


def _could_be_typed(mark: str) -> bool:
    """Whether a mark could be a part of words, or of the white space between them."""
    return mark.isalnum() or mark.split() != [mark]
