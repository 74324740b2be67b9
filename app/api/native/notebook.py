"""The notebook as a service: trained in slices beside the event loop, answered or downloaded."""

import asyncio
from collections.abc import Callable

from app.api.native.requests import NotebookRequest
from app.api.training import trained
from app.http.endpoint import GET, Endpoint
from app.http.exchange import Exchange, Reply, encode
from app.http.service import Service
from app.notebook.answer import NotebookAnswer
from app.notebook.lines import numpy_lines, zipped_folder


def _endpoint(
    path: str,
    write: Callable[[NotebookAnswer], bytes],
    summary: str,
    *,
    media_type: str = "application/json",
    file: str | None = None,
) -> Endpoint:
    async def run(service: Service, exchange: Exchange, asked: NotebookRequest) -> Reply:
        answer = await trained(service, exchange, asked)
        exchange.mark(b"compute")
        body = await asyncio.to_thread(write, answer)
        exchange.mark(b"encode")
        disposition = (b"content-disposition", b'attachment; filename="%b"' % (file or "").encode())
        return Reply(body, media_type.encode(), 200, (disposition,) if file else ())

    return Endpoint(
        path,
        run,
        (*GET, "POST"),
        NotebookRequest,
        summary=summary,
        name=path.removeprefix("/v1/").replace(".", "_"),
        tag="notebook",
        answer=NotebookAnswer if media_type == "application/json" else None,
        media_type=media_type,
    )


ENDPOINTS = (
    _endpoint("/v1/notebook", encode, "The notebook's steps, trained here and now"),
    _endpoint(
        "/v1/notebook.py",
        lambda answer: numpy_lines(answer).encode(),
        "The trained network as a few lines of NumPy",
        media_type="text/x-python; charset=utf-8",
        file="my_notebook.py",
    ),
    _endpoint(
        "/v1/notebook.zip",
        zipped_folder,
        "The trained network as a model folder",
        media_type="application/zip",
        file="my-notebook.zip",
    ),
)
