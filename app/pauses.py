"""Long work with pauses: a generator that gives way where others may be heard, and ends with a
result. Who runs it decides at which of the pauses they are.
"""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Said = TypeVar("Said")
Pausing = Generator[None, None, Result]


def ended(work: Pausing[Result]) -> Result:
    """What the work ends with, without a pause."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


def saying(what: Said, work: Pausing[Result]) -> Generator[Said, None, Result]:
    """The same work as a part of some whose pauses say something."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield what
