"""Words drawn for a place of the text, against Kneser-Ney counted out by hand."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from app.training.text.batches import Batches, Drawing, RunningBatches, SentenceBatches
from app.training.text.smoothing import Smoothing
from tests.training.small_runs import encoded

MARK, BEFORE = 1, 0
_ORDER = 3


def _text(rng: np.random.Generator) -> list[list[int]]:
    """Lines in which what comes next depends on the two words before."""
    lines = []
    for _ in range(80):
        line = [int(rng.integers(2, 30))]
        while rng.random() < 0.8:
            line.append(2 + (line[-1] * 3 + int(4 * rng.random() ** 3)) % 28)
        lines.append(line)
    return lines


def _ngrams(lines: list[list[int]]) -> list[tuple[int, ...]]:
    """Every place's words, the one that stands there last."""
    found = []
    for line in lines:
        whole = [*[BEFORE] * (_ORDER - 2), MARK, *line, MARK]
        found += [tuple(whole[at - _ORDER + 1 : at + 1]) for at in range(_ORDER - 1, len(whole))]
    return found


def _discounts(counts: Counter[tuple[int, ...]]) -> list[float]:
    n1, n2, n3, n4 = (max(1, sum(c == n for c in counts.values())) for n in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    found = [0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return [min(max(discount, 0), most) for most, discount in enumerate(found)]


def _counts(ngrams: list[tuple[int, ...]]) -> list[Counter[tuple[int, ...]]]:
    """By order, longest first: of all n-grams, then of the different ones of the order before."""
    orders = [Counter(ngrams)]
    for _ in range(_ORDER - 1):
        orders.append(Counter(ngram[1:] for ngram in orders[-1]))
    return orders


def _distribution(ngrams: list[tuple[int, ...]], place: int) -> dict[int, float]:
    """P(word) at a place, by definition. Discounts are the whole text's, and so is what is counted
    after no word at all.
    """
    whole = _counts(ngrams)
    discounts = [_discounts(counts) for counts in whole]
    rest = [*_counts(ngrams[:place] + ngrams[place + 1 :])[:-1], whole[-1]]
    probabilities: dict[int, float] = defaultdict(float)
    left = 1.0
    for number, (counts, discount) in enumerate(zip(rest, discounts, strict=True)):
        context = ngrams[place][number:-1]
        after = {ngram[-1]: n for ngram, n in counts.items() if ngram[:-1] == context}
        total = sum(after.values())
        if not total:
            continue
        last = number == _ORDER - 1
        for word, n in after.items():
            kept = n - (0 if last else discount[min(n, 3)])
            probabilities[word] += left * kept / total
        left *= sum(discount[min(n, 3)] for n in after.values()) / total
    return probabilities


@pytest.mark.parametrize("places", [range(12), range(100, 112)])
def test_drawn_as_kneser_ney_counts_without_the_place_itself(places: range) -> None:
    lines = _text(np.random.default_rng(3))
    halves = [encoded(lines[:25]), encoded(lines[25:])]
    smoothing = Smoothing(halves, MARK, _ORDER)
    ngrams = _ngrams(lines)
    assert [ngram[-1] for ngram in ngrams] == smoothing.words.tolist()
    n = 40_000
    drawn = smoothing.draw(np.array(places), n, np.random.default_rng(5))
    for place, words in zip(places, drawn, strict=True):
        expected = _distribution(ngrams, place)
        assert sum(expected.values()) == pytest.approx(1.0)
        assert set(words.tolist()) <= set(expected)
        for word, probability in expected.items():
            deviation = np.sqrt(probability * (1 - probability) / n)
            assert np.mean(words == word) == pytest.approx(probability, abs=5 * deviation + 1e-9)


def test_a_word_that_stands_nowhere_else_is_hardly_drawn_for_its_own_place() -> None:
    lines = [[2, 3, 4], [2, 3, 5], [2, 3, 5], [6, 3, 2]]
    smoothing = Smoothing([encoded(lines)], MARK)
    place = 2
    assert smoothing.words[place] == 4
    drawn = smoothing.draw(np.array([place]), 2_000, np.random.default_rng(0))
    assert np.mean(drawn == 4) < 0.1  # after nothing at all it still has its one vote
    assert np.mean(drawn == 5) > 0.3


def test_without_marks_lines_begin_after_nothing() -> None:
    lines = [[2, 3], [4, 5], [2, 3], [4, 5]]
    smoothing = Smoothing([encoded(lines)], None)
    assert smoothing.words.tolist() == [2, 3, 4, 5, 2, 3, 4, 5]
    drawn = smoothing.draw(np.arange(8), 500, np.random.default_rng(0))
    assert np.mean(drawn[1] == 3) > 0.5  # after 2, whatever the line before
    assert np.mean(drawn[2] == 4) == pytest.approx(np.mean(drawn[2] == 2), abs=0.3)


@pytest.mark.parametrize("mark", [MARK, None])
@pytest.mark.parametrize("running", [False, True])
def test_words_are_drawn_for_the_places_a_batch_predicts(running: bool, mark: int | None) -> None:
    words = iter(range(2, 1_000))
    lines = [[next(words) for _ in range(length)] for length in (3, 7, 2, 5, 9)]
    # Every word stands after its own words only, twenty times: others are drawn for its place where
    # the discounts are.
    texts = [encoded(lines * 20), encoded(lines[::-1])]
    drawing = Drawing(Smoothing(texts, mark), words=16, share=0.3)
    batches: Batches
    if running:
        batches = RunningBatches(texts[0], 4, 6, mark, 0, drawing)
    else:
        batches = SentenceBatches([(text, 1.0) for text in texts], 60, mark, 0, drawing)
    seen = 0
    for batch in batches.epoch(0):
        assert batch.drawn is not None
        assert batch.drawn.share == 0.3
        assert batch.drawn.ids.shape == (*batch.ids.shape, 16)
        within = batch.mask & (batch.ids > MARK) & (batch.targets > MARK)
        within &= batch.targets == batch.ids + 1  # not from one line to the next
        same = batch.drawn.ids[within] == batch.targets[within][:, None]
        assert same.mean() > 0.5
        seen += int(within.sum())
    assert seen > 400
