"""Probes, metrics and the documentation: the routes of whoever runs the service."""

from fastapi import Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import PlainTextResponse, RedirectResponse

from app.api.routes import json_response, router, service_of
from app.http.exposition import CONTENT_TYPE, exposition


@router.get("/", include_in_schema=False)
async def start() -> Response:
    """The documentation, until there is more to see."""
    return RedirectResponse("/docs")


@router.get("/docs", include_in_schema=False)
async def documentation() -> Response:
    """Swagger UI. Its addresses are relative: they hold behind a proxy too."""
    return get_swagger_ui_html(
        title="Unrolled",
        openapi_url="openapi.json",
        swagger_js_url="swagger/swagger-ui-bundle.js",
        swagger_css_url="swagger/swagger-ui.css",
        swagger_favicon_url="swagger/favicon-32x32.png",
        swagger_ui_parameters={"tryItOutEnabled": True},
    )


@router.get("/livez", tags=["operations"], summary="The process runs")
async def live() -> Response:
    """Answers as long as the event loop does."""
    return json_response({"status": "ok"})


@router.get(
    "/readyz",
    tags=["operations"],
    summary="A prediction can be made",
    responses={503: {"description": "Not yet, or no longer"}},
)
async def ready(request: Request) -> Response:
    """Runs a tiny inference on the default model; 503 while loading and while draining."""
    service_of(request).check_ready()
    return json_response({"status": "ok"})


@router.get(
    "/metrics",
    tags=["operations"],
    summary="Metrics in Prometheus's text format",
    response_class=PlainTextResponse,
)
async def metrics(request: Request) -> Response:
    """Requests, durations, batches, models; the sums of all workers."""
    return Response(exposition(service_of(request)), media_type=CONTENT_TYPE)
