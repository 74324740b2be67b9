"""OpenAI's error object, for its own protocol and for the paths that it shares with ours."""

from typing import Any

from app.errors import ModelNotFound, RequestError, UnrolledError


def openai_error(error: UnrolledError) -> dict[str, Any]:
    """The `error` member of an answer: `param` names the field at fault, where one is."""
    pointer = "/model" if isinstance(error, ModelNotFound) else ""
    if isinstance(error, RequestError) and error.problems:
        pointer = error.problems[0].pointer
    return {
        "message": str(error).removeprefix("/"),
        "type": "server_error" if error.status >= 500 else "invalid_request_error",
        "param": pointer.split("/")[1] if pointer else None,
        "code": error.code,
    }
