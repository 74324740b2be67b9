"""Texts -> OpenAI's answers, whole or as server-sent events."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.http.exchange import Exchange, encode
from app.http.pieces import listed, object_of
from app.model import Model
from app.serving.generation import Piece

DONE = b"data: [DONE]\n\n"


class Answer:
    """What all parts of one answer share."""

    def __init__(self, exchange: Exchange, model: Model) -> None:
        head = {
            "id": f"cmpl-{exchange.request_id}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model.id,
            "system_fingerprint": f"fp_{model.fingerprint[:12]}",
        }
        self._begun = encode(head)[:-1]  # an object that is still open

    def whole(self, choices: Iterable[dict[str, Any]], usage: dict[str, int]) -> bytes:
        """The answer in one piece."""
        return self._in_parts(choices, {"usage": usage})

    def event(self, choice: dict[str, Any], **more: Any) -> bytes:
        """A part of one choice."""
        logprobs = choice["logprobs"]
        if logprobs is None or len(logprobs["tokens"]) <= 1:  # a word, as nearly always
            return _event(self._closed({"choices": [choice], **more}))
        return _event(self._in_parts([choice], more))

    def usage_event(self, usage: dict[str, int]) -> bytes:
        """What was used, after the last choice's end."""
        return _event(self._closed({"choices": [], "usage": usage}))

    def _closed(self, rest: dict[str, Any]) -> bytes:
        return b"%b,%b" % (self._begun, encode(rest)[1:])

    def _in_parts(self, choices: Iterable[dict[str, Any]], more: dict[str, Any]) -> bytes:
        """The same to the last byte, a word of a choice at a time: the encoder keeps others from
        the interpreter while it works.
        """
        written = listed(b"".join(_written(choice)) for choice in choices)
        tail = b"," + encode(more)[1:] if more else b"}"
        return b"".join([self._begun, b',"choices":', *written, tail])


def _written(choice: dict[str, Any]) -> Iterator[bytes]:
    """A choice as JSON."""
    return object_of((name, _value(name, value)) for name, value in choice.items())


def _value(name: str, value: Any) -> Iterable[bytes]:
    if name == "logprobs" and value is not None:
        return object_of((field, listed(map(encode, words))) for field, words in value.items())
    return (encode(value),)


def _event(content: bytes) -> bytes:
    return b"data: %b\n\n" % content


def error_event(error: dict[str, Any]) -> bytes:
    """An error in the middle of an answer."""
    return _event(encode({"error": error}))


def choice(
    index: int, pieces: Sequence[Piece], finish: str | None, listed: bool, text: str | None = None
) -> dict[str, Any]:
    """A choice or a part of one; `text` where it is more than its pieces."""
    return {
        "index": index,
        "text": "".join([piece.text for piece in pieces]) if text is None else text,
        "logprobs": _logprobs(pieces) if listed else None,
        "finish_reason": finish,
    }


def _logprobs(pieces: Sequence[Piece]) -> dict[str, Any]:
    return {
        "tokens": [piece.text for piece in pieces],
        "token_logprobs": [piece.logprob for piece in pieces],
        "top_logprobs": [piece.best for piece in pieces],
        "text_offset": [piece.offset for piece in pieces],
    }


def usage(read: int, written: int) -> dict[str, int]:
    """How many words were read and written."""
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }
