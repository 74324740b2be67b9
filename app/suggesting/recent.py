"""The words that a person wrote before, and how often; nothing is kept of them."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass

from app.text.tokens import AS_TYPEWRITTEN, TYPEWRITTEN_WORD, without_accents


@dataclass(frozen=True, slots=True)
class RecentWords:
    """Each word's share of them, by its spelling in lower case; and how it was written most."""

    shares: dict[str, float]
    written: dict[str, str]
    spellings: tuple[tuple[str, str], ...] = ()  # with and without accents, and the words

    def __bool__(self) -> bool:
        return bool(self.shares)

    @classmethod
    def of(cls, text: str) -> "RecentWords":
        """Count the words of a text."""
        forms = Counter(TYPEWRITTEN_WORD.findall(text.translate(AS_TYPEWRITTEN)))
        counts: Counter[str] = Counter()
        written: dict[str, str] = {}
        for form, times in forms.most_common():
            counts[form.lower()] += times
            written.setdefault(form.lower(), form)
        total = counts.total()
        shares = {word: times / total for word, times in counts.items()}
        plain = {(word if word.isascii() else without_accents(word), word) for word in shares}
        return cls(shares, written, tuple(sorted(plain.union(zip(shares, shares, strict=True)))))

    def beginning_with(self, typed: str) -> list[tuple[str, float]]:
        """Words as they were written, and their shares."""
        begun = typed.translate(AS_TYPEWRITTEN).lower()
        first = bisect_left(self.spellings, (begun,))
        last = bisect_left(self.spellings, (begun + "\U0010ffff",))
        words = dict.fromkeys(word for _, word in self.spellings[first:last])
        return [(self.written[word], self.shares[word]) for word in words]
