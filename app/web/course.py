"""What the live notebook shows of a training: plain values for its template, no HTML."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np

from app.engines.numpy_engine import NumpyEngine
from app.inspection import explain
from app.model import Model
from app.notebook.answer import Epoch, Guess, NotebookAnswer, network_of
from app.notebook.steps import TEXT
from app.pictures.curve import loss_curve
from app.pictures.svg import Picture, number
from app.pictures.unrolled import unrolled
from app.text.tokens import TextOptions
from app.text.vocabulary import Vocabulary

_MOST_SHOWN = 8  # examples in a table
_MOST_NUMBERS = 20_000  # of the history that a page carries
_MOST_CHOICES = 6
_LONGER = 1500


@dataclass(frozen=True, slots=True)
class Course:
    """A notebook's answer, and what the tour makes of it."""

    answer: NotebookAnswer

    @property
    def shown(self) -> int:
        """Examples that are listed."""
        return min(_MOST_SHOWN, len(self.answer.examples))

    @property
    def classes(self) -> int:
        """Words and the padding."""
        return len(self.answer.word_to_int) + 1

    @property
    def first(self) -> str:
        """The first words of the text."""
        return " ".join(self.answer.text.lower().split()[:3])

    @property
    def reversed(self) -> str:
        """The same, the other way round."""
        return " ".join(reversed(self.first.split()))

    @property
    def bag(self) -> dict[str, int]:
        """Their bag of words."""
        return dict(Counter(self.first.split()))

    @property
    def curve(self) -> Picture:
        """The loss while training."""
        history = self.answer.history
        epochs, losses = [one.epoch for one in history], [one.loss for one in history]
        return loss_curve(epochs, losses, name="curve")

    @property
    def untrained(self) -> Picture:
        """The first example through the network as it began, whose answer gives nothing away."""
        asked = self.answer
        options = TextOptions(max_length=asked.window, lowercase=True)
        network = network_of(asked.history[0].weights, asked.window)
        words = Vocabulary(asked.word_to_int, lowercase=True)
        model = Model("notebook", words, options, {}, NumpyEngine(network), "")
        explained = explain(model, asked.examples[0].phrase, 3)
        return unrolled(explained, network, columns=2, name="untrained")

    @property
    def losses(self) -> Sequence[Epoch]:
        """The curve as a table: epochs evenly spread."""
        every = self.answer.history
        return [every[i] for i in np.linspace(0, len(every) - 1, min(6, len(every))).astype(int)]

    @property
    def history(self) -> Sequence[Epoch]:
        """Epochs for the slider: fewer of a larger network."""
        most = max(2, _MOST_NUMBERS // self.answer.parameters)
        every = self.answer.history
        if len(every) <= most:
            return every
        return [every[i] for i in np.linspace(0, len(every) - 1, most).round().astype(int)]

    @property
    def data(self) -> dict[str, Any]:
        """What the slider needs to compute every answer at every epoch."""
        words = ["padding", *self.answer.word_to_int]
        return {
            "words": words,
            "ids": [list(one.ids) for one in self.answer.predictions[: self.shown]],
            "history": [
                {
                    "epoch": one.epoch,
                    "loss": one.loss,
                    "weights": {name: _rounded(array) for name, array in one.weights.items()},
                }
                for one in self.history
            ],
        }

    @property
    def weights(self) -> list[tuple[str, str]]:
        """Every weight, its numbers in a line."""
        return [(name, numbers(array)) for name, array in self.answer.weights.items()]

    @property
    def classic(self) -> bool:
        """Whether this is the notebook's own network, whose quirk is worth a word."""
        asked = self.answer
        return (asked.text, asked.window, asked.units, asked.seed) == (TEXT, 2, 1, 56)

    @property
    def right(self) -> bool:
        """Whether every example is answered as the text goes on."""
        return all(one.next_word == one.label for one in self.answer.predictions)

    @property
    def guessed(self) -> Guess:
        """The example to guess: the last one listed, which a short training gets wrong."""
        return self.answer.predictions[self.shown - 1]

    @property
    def choices(self) -> list[str]:
        """Words to guess from, the answer and the label among them, in the order of their ids."""
        known = list(self.answer.word_to_int)
        needed = {self.guessed.label, self.guessed.next_word}
        others = [word for word in known if word not in needed][: _MOST_CHOICES - len(needed)]
        return [word for word in known if word in needed or word in others]

    @property
    def query(self) -> str:
        """The same notebook again, as a query string."""
        return self._query(self.answer.epochs)

    @property
    def longer(self) -> str:
        """The same with more epochs."""
        return self._query(_LONGER)

    def _query(self, epochs: int) -> str:
        asked = self.answer
        return urlencode(
            {
                "text": asked.text,
                "window": asked.window,
                "units": asked.units,
                "epochs": epochs,
                "seed": asked.seed,
            }
        )

    def hot(self, example: int) -> str:
        """A one-hot row; a long one by its column."""
        row = self.answer.one_hot_labels[example]
        if len(row) <= 16:
            return " ".join(map(str, row))
        return f"{len(row)} zeros but a 1 in column {int(row.argmax())}"

    def state(self, example: int) -> str:
        """The last hidden state of an example."""
        return numbers(self.answer.predictions[example].by_hand.timesteps[-1].hidden_state, 4)


def numbers(array: Any, digits: int = 4) -> str:
    """The numbers of an array in a line; of many, the first."""
    flat = array.ravel()
    shown = "  ".join(number(value, digits) for value in flat[:24])
    return shown if flat.size <= 24 else f"{shown} … {flat.size} in all"


def _rounded(array: Any) -> Any:
    return np.vectorize(lambda value: float(f"{value:.7g}"))(array.astype(np.float64)).tolist()
