"""How words are written and spelled, for a model that learns them in lower case.

From files of their own: word forms as they stand inside sentences, with counts (`Monday` 985,
`monday` 94), and lists of words in their case, one a line (Debian's packages `wamerican` and
`wbritish` have such). They know what is a name; where a word is both ("may", "china"), or in no
list, the forms decide, and in doubt it stays in lower case. None of it goes into the model.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.training.text.corpus import read_lines

_FEW = 5  # forms of an unlisted word that say too little
_OFTEN = 0.5  # of an unlisted word's forms: a name
_SELDOM = 0.05, 20  # of at least as many forms of a listed name: no longer one ("pm")
_SLIP = 20  # times as frequent as what is probably a slip of it
_SHORTEST_SLIP = 4  # letters
_LETTERS = "abcdefghijklmnopqrstuvwxyz'"


@dataclass(frozen=True)
class Writing:
    """`forms` by their lower case, with counts; `listed` words in their case, by their lower."""

    forms: Mapping[str, Counter[str]]
    listed: Mapping[str, set[str]]

    @classmethod
    def read(cls, forms: Path | None, lists: Sequence[Path]) -> "Writing":
        """Raises CorpusError where a file is missing or no text."""
        counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for line in read_lines(forms) if forms else ():
            form, _, times = line.partition("\t")
            counted[form.lower()][form] += int(times or 1)
        listed: defaultdict[str, set[str]] = defaultdict(set)
        for path in lists:
            for word in read_lines(path):
                listed[word.lower()].add(word)
        return cls(dict(counted), dict(listed))

    def shown_as(self, words: Iterable[str]) -> dict[str, str]:
        """The words that are written with capitals, and how."""
        shown = {word: self._written(word) for word in words}
        return {word: form for word, form in shown.items() if form != word}

    def _written(self, word: str) -> str:
        base = word.removesuffix("'s")
        if base != word:  # the lists have those of verbs too: "peter's"
            name = self._written(base)
            if name != base or word not in self.listed:
                return name + "'s"
        forms = self.forms.get(word, Counter[str]())
        cased = [form for form, _ in forms.most_common() if form != word]
        share = 1 - forms[word] / forms.total() if forms else 0.0
        listed = self.listed.get(word, set())
        if word in listed:
            return word
        if listed:
            least, times = _SELDOM
            if forms.total() >= times and share < least:
                return word
            return next((form for form in cased if form in listed), min(listed))
        return cased[0] if forms.total() >= _FEW and share >= _OFTEN else word

    def slips(self, counts: Mapping[str, int]) -> list[str]:
        """Words in no list, and no names, that one letter parts from a far more frequent listed
        one: "becuase".
        """
        if not self.listed:
            return []
        return [
            word
            for word, times in counts.items()
            if len(word) >= _SHORTEST_SLIP
            and word.removesuffix("'s") not in self.listed
            and self._written(word) == word
            and any(
                near in self.listed and counts.get(near, 0) >= _SLIP * times
                for near in _one_apart(word)
            )
        ]


def _one_apart(word: str) -> set[str]:
    """What one letter more, fewer, another or two exchanged make of a word."""
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    fewer = {left + right[1:] for left, right in cuts if right}
    exchanged = {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    other = {left + letter + right[1:] for left, right in cuts if right for letter in _LETTERS}
    more = {left + letter + right for left, right in cuts for letter in _LETTERS}
    return (fewer | exchanged | other | more) - {word}
