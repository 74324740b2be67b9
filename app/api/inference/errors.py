"""Errors as the protocol has them: `{"error": "…"}`; whatever the request has wrong is a 400."""

from app.errors import FieldProblem, InvalidRequest, UnrolledError
from app.http import problems
from app.http.exchange import JSON, Reply


def reply(error: UnrolledError, _request_id: str) -> Reply:
    """An error as it is answered."""
    status = 400 if error.status == 422 else error.status
    body = problems.encode({"error": str(error)})
    return Reply(body, JSON, status, problems.headers(error))


def invalid(what: str) -> InvalidRequest:
    """Something is wrong with the body of an inference."""
    return InvalidRequest(what, problems=[FieldProblem("", what)])
