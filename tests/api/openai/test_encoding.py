"""What is written a word at a time is what is written whole."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.api.openai.encoding import Answer, choice, usage
from app.http.exchange import encode
from app.serving.generation import Piece
from tests.small_models import small_model

PIECES = [
    [],
    [Piece(" a", 0, None, None)],
    [Piece(' "\\', 7, -1e-7, {"a": -0.5, 'ü\u2028"': -1 / 3}), Piece("🙂", 9, -80.25, {})],
]


@pytest.mark.parametrize("listed", [True, False])
def test_an_answer_in_parts_is_the_whole_to_the_last_byte(listed: bool) -> None:
    exchange: Any = SimpleNamespace(request_id="id")
    answer = Answer(exchange, small_model())
    choices = [choice(at, some, "stop", listed) for at, some in enumerate(PIECES)]
    used = usage(3, 4)
    begun = answer.usage_event(used)[len(b"data: ") :].partition(b',"choices"')[0]
    whole = begun + b"," + encode({"choices": choices, "usage": used})[1:]
    assert answer.whole(choices, used) == whole
    for one in choices:
        for more in ({}, {"usage": None}):
            event = begun + b"," + encode({"choices": [one], **more})[1:]
            assert answer.event(one, **more) == b"data: %b\n\n" % event
