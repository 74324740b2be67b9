"""Ids -> text as people write it, word by word: the other way of `encoding.py`.

Words are joined by spaces, a sentence ends with a full stop, and the word after it has a capital
where the model reads lower-case words. Stop strings are looked for here too, in what was written.
"""

from collections.abc import Sequence

from app.text.encoding import Encoded, encode
from app.text.tokens import TextOptions
from app.text.vocabulary import Vocabulary

SENTENCE_END = "."
_ENDS = ".!?…"


def encode_text(text: str, vocabulary: Vocabulary, options: TextOptions) -> Encoded:
    """Encode a text that others will go on with: a full stop at its very end ends its sentence.

    Raises UnknownWords, as `encode` does.
    """
    return encode(f"{text} " if text.endswith(tuple(_ENDS)) else text, vocabulary, options)


class Writer:
    """Writes one text on. `text` is what stands there already, `ids` the words it was read as."""

    def __init__(
        self, vocabulary: Vocabulary, options: TextOptions, text: str = "", ids: Sequence[int] = ()
    ) -> None:
        self._words = vocabulary.words
        self._start = vocabulary.id_of(options.start)
        self._capitals = options.lowercase and self._start is not None
        self._begins = not ids or ids[-1] == self._start  # whether a sentence begins here
        self._joint = "" if not text or text[-1].isspace() else " "
        self.length = len(text)

    def seen(self, number: int) -> str | None:
        """What this word would look like if it came next; None for a class without a word."""
        word = self._words[number]
        if word is None:
            return None
        if number == self._start:
            return SENTENCE_END if self.length else ""
        if self._begins and self._capitals:
            word = word[0].upper() + word[1:]
        return self._joint + word

    def write(self, number: int) -> str:
        """Write a word: its characters, with the space in front of it."""
        piece = self.seen(number) or ""
        self._begins = number == self._start
        self.length += len(piece)
        self._joint = " " if self.length else ""
        return piece


class Stops:
    """Finds strings where a text is to stop, while it is being written."""

    def __init__(self, strings: Sequence[str]) -> None:
        self._strings = strings

    def found(self, text: str) -> int | None:
        """Where the first of them begins in `text`."""
        places = [at for string in self._strings if (at := text.find(string)) >= 0]
        return min(places, default=None)

    def begun(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of one of them."""
        return max((_overlap(text, string) for string in self._strings), default=0)


def _overlap(text: str, string: str) -> int:
    for length in range(min(len(text), len(string) - 1), 0, -1):
        if text.endswith(string[:length]):
            return length
    return 0
