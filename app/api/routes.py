"""What the modules of routes share: FastAPI's router, the service, JSON.

Routes read their parameters from the request, and return responses: for parameters or answers that
are declared as arguments and types, FastAPI imports the whole of Pydantic 1, a tenth of the time
it takes to start. `openapi.py` documents the parameters.
"""

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from app.http.service import Service

router = APIRouter()


def service_of(request: Request) -> Service:
    """The application's service."""
    service: Service = request.app.state.service
    return service


def json_response(content: object) -> Response:
    """An answer as JSON."""
    return Response(orjson.dumps(content), media_type=JSONResponse.media_type)
