"""Many words on a carried state are what `predict` says word by word, alone or in company."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from app.engines.numpy_engine import NumpyEngine
from app.errors import EmptyPhrase, NotFinite
from app.metrics import Metrics
from app.model import Model
from app.serving.batching import Batcher
from app.serving.drawing import Drawn, draw
from app.serving.generation import Piece, Prompt, Text, Wanted
from app.serving.sampling import Sampler, Sampling, best_ids, log_probabilities
from app.terms import ARITHMETIC
from app.text.writing import Writer, encode_text
from tests.small_models import (
    ForwardOnly,
    both_ways,
    model_of,
    sentences,
    small_model,
    small_network,
    word,
)

GREEDY = Sampling(temperature=0)


def prompt(model: Model, text: str) -> Prompt:
    encoded = encode_text(text, model.vocabulary, model.options)
    return Prompt(text, encoded.ids, ())


def generate(model: Model, texts: Sequence[str], wanted: Wanted, seed: int = 1) -> list[str]:
    return [join(pieces) for pieces in generate_pieces(model, texts, wanted, seed)]


def join(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def generate_pieces(
    model: Model, texts: Sequence[str], wanted: Wanted, seed: int = 1
) -> list[list[Piece]]:
    """All texts at once, through one batcher."""

    async def one(batcher: Batcher, text: str) -> list[Piece]:
        barred = wanted.sampling.barred(model.never_written)
        making = Text(batcher, model, prompt(model, text), wanted, seed, barred)
        return [piece async for piece in making.pieces()]

    async def run() -> list[list[Piece]]:
        batcher = Batcher()
        return await asyncio.gather(*(one(batcher, text) for text in texts))

    return asyncio.run(run())


@pytest.mark.parametrize("units", [(4,), (4, 3)])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("cell", [*ARITHMETIC, "both ways"])
def test_the_most_probable_words_are_those_of_predict(
    units: tuple[int, ...], masked: bool, cell: str
) -> None:
    if cell == "both ways":
        network = both_ways(small_network(units=units, masked=masked))
    else:
        network = small_network(units=units, masked=masked, cell=cell)
    model = model_of(NumpyEngine(network), 12 if masked else 3)
    text = "w5 w6"
    for _ in range(8):
        text += f" {model.predict(text, 1).next_word}"
    assert generate(model, ["w5 w6"], Wanted(8, GREEDY)) == [text.removeprefix("w5 w6")]


def test_an_engine_without_states_says_the_same() -> None:
    network = small_network()
    plain = generate(model_of(ForwardOnly(network), 12), ["w5 w6"], Wanted(8, GREEDY))
    assert plain == generate(small_model(12), ["w5 w6"], Wanted(8, GREEDY))


def test_a_word_costs_one_step_also_past_max_length(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model(6)
    steps: list[int] = []
    timesteps = NumpyEngine.timesteps

    def counted(self: NumpyEngine, packed: object, state: object = None) -> object:
        steps.append(len(packed.ids))  # type: ignore[attr-defined]
        return timesteps(self, packed, state)  # type: ignore[arg-type]

    monkeypatch.setattr(NumpyEngine, "timesteps", counted)
    generate(model, ["w5 w6 w7"], Wanted(20, GREEDY))
    assert steps == [3] + [1] * 19


def test_many_texts_are_one_product_a_step() -> None:
    model = small_model(6)
    metrics = Metrics()

    async def run() -> None:
        batcher = Batcher(metrics=metrics)
        texts = [
            Text(batcher, model, prompt(model, f"w{n}"), Wanted(5), n, model.never_written)
            for n in range(1, 33)
        ]

        async def drain(text: Text) -> None:
            async for _ in text.pieces():
                pass

        await asyncio.gather(*(drain(text) for text in texts))

    asyncio.run(run())
    (batches,) = (v for key, v in metrics.numbers.totals().items() if "batch_phrases" in key[1])
    assert (sum(batches[:-1]), batches[-1]) == (5, 5 * 32)


@pytest.mark.parametrize(
    "sampling",
    [Sampling(), Sampling(1.3, 0.9), Sampling(0.4, 0.5, 0.5, 0.5), Sampling(bias={7: 2.0})],
)
def test_a_seed_gives_one_text_alone_and_among_31_others(sampling: Sampling) -> None:
    model = sentences()
    texts = [" ".join(word(3 + (n * k) % 50) for k in range(1, 4)) for n in range(1, 33)]
    wanted = Wanted(40, sampling)
    together = generate(model, texts, wanted)
    assert together == [generate(model, [text], wanted)[0] for text in texts]
    assert len({generate(model, texts[:1], wanted, seed)[0] for seed in range(8)}) > 1


def logits_of(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def sampler(sampling: Sampling, seed: int = 0, end: int | None = None) -> Sampler:
    return Sampler(sampling, np.array([], np.intp), end, seed)


def drawn_by(one: Sampler, logits: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Drawn:
    (drawn,) = draw([one], logits[np.newaxis])
    assert drawn is not None
    return drawn


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0.1, 0.2, 0.3, 0.4]),
        (Sampling(0.5), [0.01 / 0.3, 0.04 / 0.3, 0.09 / 0.3, 0.16 / 0.3]),
        (Sampling(top_p=0.65), [0, 0, 3 / 7, 4 / 7]),
        (Sampling(bias={0: np.log(5), 3: -100.0}), [0.5, 0.2, 0.3, 0]),
    ],
)
def test_words_are_drawn_as_often_as_their_probability_says(
    sampling: Sampling, expected: list[float]
) -> None:
    logits = np.log(logits_of(0.1, 0.2, 0.3, 0.4))
    barred = sampling.barred(np.array([], np.intp))
    samplers = [Sampler(sampling, barred, None, seed) for seed in range(200)]
    counts = np.zeros(4)
    for _ in range(100):
        for one, drawn in zip(samplers, draw(samplers, np.tile(logits, (200, 1))), strict=True):
            assert drawn is not None
            one.take(drawn.number)
            counts[drawn.number] += 1
    assert counts / 20_000 == pytest.approx(expected, abs=0.012)


def test_penalties_weigh_on_what_was_drawn() -> None:
    logits = logits_of(1.0, 0.5, 0.2)
    presence, frequency = (
        sampler(Sampling(0, presence_penalty=0.6)),
        sampler(Sampling(0, frequency_penalty=0.3)),
    )
    drawn: list[list[int]] = [[], []]
    for words, draws in zip(drawn, (presence, frequency), strict=True):
        for _ in range(5):
            number, _ = drawn_by(draws, logits)
            draws.take(number)
            words.append(number)
    assert drawn == [[0, 1, 0, 0, 0], [0, 0, 1, 0, 2]]  # 1 .4 | .5 → 0; 1 .7 .4 | .5 .2


def test_a_word_that_hangs_on_rounding_is_not_sure() -> None:
    close = logits_of(1.0, 1.0 + 1e-6, 0.0)
    assert drawn_by(sampler(Sampling(0)), close) == (1, False)
    assert drawn_by(sampler(Sampling(0)), logits_of(1.0, 1.1, 0.0)) == (1, True)
    halves = logits_of(0.0, 0.0)
    draws = sampler(Sampling())
    draws.luck = 0.5 + 1e-7
    assert drawn_by(draws, halves) == (1, False)
    draws.luck = 0.6
    assert drawn_by(draws, halves) == (1, True)
    assert not drawn_by(sampler(Sampling(top_p=0.3)), logits_of(0, 1e-7, -1, -1)).sure


def test_of_what_overflows_no_word_is_drawn_and_its_neighbours_are_not_harmed() -> None:
    rows = [
        logits_of(np.nan, 1),
        logits_of(0, 9),
        logits_of(np.inf, 1),
        logits_of(-np.inf, -np.inf),
    ]
    for sampling in (Sampling(), Sampling(0), Sampling(top_p=0.5)):
        drawn = draw([sampler(sampling) for _ in rows], np.stack(rows))
        assert drawn == [None, Drawn(1, True), None, None]


def test_a_text_of_which_no_word_can_be_drawn_ends_with_an_error() -> None:
    banned = Sampling(bias=dict.fromkeys(range(1, 300), -100.0))
    with pytest.raises(NotFinite):
        generate(small_model(12), ["w5"], Wanted(1, banned))


def test_words_are_drawn_together_as_alone_whatever_each_wants() -> None:
    logits = np.random.default_rng(1).normal(0, 3, (40, 1_000)).astype(np.float32)
    ways = [Sampling(), Sampling(0), Sampling(0.6, 0.8), Sampling(1.4), Sampling(0, bias={7: 50.0})]
    samplers = [sampler(ways[row % len(ways)], row) for row in range(len(logits))]
    together = draw(samplers, logits)
    assert together == [drawn_by(one, row) for one, row in zip(samplers, logits, strict=True)]
    for one, own, row in zip(samplers, logits.astype(np.float64), range(len(logits)), strict=True):
        if (
            ways[row % len(ways)] == Sampling()
        ):  # the first word whose cumulated share is above luck
            shares = np.exp(own - own.max()).cumsum()
            place = int(shares.searchsorted(one.luck * shares[-1], side="right"))
            assert together[row] == Drawn(place, True)


def test_sentences_are_written_as_people_write_them() -> None:
    model = sentences()
    writer = Writer(model.vocabulary, model.options)
    assert "".join(map(writer.write, (5, 6, 1, 7, 2))) == "Af ag. Ah <unk>"
    for text, joined in (("Af", "Af ag."), ("af ", "af ag."), ("af.", "af. Ag."), ("?", "? Ag.")):
        start = prompt(model, text)
        writer = Writer(model.vocabulary, model.options, text, start.ids)
        assert text + writer.write(6) + writer.write(1) == joined


def test_a_text_never_has_marks_nor_empty_sentences_unless_a_bias_asks() -> None:
    model = sentences()
    texts = generate(model, ["af"] * 4, Wanted(200, Sampling(2.0)), 3)
    assert all(". ." not in text and ".." not in text and "unk" not in text for text in texts)
    assert any("." in text for text in texts)
    asked = generate(model, ["af"], Wanted(3, Sampling(0, bias={2: 100})))
    assert asked == [" <unk> <unk> <unk>"]


def test_a_sentence_end_begins_anew() -> None:
    model = sentences()
    (first,) = generate(model, ["af"], Wanted(1, Sampling(0, bias={1: 100})))
    assert first == "."
    alone, after = (generate(model, [text], Wanted(5, GREEDY))[0] for text in ("", "af aj."))
    assert after == f" {alone}"
    ended = Wanted(5, Sampling(0, bias={1: 100}), stop_at_end=True)
    assert generate(model, ["af"], ended) == [""]


def test_stop_strings_are_never_sent_and_offsets_are_right() -> None:
    model = small_model(12)
    (whole,) = generate(model, ["w5 w6"], Wanted(12, GREEDY))
    words = whole.split()
    for stop in (words[3], f"{words[4]} {words[5]}", whole[9:12], f"{words[2]} nothing"):
        pieces = generate_pieces(model, ["w5 w6"], Wanted(12, GREEDY, stops=(stop, "never")))[0]
        expected = whole[: whole.find(stop)] if stop in whole else whole
        assert join(pieces) == expected
        text = f"w5 w6{expected}"
        assert all(
            text[piece.offset : piece.offset + len(piece.text)] == piece.text for piece in pieces
        )


def test_log_probabilities_are_the_network_s_own() -> None:
    model = small_model(12)
    hot = Wanted(3, Sampling(0.5, bias={9: 3.0}), logprobs=400)
    pieces = generate_pieces(model, ["w5 w6"], hot)[0]
    text = "w5 w6"
    for piece in pieces:
        logs = np.log(model.outputs(text).probabilities.astype(np.float64))
        assert piece.best is not None
        assert len(piece.best) == 299  # all words: id 0 is none
        assert piece.best == pytest.approx(
            {f" w{number}": logs[number] for number in range(1, 300)}, abs=1e-4
        )
        assert piece.logprob == piece.best[piece.text]
        text += piece.text
    assert best_ids(log_probabilities(logits_of(1, 3, 2, 3)), 3) == [1, 3, 2]


def test_a_text_that_nobody_waits_for_is_not_computed() -> None:
    model = small_model(12)
    metrics = Metrics()

    async def run() -> None:
        text = Text(
            Batcher(metrics=metrics),
            model,
            prompt(model, "w5"),
            Wanted(1000),
            0,
            model.never_written,
        )
        seen = asyncio.Event()

        async def drain() -> None:
            async for _ in text.pieces():
                seen.set()

        task = asyncio.create_task(drain())
        await seen.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        drawn = text.drawn
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert text.drawn == drawn < 10

    asyncio.run(run())


def test_nothing_to_go_on_from_is_said() -> None:
    with pytest.raises(EmptyPhrase):
        generate(small_model(6), [""], Wanted(1))
