"""Answering with a suggester where there is no batcher: one text, or several together."""

from collections.abc import Callable, Iterable, Sequence

from app.answers import Suggested
from app.arrays import Context, Floats
from app.errors import RequestError
from app.suggesting.suggester import Steps


def run(steps: Steps, distribution: Callable[[Context], Floats]) -> Suggested:
    """Answer at once, `distribution` giving the probabilities [V] after a context."""
    try:
        contexts = next(steps)
        while True:
            contexts = steps.send([distribution(context) for context in contexts])
    except StopIteration as stop:
        answer: Suggested = stop.value
        return answer


def run_together(
    many: Sequence[Steps],
    distributions: Callable[[Sequence[Context]], Iterable[Floats | Exception]],
) -> list[Suggested | Exception]:
    """Answer several at once, what they ask at a time going through the same products. What cannot
    be answered is an exception in its place.
    """
    answers: dict[int, Suggested | Exception] = {}
    said: dict[int, list[Floats] | None] = dict.fromkeys(range(len(many)))
    while said:
        asked: dict[int, Sequence[Context]] = {}
        for at, wanted in said.items():
            try:
                asked[at] = many[at].send(wanted)  # type: ignore[arg-type] # None begins
            except StopIteration as stop:
                answers[at] = stop.value
            except RequestError as error:
                answers[at] = error
        contexts = list(dict.fromkeys(one for some in asked.values() for one in some))
        found = dict(zip(contexts, distributions(contexts), strict=True))
        said = {}
        for at, some in asked.items():
            given = [found[one] for one in some]
            sound = [one for one in given if not isinstance(one, Exception)]
            if len(sound) == len(given):
                said[at] = sound
            else:
                answers[at] = next(one for one in given if isinstance(one, Exception))
    return [answers[at] for at in range(len(many))]
