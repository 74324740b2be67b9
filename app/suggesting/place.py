"""What is asked, and what is known where the typist stands. Shapes: V words."""

from typing import NamedTuple

from app.arrays import Floats, Mask
from app.suggesting.recent import RecentWords
from app.suggesting.sentence import Sentence
from app.text.casing import SHOUTED, SHOUTED_WORDS
from app.text.typed import Typed


class Asked(NamedTuple):
    """One call: `text` is everything before the cursor; docs/http.md tells the rest. A tuple, which
    is made and hashed for every letter.
    """

    text: str
    count: int = 3  # type: ignore[assignment] # the method of tuples
    words: int = 1
    min_probability: float = 0.1
    exclude: tuple[str, ...] = ()
    fresh: bool = False
    recent: str = ""

    @property
    def excluded(self) -> frozenset[str]:
        """What is left out, in lower case, as it is typed or as it was answered."""
        return frozenset(word.strip().lower() for word in self.exclude)


class Place(NamedTuple):
    """What is known where the typist stands."""

    asked: Asked
    typed: Typed
    sentence: Sentence
    likely: Floats  # [V] what comes next, by all that is known of the person too
    allowed: Mask  # [V] what may be suggested
    plain: bool  # whether both are the model's own
    recent: RecentWords | None
    shown: set[str]  # before, and left

    @property
    def shouted(self) -> bool:
        """Whether all is in capitals, the half-typed word too: "THE B"."""
        letters = self.sentence.shouted
        if not letters:  # nearly always
            return False
        word = self.typed.word
        if letters >= SHOUTED_WORDS:
            return True
        return letters + (len(word) if word.isupper() else 0) >= SHOUTED

    @property
    def named(self) -> bool:
        """Whether the half-typed word has a capital that only a name has there."""
        return self.typed.named and not self.shouted
