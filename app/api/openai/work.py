"""A completion request -> the texts to make, and what they cost."""

import secrets
import time
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from app.api.openai.errors import invalid
from app.api.openai.requests import CompletionRequest
from app.errors import FieldProblem, TooExpensive
from app.http.service import Service
from app.model import Model
from app.serving.generation import Prompt, Text, Wanted
from app.serving.sampling import Sampling

_MOST_LISTED = 400_000  # words beside words in an answer that is sent whole: about 16 MB
_MOST_TEXTS = 4_096  # of one request: each has an own state, own luck, and a part of the answer
_A_LISTED = 2e-6  # seconds for each word that is listed beside another
_A_TURN = 1.5e-4  # around each product, whatever the network: most of what a small one's words cost
_EACH = 64  # characters that take as long to read as there is to do for each text beside it
_seconds: WeakKeyDictionary[Model, float] = WeakKeyDictionary()


class Work(NamedTuple):
    """`candidates` texts of every prompt, of which the best `kept` are answered."""

    model: Model
    prompts: tuple[Prompt, ...]
    wanted: Wanted
    candidates: int
    kept: int
    seed: int
    echo: bool
    logprobs: int | None

    @property
    def size(self) -> int:
        """What it takes to begin the texts, as a number of characters."""
        return self.candidates * sum(len(prompt.ids) + _EACH for prompt in self.prompts)

    @property
    def echoed(self) -> int:
        """Characters of prompts in the answer."""
        return self.kept * sum(len(prompt.text) for prompt in self.prompts) if self.echo else 0

    def texts(self, service: Service) -> list[Text]:
        """All texts, those of one prompt side by side; each has luck of its own."""
        barred = self.wanted.sampling.barred(self.model.never_written)
        return [
            Text(service.batcher, self.model, prompt, self.wanted, (self.seed, at), barred)
            for prompt in self.prompts
            for at in range(self.candidates)
        ]


def size_of(request: CompletionRequest) -> int:
    """What it takes to read the request, as a number of characters."""
    prompts: str | list[Any] = request.prompt or ""
    read = len(prompts)
    if isinstance(prompts, list) and not isinstance(prompts[0], int):
        read = sum(len(one) + _EACH for one in prompts)
    return read + _EACH * len(request.logit_bias or ())


def work_of(service: Service, model: Model, request: CompletionRequest) -> Work:
    """Raises InvalidRequest for fields that do not go together, TooExpensive, UnknownWords."""
    kept = request.n or 1
    candidates = request.best_of or kept
    if candidates < kept:
        raise invalid("best_of", f"should be n, {kept}, or more")
    if request.stream and candidates > kept:
        raise invalid("best_of", "the best texts are only known in the end: not with stream")
    if request.stream_options is not None and not request.stream:
        raise invalid("stream_options", "goes with stream alone")
    prompts = _prompts(model, request)
    work = Work(
        model,
        prompts,
        _wanted(model, request, scored=candidates > kept),
        candidates,
        kept,
        secrets.randbits(63) if request.seed is None else request.seed % (1 << 64),
        bool(request.echo),
        _listed(model, request),
    )
    _check_cost(service, work, bool(request.stream))
    return work


def _prompts(model: Model, request: CompletionRequest) -> tuple[Prompt, ...]:
    given = "" if request.prompt is None else request.prompt
    if isinstance(given, str):
        return (Prompt.of_text(model, given),)
    if isinstance(given[0], int):
        return (_prompt_of_ids(model, given),)
    return tuple(
        Prompt.of_text(model, one) if isinstance(one, str) else _prompt_of_ids(model, one)
        for one in given
    )


def _prompt_of_ids(model: Model, ids: list[int]) -> Prompt:
    check_ids(model, ids, "prompt")
    return Prompt.of_ids(model, ids)


def check_ids(model: Model, ids: list[int], field: str) -> None:
    """Raises InvalidRequest for an id that no word has."""
    for number in ids:
        if not 0 < number < model.network.classes or model.vocabulary.words[number] is None:
            raise invalid(field, f"no word of {model.id} has the id {number}")


def _wanted(model: Model, request: CompletionRequest, scored: bool) -> Wanted:
    stop = request.stop or []
    stops = [stop] if isinstance(stop, str) else stop
    mark = model.options.start
    return Wanted(
        16 if request.max_tokens is None else request.max_tokens,
        Sampling(
            1.0 if request.temperature is None else request.temperature,
            1.0 if request.top_p is None else request.top_p,
            request.presence_penalty or 0.0,
            request.frequency_penalty or 0.0,
            dict(_bias(model, request.logit_bias or {})),
        ),
        tuple(one for one in stops if one != mark),
        mark in stops,
        _listed(model, request),
        scored,
    )


def _listed(model: Model, request: CompletionRequest) -> int | None:
    """How many words to list beside each: no more than there are, whatever is asked for."""
    asked = request.logprobs
    return None if asked is None else min(asked, model.network.classes)


def _bias(model: Model, biases: dict[str, float]) -> list[tuple[int, float]]:
    found = []
    for key, bias in biases.items():
        number = int(key) if key.isascii() and key.isdigit() and len(key) < 10 else 0
        if not 0 < number < model.network.classes or model.vocabulary.words[number] is None:
            raise invalid("logit_bias", f"{key[:20]!r} is no word's id")
        found.append((number, bias))
    return found


def _check_cost(service: Service, work: Work, streamed: bool) -> None:
    read = sum(len(prompt.ids) for prompt in work.prompts)
    texts = len(work.prompts) * work.candidates
    if texts > _MOST_TEXTS:
        what = f"{texts} texts are too many for one request, more than {_MOST_TEXTS}"
        raise TooExpensive(what, problems=_at("best_of" if work.candidates > work.kept else "n"))
    words = work.wanted.words * texts
    turns = words / min(texts, service.settings.max_batch)
    listed = (words + read * work.echo * work.kept) * (work.logprobs or 0)
    seconds = (words + read) * _seconds_a_word(work.model) + turns * _A_TURN + listed * _A_LISTED
    most = service.settings.max_seconds
    if seconds > most:
        beside = f", with {listed} beside them," if listed else ""
        what = f"{words} words after {read}{beside} would take about {seconds:.0f} seconds"
        what = f"{what}, more than {most:g}"
        field = "logprobs" if listed * _A_LISTED > most else "max_tokens"
        raise TooExpensive(f"{what} (UNROLLED_MAX_SECONDS)", problems=_at(field))
    if listed > _MOST_LISTED and not streamed:
        what = f"{listed} log probabilities are too many for one answer, more than {_MOST_LISTED}"
        raise TooExpensive(f"{what}; stream them", problems=_at("logprobs"))
    echoed = work.echoed
    if echoed > service.settings.max_buffered_bytes and not streamed:
        what = f"{echoed} characters are repeated, which is too much for one answer"
        raise TooExpensive(f"{what}; stream them", problems=_at("echo"))


def _at(field: str) -> list[FieldProblem]:
    return [FieldProblem(f"/{field}", "asks for too much")]


def _seconds_a_word(model: Model) -> float:
    """What one word costs a lone client; measured once for each model. The clock counts other
    processes, the processor's time other threads of this one: the smaller is nearer.
    """
    if model not in _seconds:
        taken: list[float] = []
        for _ in range(3):
            start = time.perf_counter(), time.process_time()
            model.engine.forward(model.probe)
            taken += time.perf_counter() - start[0], time.process_time() - start[1]
        _seconds[model] = min(taken)
    return _seconds[model]
