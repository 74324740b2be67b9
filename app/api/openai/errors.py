"""Errors as OpenAI's clients read them: `{"error": {...}}`; a field at fault is a 400."""

from app.api.shapes import openai_error
from app.errors import FieldProblem, InvalidRequest, UnrolledError
from app.http import problems
from app.http.exchange import JSON, Reply


def reply(error: UnrolledError, _request_id: str) -> Reply:
    """An error as it is answered; the request's id is in its header."""
    status = 400 if error.status == 422 else error.status
    body = problems.encode({"error": openai_error(error)})
    return Reply(body, JSON, status, problems.headers(error))


def invalid(field: str, message: str) -> InvalidRequest:
    """One field at fault."""
    return InvalidRequest(f"{field}: {message}", problems=[FieldProblem(f"/{field}", message)])
