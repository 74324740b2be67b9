"""OpenAI's error object, for its own protocol and for the paths that it shares with ours."""

from typing import Any

from app.errors import ModelNotFound, RequestError, UnrolledError
from app.http import problems
from app.http.exchange import Reply


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


def both(error: UnrolledError, request_id: str) -> Reply:
    """A problem document that OpenAI's clients can read too."""
    members = {**problems.problem(error, request_id), "error": openai_error(error)}
    body = problems.encode(members)
    return Reply(body, problems.CONTENT_TYPE, error.status, problems.headers(error))
