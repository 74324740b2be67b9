"""Groups of words that a text always ends the same way, and what a run makes of them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.errors import CorpusError
from app.folder.read import load_model
from app.training.continuation import continued
from app.training.fit import shape_of
from app.training.network.bptt import Unrolled
from app.training.run import train
from app.training.text.batches import Drawing, Repeated, SentenceBatches
from app.training.text.collocations import Collocations
from app.training.text.corpus import encode_file, training_lines
from app.training.text.smoothing import Smoothing
from tests.training.small_runs import configured, encoded, nothing

MARK, UNKNOWN = 1, 2


def _text(rng: np.random.Generator) -> list[list[int]]:
    """Lines in which most words are told by the word before them, or by two."""
    lines = []
    for _ in range(1_500):
        line = [int(rng.integers(2, 32))]
        while rng.random() < 0.8:
            told = (7 * line[-1] + (line[-2] if line[-1] % 3 and len(line) > 1 else 0)) % 30
            line.append(2 + (told if rng.random() < 0.9 else int(rng.integers(30))))
        lines.append(line)
    return lines


def _groups(found: Collocations) -> list[tuple[int, ...]]:
    return [tuple(group.tolist()) for group in found.groups]


def _by_definition(lines: list[list[int]]) -> set[tuple[int, ...]]:
    """Counted group by group; a mark ends a line, and can be the word after."""
    counts: Counter[tuple[int, ...]] = Counter()
    for line in lines:
        whole = [MARK, *line, MARK]
        for n in range(1, 6):
            counts.update(tuple(whole[at : at + n]) for at in range(len(whole) - n + 1))
    followed: Counter[tuple[int, ...]] = Counter()
    for group, n in counts.items():
        followed[group[:-1]] += n
    followed[()] = counts[(MARK,)] // 2 + sum(map(len, lines))  # no mark in front is a place

    def share(group: tuple[int, ...]) -> float:
        return counts[group] / followed[group[:-1]]

    return {
        group
        for group, n in counts.items()
        if 2 <= len(group) <= 5
        and n >= 4
        and share(group) >= 0.6
        and share(group[1:]) < 0.3
        and not {MARK, UNKNOWN} & set(group)
    }


def test_found_as_counted_by_hand() -> None:
    lines = _text(np.random.default_rng(4))
    found = Collocations.of(Smoothing([encoded(lines[:100]), encoded(lines[100:])], MARK), [1, 2])
    expected = _by_definition(lines)
    assert len(expected) > 20
    assert {len(group) for group in expected} >= {2, 3}
    assert sorted(_groups(found)) == sorted(expected)


def test_a_group_is_where_it_says() -> None:
    smoothing = Smoothing([encoded(_text(np.random.default_rng(4)))], MARK)
    found = Collocations.of(smoothing, [MARK])
    for group, begin in zip(_groups(found), found.begins, strict=True):
        assert tuple(smoothing.words[begin : begin + len(group)].tolist()) == group


def test_of_what_is_repeated_only_the_last_word_is_predicted() -> None:
    lines = [[3, 4, 5], [6, 7], [3, 4, 5, 8], [9, 3, 4]]
    text = encoded(lines * 10)
    smoothing = Smoothing([text], MARK)
    groups, begins = encoded([[4, 5], [3, 4, 5]]), np.array([1, 0])
    batches = SentenceBatches(
        [(text, 1.0)], 30, MARK, 0, Drawing(smoothing, 4, 0.5), Repeated(groups, begins, 3.0)
    )
    met: Counter[tuple[int, ...]] = Counter()
    others = []  # that are drawn for the last words
    for batch in batches.epoch(0):
        assert batch.drawn is not None
        for ids, targets, mask, drawn in zip(
            batch.ids.T, batch.targets.T, batch.mask.T, batch.drawn.ids.swapaxes(0, 1), strict=True
        ):
            line = tuple(targets[targets > MARK].tolist())
            met[line] += 1
            if list(line) in lines and mask.sum() > 1:
                assert mask.sum() == len(line) + 1
                continue
            assert np.flatnonzero(mask).tolist() == [len(line) - 1]
            assert ids[: len(line)].tolist() == [MARK, *line[:-1]]
            assert (drawn[len(line) - 1] > 0).all()
            others += drawn[len(line) - 1].tolist()
    assert met == {(3, 4, 5): 13, (4, 5): 3, (6, 7): 10, (3, 4, 5, 8): 10, (9, 3, 4): 10}
    assert len(others) == 6 * 4
    assert others.count(5) > 12  # what the text has after "3 4" at the start of a line


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ "red new year" four times, among many other things that are new, and red."""
    lines = [f"a new thing{n % 40} came" for n in range(400)]
    lines += [f"one red thing{n % 40} went" for n in range(200)]
    lines += ["red new year"] * 4
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("\n".join(lines))
    return path


def test_unsaid_is_what_the_service_would_not_put_first(corpus: Path, tmp_path: Path) -> None:
    config = configured(corpus, epochs=4)
    train(config, tmp_path / "first", nothing)
    model, known = load_model(tmp_path / "first"), continued(tmp_path / "first", config)
    start = model.vocabulary.word_to_id["</s>"]
    text = encode_file(training_lines(corpus, config), known.vocabulary, config, tmp_path / "ids")
    found = Collocations.of(Smoothing([text], start), [start])
    words = [[str(model.vocabulary.words[one]) for one in group] for group in _groups(found)]
    expected = [
        model.vocabulary.words[model.outputs(" ".join(group[:-1])).logits.argmax()] != group[-1]
        for group in words
    ]
    shape = shape_of(known.config, len(known.vocabulary) + 1)
    unsaid = found.unsaid(Unrolled(shape, known.parameters), start)
    assert 0 < sum(expected) < len(expected)
    kept = [group for group, said_not in zip(_groups(found), expected, strict=True) if said_not]
    assert _groups(unsaid) == kept


def test_what_the_text_says_four_times_is_learnt(corpus: Path, tmp_path: Path) -> None:
    """Going on with the collocations that the model does not say, and without."""
    train(configured(corpus, epochs=4), tmp_path / "first", nothing)
    again = configured(corpus, initial=tmp_path / "first", epochs=15)
    said = []
    for times in (0.0, 40.0):
        out = tmp_path / f"times-{times:g}"
        train(replace(again, collocations=times), out, nothing)
        model = load_model(out)
        year = model.vocabulary.word_to_id["year"]
        said.append(model.distribution("red new").probabilities[year])
    assert said[0] < 0.2
    assert said[1] > 0.5


@pytest.mark.parametrize("changes", [{"start": None}, {"context": "running"}])
def test_without_a_start_there_is_nothing_to_repeat(
    corpus: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(CorpusError, match="start of a sentence"):
        train(configured(corpus, collocations=1.0, **changes), tmp_path / "out", nothing)
