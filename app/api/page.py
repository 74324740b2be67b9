"""The page: whole for a browser without JavaScript, in parts for one with it.

The page itself needs no key, and with keys set computes nothing: its parts do, and need one.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.api.training import NotebookFields, trained
from app.errors import ModelNotFound, NotFound, RequestError, UnknownWord, UnknownWords
from app.http.coding import accepted, is_known, tagged
from app.http.endpoint import GET, Endpoint, Protocol
from app.http.exchange import Exchange, Reply
from app.http.service import Service
from app.model import Model
from app.web import snippets
from app.web.course import Course
from app.web.looks import EXAMPLES, Experiments, Look, experiments, look
from app.web.render import render
from app.web.static_files import static_files
from app.what_if import with_weights

_HTML = b"text/html; charset=utf-8"
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

Result = TypeVar("Result")
# The bound is the number's own: an empty field is null, of which it would raise TypeError.
Number = Annotated[
    Annotated[int, Field(ge=0)] | None,
    BeforeValidator(lambda value: None if value == "" else value),
]


class _Lenient(BaseModel):
    """A page's address: what it does not know it leaves alone, as browsers' users expect."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class LookAsked(_Lenient):
    """A look: the permalink's parameters, and the weights that were edited."""

    phrase: Annotated[str, Field(max_length=4096)] | None = None
    model: Annotated[str, Field(max_length=64)] | None = None
    t: Number = None
    unit: Number = None
    layer: Annotated[str, Field(max_length=256)] | None = None
    other: Annotated[str, Field(max_length=4096)] = ""
    experiments: bool = False
    weights: dict[str, Any] | None = None
    part: Literal["answer", "arithmetic", "experiments"] = "answer"


def page(service: Service, html: bytes, status: int = 200) -> Reply:
    """HTML with a strict policy."""
    headers = [
        (b"content-security-policy", _POLICY),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store" if service.settings.keys else b"no-cache"),
    ]
    return Reply(html, _HTML, status, tuple(headers))


async def _computed(
    service: Service, work: Callable[..., Result], model: Model, phrase: str, *told: Any
) -> Result:
    """What takes long, on the threads for large requests: what is small does not wait for it. It
    is told how long it may take.
    """
    most = service.settings.max_seconds
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(service.large, work, model, phrase, most, *told)


async def _start(service: Service, exchange: Exchange, asked: LookAsked) -> Reply:
    """The whole page; without keys, with its answer."""
    keyed = bool(service.settings.keys)
    model = None if keyed else _model(service, asked)
    problem = None if keyed or model else {"title": "No such model", "detail": "", "fixes": ()}
    looked = tried = None
    status = 200 if keyed or model else 404
    phrase = asked.phrase
    if phrase is None:
        phrase = EXAMPLES.get(model.id if model else "", "")
    asked = asked.model_copy(update={"phrase": phrase})
    if model is not None and (phrase or model.start_id is not None):
        try:
            looked = await _computed(service, look, model, phrase, asked.t, asked.unit, asked.layer)
            if asked.experiments:
                tried = await _computed(service, experiments, model, phrase, asked.other or None)
        except RequestError as error:
            problem = await asyncio.to_thread(_problem, error, phrase, model)
            status = error.status
    values = _values(service, asked, model, looked, tried)
    html = await asyncio.to_thread(
        render, "look.html", **values, keyed=keyed, problem=problem, models=_models(service, keyed)
    )
    return page(service, html, status)


async def _parts(service: Service, exchange: Exchange, asked: LookAsked) -> Reply:
    """The part of the page that changes, for the page's own module; problems are JSON."""
    phrase = asked.phrase or ""
    model = service.model(asked.model)
    exchange.model, exchange.phrase = model.id, phrase
    looked = tried = None
    if asked.part == "experiments":
        if asked.weights:
            model = with_weights(model, asked.weights)
        tried = await _computed(service, experiments, model, phrase, asked.other or None)
    else:
        looked = await _computed(
            service, look, model, phrase, asked.t, asked.unit, asked.layer, asked.weights
        )
    exchange.mark(b"compute")
    values = _values(service, asked, model, looked, tried)
    return page(service, await asyncio.to_thread(render, f"{asked.part}.html", **values))


def _values(
    service: Service,
    asked: LookAsked,
    model: Model | None,
    looked: Look | None,
    tried: Experiments | None,
) -> dict[str, Any]:
    name = model.id if model else asked.model or ""
    asks = {"phrase": asked.phrase or "", "model": name}
    reading = looked.arithmetic if looked else None
    layer = {"layer": reading.layer} if reading and len(reading.layers) > 1 else {}
    at = {"t": reading.t, "unit": reading.unit} if reading else {}
    unknown = looked.explained.unknown if looked else ()
    return {
        "here": "look",
        "phrase": asked.phrase or "",
        "model": name,
        "look": looked,
        "experiments": tried,
        "other": asked.other or _another(asked.phrase or ""),
        "fixes": _fixes(unknown, asks["phrase"], name),
        "phrase_query": urlencode(asks),
        "step_query": urlencode({**asks, **layer}),
        "here_query": urlencode({**asks, **layer, **at}),
        "examples": EXAMPLES,
        "snippets": snippets.all_of(asks["phrase"], name, keyed=bool(service.settings.keys)),
    }


def _another(phrase: str) -> str:
    return " ".join(reversed(phrase.split()))


def _model(service: Service, asked: LookAsked) -> Model | None:
    """The model that is asked for, else the default one; None where there is none of that name."""
    try:
        return service.model(asked.model or None)
    except ModelNotFound:
        return None


def _models(service: Service, keyed: bool) -> list[dict[str, Any]]:
    """What the picker lists; with keys set, the module fills it."""
    if keyed or not service.loaded:
        return []
    models = service.repository.models
    return [
        {
            "id": name,
            "title": models[name].card.get("title"),
            "parameters": models[name].network.parameters,
        }
        for name in sorted(models)
    ]


def _problem(error: RequestError, phrase: str, model: Model) -> dict[str, Any]:
    """A problem as the page shows it: what is wrong, and what may have been meant."""
    unknown = error.unknown if isinstance(error, UnknownWords) else ()
    fixes = _fixes(unknown, phrase, model.id)
    return {"title": error.title, "detail": str(error), "fixes": fixes}


def _fixes(unknown: Sequence[UnknownWord], phrase: str, model: str) -> list[dict[str, Any]]:
    """Words that may have been meant, each with the address of the phrase that has it."""
    fixes = []
    for word in unknown[:3]:
        start, end = word.span
        mended = [(one, phrase[:start] + one + phrase[end:]) for one in word.suggestions]
        choices = [
            {"word": one, "query": urlencode({"phrase": whole, "model": model})}
            for one, whole in mended
        ]
        fixes.append({"word": word.word, "choices": choices})
    return fixes


class NotebookAsked(NotebookFields, _Lenient):
    """A notebook: the form's fields."""


async def _notebook(service: Service, exchange: Exchange, asked: NotebookAsked) -> Reply:
    """The whole tour; without keys, trained as the address says."""
    keyed = bool(service.settings.keys)
    course = problem = None
    status = 200
    if not keyed:
        try:
            course = Course(await trained(service, exchange, asked))
        except RequestError as error:
            problem = {"title": error.title, "detail": str(error), "fixes": ()}
            status = error.status
    html = await asyncio.to_thread(
        render,
        "notebook.html",
        here="notebook",
        asked=asked,
        course=course,
        keyed=keyed,
        problem=problem,
    )
    return page(service, html, status)


async def _notebook_part(service: Service, exchange: Exchange, asked: NotebookAsked) -> Reply:
    course = Course(await trained(service, exchange, asked))
    exchange.mark(b"compute")
    return page(service, await asyncio.to_thread(render, "course.html", course=course))


async def _file(service: Service, exchange: Exchange, _request: None) -> Reply:
    """A static file; pages of other origins may import the module."""
    file = static_files().get(exchange.parameters["name"])
    if file is None:
        raise NotFound("there is no such file")
    etag = file.etag.encode()
    zipped = accepted(exchange.header(b"accept-encoding")) == b"gzip"
    headers = [
        (b"etag", tagged(etag, b"gzip") if zipped else etag),
        (b"cache-control", b"no-cache"),
        (b"vary", b"accept-encoding"),
        (b"content-security-policy", _POLICY),
    ]
    if is_known(etag, exchange.header(b"if-none-match")):
        return Reply(b"", b"", 304, tuple(headers))
    content = file.content
    if zipped:
        content = file.compressed
        headers.append((b"content-encoding", b"gzip"))
    return Reply(content, file.media_type.encode(), 200, tuple(headers))


PROTOCOL = Protocol(
    (
        Endpoint("/", _start, GET, LookAsked, key=False, page=True),
        Endpoint("/notebook", _notebook, GET, NotebookAsked, key=False, page=True),
        Endpoint("/page/notebook", _notebook_part, (*GET, "POST"), NotebookAsked),
        Endpoint("/page/look", _parts, (*GET, "POST"), LookAsked),
        Endpoint("/static/{name}", _file, GET, key=False),
    )
)
