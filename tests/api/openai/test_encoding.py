"""What is written a word at a time is what is written whole."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from app.api.openai.completions import _answered
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


@pytest.mark.parametrize("echo", [True, False])
def test_what_is_written_is_let_go_of_where_it_is_written(echo: bool) -> None:
    prompts: Any = [SimpleNamespace(text=text, ids=(1,)) for text in ("a", "b")]
    work: Any = SimpleNamespace(prompts=prompts, candidates=2, kept=1, echo=echo, logprobs=2)
    texts: Any = [SimpleNamespace(mean=at % 3, finish="stop", drawn=1) for at in range(4)]
    pieces = [[Piece(f" {at}", 1, -0.5, {"a": -0.5})] for at in range(4)]
    read = [[Piece(prompt.text, 0)] if echo else [] for prompt in prompts]
    exchange: Any = SimpleNamespace(request_id="id")
    written = json.loads(_answered(work, Answer(exchange, small_model()), texts, pieces, read))
    best = ["a 1", "b 2"] if echo else [" 1", " 2"]
    assert [one["text"] for one in written["choices"]] == best
    assert [len(one["logprobs"]["tokens"]) for one in written["choices"]] == [1 + echo] * 2
    assert [one["index"] for one in written["choices"]] == [0, 1]
    assert not any([*pieces, *read])
