"""Texts -> OpenAI's answers, whole or as server-sent events."""

import time
from collections.abc import Sequence
from typing import Any

from app.http.exchange import Exchange, encode
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

    def whole(self, choices: list[dict[str, Any]], usage: dict[str, int]) -> bytes:
        """The answer in one piece."""
        return self._closed({"choices": choices, "usage": usage})

    def event(self, choice: dict[str, Any], **more: Any) -> bytes:
        """A part of one choice."""
        return _event(self._closed({"choices": [choice], **more}))

    def usage_event(self, usage: dict[str, int]) -> bytes:
        """What was used, after the last choice's end."""
        return _event(self._closed({"choices": [], "usage": usage}))

    def _closed(self, rest: dict[str, Any]) -> bytes:
        return b"%b,%b" % (self._begun, encode(rest)[1:])


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
