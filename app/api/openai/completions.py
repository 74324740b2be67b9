"""`POST /v1/completions`: texts that go on from prompts, whole or word by word."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from app.api.openai.encoding import DONE, Answer, choice, error_event, usage
from app.api.openai.requests import CompletionRequest
from app.api.openai.work import Work, size_of, work_of
from app.api.shapes import openai_error
from app.errors import RequestError
from app.http.exchange import Exchange, Reply
from app.http.pieces import made
from app.http.service import Service
from app.serving.generation import Piece, Text
from app.serving.scoring import scored

_AT_ONCE = 64  # words that are made ahead of a client's reading, or before it is looked for
_LISTED_AT_ONCE = 20_000  # words beside them: about 2 MB


async def complete(service: Service, exchange: Exchange, request: CompletionRequest) -> Reply:
    """Many texts at once share their products with each other and with all other requests."""
    model = service.model(request.model)
    exchange.model = model.id
    if isinstance(request.prompt, str):
        exchange.phrase = request.prompt
    work = await made(service.large, size_of(request), work_of, service, model, request)
    answer = Answer(exchange, model)
    if request.stream:
        with_usage = bool(request.stream_options and request.stream_options.include_usage)
        return Reply(_streamed(service, work, answer, with_usage), b"text/event-stream")
    async with exchange.while_connected():
        return Reply(await _whole(service, work, answer))


async def _whole(service: Service, work: Work, answer: Answer) -> bytes:
    texts = await _texts(service, work)
    if len(texts) == 1:
        pieces = [[piece async for piece in texts[0].pieces()]]
    else:
        pieces = await _together(texts, service.settings.max_batch)
    prompts: list[list[Piece]] = [[] for _ in work.prompts]
    async for at, some in _read(service, work):
        prompts[at] += some
    size = sum(map(len, (*pieces, *prompts))) * (1 + (work.logprobs or 0)) + work.echoed
    return await made(service.large, size, _answered, work, answer, texts, pieces, prompts)


def _answered(
    work: Work,
    answer: Answer,
    texts: list[Text],
    pieces: list[list[Piece]],
    prompts: list[list[Piece]],
) -> bytes:
    return answer.whole(_choices(work, texts, pieces, prompts), _used(work, texts))


def _choices(
    work: Work, texts: list[Text], pieces: list[list[Piece]], prompts: list[list[Piece]]
) -> Iterator[dict[str, Any]]:
    """Every choice. A prompt's pieces are let go of behind its last one: to free all of them, with
    their log probabilities, at the end and on the event loop would take 10 ms.
    """
    for at, prompt in enumerate(work.prompts):
        own = list(range(at * work.candidates, (at + 1) * work.candidates))
        if work.candidates > work.kept:
            own.sort(key=lambda one: -texts[one].mean)
        before = prompts[at] if work.echo else []
        for index, one in enumerate(own[: work.kept], at * work.kept):
            text = prompt.text + "".join(p.text for p in pieces[one]) if work.echo else None
            both = [*before, *pieces[one]]
            yield choice(index, both, texts[one].finish, work.logprobs is not None, text)
        for done in (before, *(pieces[one] for one in own)):
            done.clear()


async def _texts(service: Service, work: Work) -> list[Text]:
    return await made(service.large, work.size, work.texts, service)


async def _together(texts: Sequence[Text], at_once: int) -> list[list[Piece]]:
    """The pieces of every text; of so many at once: more would win nothing."""
    pieces: list[list[Piece]] = [[] for _ in texts]
    waiting = iter(zip(texts, pieces, strict=True))

    async def make() -> None:
        for text, own in waiting:
            async for piece in text.pieces():
                own.append(piece)
            await asyncio.sleep(0)  # one of no words waits for nothing

    tasks = [asyncio.create_task(make()) for _ in range(min(at_once, len(texts)))]
    try:
        await asyncio.gather(*tasks)
    finally:  # where one fails, the others are of no use
        for task in tasks:
            task.cancel()
    return pieces


def _ahead(work: Work) -> int:
    """How many words are made ahead, fewer where much is listed beside each."""
    return max(1, min(_AT_ONCE, _LISTED_AT_ONCE // (1 + (work.logprobs or 0))))


async def _read(service: Service, work: Work) -> AsyncGenerator[tuple[int, list[Piece]], None]:
    """Every prompt's own words with their probabilities, where they are asked for: some at a time,
    with the prompt's place; once for one that has none.
    """
    if not work.echo:
        return
    loop = asyncio.get_running_loop()

    def some(pieces: Iterator[Piece]) -> list[Piece]:
        return list(islice(pieces, _ahead(work)))

    for at, prompt in enumerate(work.prompts):
        pieces = iter(()) if work.logprobs is None else scored(work.model, prompt, work.logprobs)
        if work.logprobs is None or not prompt.ids:
            yield at, []
            continue
        while found := await loop.run_in_executor(service.large, some, pieces):
            yield at, found


def _used(work: Work, texts: list[Text]) -> dict[str, int]:
    read = sum(len(prompt.ids) for prompt in work.prompts)
    return usage(read, sum(text.drawn for text in texts))


async def _streamed(
    service: Service, work: Work, answer: Answer, with_usage: bool
) -> AsyncGenerator[bytes, None]:
    """One event a word. What fails after the first is an event too: the status is sent by then."""
    more: dict[str, Any] = {"usage": None} if with_usage else {}
    listed = work.logprobs is not None
    begun = False
    try:
        async for at, pieces in _read(service, work):
            size = len(pieces) * (1 + (work.logprobs or 0))
            text = None if pieces else work.prompts[at].text
            for index in range(at * work.kept, (at + 1) * work.kept):
                part = choice(index, pieces, None, listed, text)
                yield await made(service.large, size, partial(answer.event, part, **more))
                begun = True
        texts = await _texts(service, work)
        ahead = _ahead(work)
        at_once = min(ahead, service.settings.max_batch)
        async with contextlib.aclosing(_merged(texts, at_once, ahead)) as merged:
            async for index, piece, finish in merged:
                some = [] if piece is None else [piece]
                yield answer.event(choice(index, some, finish, listed), **more)
                begun = True
        if with_usage:
            yield answer.usage_event(_used(work, texts))
    except RequestError as error:
        if not begun:
            raise
        yield error_event(openai_error(error))
    yield DONE


_Part = tuple[int, Piece | None, str | None]


async def _merged(texts: list[Text], at_once: int, ahead: int) -> AsyncGenerator[_Part, None]:
    """The pieces of all texts as they come, each text's end after its last: of so many texts at
    once, and so many pieces ahead of who reads them.
    """
    if len(texts) == 1:
        async for piece in texts[0].pieces():
            yield 0, piece, None
        yield 0, None, texts[0].finish
        return
    parts: asyncio.Queue[_Part | RequestError] = asyncio.Queue(ahead)
    waiting = iter(enumerate(texts))

    async def make() -> None:
        try:
            for index, text in waiting:
                async for piece in text.pieces():
                    await parts.put((index, piece, None))
                await parts.put((index, None, text.finish))
        except RequestError as error:
            await parts.put(error)

    tasks = [asyncio.create_task(make()) for _ in range(min(at_once, len(texts)))]
    try:
        for _ in texts:
            while True:
                part = await parts.get()
                if isinstance(part, RequestError):
                    raise part
                yield part
                if part[2] is not None:
                    break
    finally:
        for task in tasks:
            task.cancel()
