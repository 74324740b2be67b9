"""An interpolated, modified Kneser-Ney n-gram model: what a network has to beat on the same text.

    python -m benchmarks.kneser_ney RECIPE --data FOLDER [--order 5] [--test FILE ...]

Chen and Goodman 1999: three discounts an order, from the counts of counts; the highest order
counts occurrences, lower ones count the different words in front. Sentences are padded in front
with start marks, so that their beginnings are n-grams of the highest order.

An n-gram is a pair (context, word); a context of j words is a number, given by the pair (its first
word, the context of the j - 1 words after it). All counting is sorting of such pairs.
"""

import argparse
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.text.vocabulary import Vocabulary
from app.training.config import TrainConfig
from app.training.text.corpus import (
    build_vocabulary,
    count_words,
    read_lines,
    tokens_of,
    training_lines,
)
from app.training.text.smoothing import discounts

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]

_START = 0  # in front of a sentence, never predicted; padding's id, which no word has


@dataclass(frozen=True)
class Order:
    """One order's smoothed counts, by context: words[begins[c]:begins[c + 1]] were seen after c."""

    keys: Int64s  # ascending; (first word, shorter context) of context number c
    begins: Int64s
    words: Int64s
    probabilities: Float64s  # (count - discount) / total
    remaining: Float64s  # by context: the share left to the next lower order


class KneserNey:
    """P(word | up to order - 1 words before it), over `classes` ids."""

    def __init__(self, sentences: Sequence[Sequence[int]], classes: int, order: int = 5) -> None:
        self.classes = classes
        self.width = classes + 1
        targets, before = windows(sentences, order)
        contexts = [np.zeros(len(targets), np.int64)]  # by number of words
        keys = [np.zeros(1, np.int64)]
        for words in range(1, order):
            found = before[:, -words] * (len(targets) + 1) + contexts[-1]
            unique, numbers = np.unique(found, return_inverse=True)
            keys.append(unique)
            contexts.append(numbers)
        self.scale = len(targets) + 1
        self.orders: list[Order] = []
        # The different (context, word) pairs of an order are what the order below counts.
        some: Int64s = np.arange(len(targets))
        for words in reversed(range(order)):
            pairs = contexts[words][some] * self.width + targets[some]
            unique, first, counts = np.unique(pairs, return_index=True, return_counts=True)
            self.orders.append(self._smoothed(keys[words], unique, counts))
            some = some[first]
        self.orders.reverse()

    def _smoothed(self, keys: Int64s, pairs: Int64s, counts: Int64s) -> Order:
        taken = discounts(counts)[np.minimum(counts, 3)]
        contexts, words = np.divmod(pairs, self.width)
        totals = np.bincount(contexts, counts, len(keys))
        begins = np.searchsorted(contexts, np.arange(len(keys) + 1))
        probabilities = (counts - taken) / totals[contexts]
        remaining = np.bincount(contexts, taken, len(keys)) / totals
        return Order(keys, begins, words, probabilities, remaining)

    def distribution(self, before: Sequence[int]) -> Float64s:
        """[classes + 1], by id; of `before` the last order - 1 words count."""
        probabilities = np.full(self.width, 1.0 / self.classes)
        probabilities[_START] = 0.0
        context = 0
        for words, order in enumerate(self.orders):
            if words:
                key = before[-words] * self.scale + context
                context = int(np.searchsorted(order.keys, key))
                if context == len(order.keys) or order.keys[context] != key:
                    break
            part = slice(order.begins[context], order.begins[context + 1])
            probabilities *= order.remaining[context]
            probabilities[order.words[part]] += order.probabilities[part]
        return probabilities


def windows(sentences: Sequence[Sequence[int]], order: int) -> tuple[Int64s, Int64s]:
    """Every word of every sentence [N], and the order - 1 words before each [N, order - 1]."""
    lead = [_START] * (order - 1)
    stream = np.concatenate([np.array([*lead, *one], np.int64) for one in sentences])
    targets = np.flatnonzero(stream != _START)
    return stream[targets], stream[targets[:, None] + np.arange(1 - order, 0)]


@dataclass(frozen=True)
class Score:
    """As `unrolled evaluate` counts: the end mark has its perplexity and is no target."""

    perplexity: float
    top_1: float
    top_3: float


def score(model: KneserNey, sentences: Sequence[Sequence[int]], never: Iterable[int]) -> Score:
    """Perplexity and accuracy; the ids in `never` are not suggested, and always missed."""
    never = set(never)
    hidden = sorted(never)
    nats, predicted, words, hits_1, hits_3 = 0.0, 0, 0, 0, 0
    lead = [_START] * (len(model.orders) - 1)
    for sentence in sentences:
        whole = [*lead, *sentence]
        for at in range(len(lead), len(whole)):
            probabilities = model.distribution(whole[:at])
            nats -= math.log(probabilities[whole[at]])
            predicted += 1
            if at == len(whole) - 1:
                continue
            words += 1
            if whole[at] not in never:
                probabilities[hidden] = 0.0
                better = int((probabilities > probabilities[whole[at]]).sum())
                hits_1, hits_3 = hits_1 + (better < 1), hits_3 + (better < 3)
    return Score(math.exp(nats / predicted), hits_1 / words, hits_3 / words)


def read(lines: Iterable[str], vocabulary: Vocabulary, config: TrainConfig) -> list[list[int]]:
    """Every line's ids, an end mark behind; unknown words are the unknown word."""
    unknown = vocabulary.id_of(config.unknown or "")
    end = vocabulary.id_of(config.start or "")
    if unknown is None or end is None:
        raise SystemExit("the recipe needs an unknown word and a start mark")
    found = (
        [vocabulary.id_of(token) or unknown for token in tokens_of(line, config)] for line in lines
    )
    return [[*ids, end] for ids in found if ids]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--test", type=Path, nargs="*", help="default: the recipe's validation")
    arguments = parser.parse_args()
    config = TrainConfig.from_recipe(arguments.recipe, arguments.data)
    vocabulary = build_vocabulary(count_words(config), config)
    text: list[list[int]] = []
    for source in config.sources:
        text += read(training_lines(source.path, config), vocabulary, config)
    model = KneserNey(text, len(vocabulary), arguments.order)
    marks = (config.unknown, config.start, config.number)
    never = [n for mark in marks if mark and (n := vocabulary.id_of(mark)) is not None]
    tests = arguments.test or list(config.validation)
    parts = {path.name: read(read_lines(path), vocabulary, config) for path in tests}
    if len(parts) > 1:
        parts["all"] = [sentence for part in parts.values() for sentence in part]
    print(f"Kneser-Ney {arguments.order}-gram, {sum(map(len, text)):,} words of training text\n")
    print("| text | perplexity | top-1 | top-3 |\n|---|---|---|---|")
    for name, sentences in parts.items():
        found = score(model, sentences, never)
        print(f"| {name} | {found.perplexity:.2f} | {found.top_1:.1%} | {found.top_3:.1%} |")


if __name__ == "__main__":
    main()
