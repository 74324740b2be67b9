"""A real browser on the real service; skipped, saying so, where there is no Chromium."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.engines.numpy_engine import NumpyEngine
from app.folder.read import load_model
from app.http.uvicorn_protocol import Protocol
from app.layers import Dense, Embedding
from app.main import create_app
from app.model import Model
from app.serving.repository import Repository
from app.settings import Settings
from tests.conftest import MODELS
from tests.http.ways import serving_on
from tests.small_models import model_of, small_network

# Quiet: the browser is to ask nobody but the service.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


PATIENCE = 60_000  # milliseconds that a loaded machine may take


def new_context(browser: Any, **options: Any) -> Any:
    """A window of its own; what it waits for, it waits for patiently."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture(scope="package")  # its event loop would be in the way of later tests
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        api.expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The shipped models, the notebook's the default, and one of two layers; any may call."""
    settings = Settings(default_model="notebook", cors_origins=("*",), log_requests=False)
    shipped = [load_model(MODELS / name) for name in ("notebook", "english")]
    stack = model_of(NumpyEngine(small_network(units=(4, 3), classes=9, cell="GRU")))
    app = create_app(
        settings, Repository.of(*shipped, replace(stack, id="stack"), default="notebook")
    )
    with serving_on(Protocol, app) as served:
        yield "http://{}:{}".format(*served.address)


@pytest.fixture
def page(browser: Any, site: str) -> Iterator[Any]:
    """A new window; it fails where the page asked another origin or broke its policy."""
    context = new_context(browser)
    page = context.new_page()
    foreign: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: foreign.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Policy" in said.text else None)
    yield page
    context.close()
    assert complaints == []
    assert [url for url in foreign if not url.startswith((site, "blob:", "data:"))] == []


def hostile_model() -> Model:
    """Words that would be markup, or turn the reading direction."""
    network = small_network(classes=8)
    model = model_of(NumpyEngine(network), 4)
    words = ["<script>alert(1)</script>", "\u202eevil", "🙂", "'\"&", "a", "b", "c"]
    vocabulary = type(model.vocabulary)({word: at for at, word in enumerate(words, 1)})
    assert isinstance(network.layers[0], Embedding)
    assert isinstance(network.layers[-1], Dense)
    assert np.isfinite(np.asarray(network.layers[-1].kernel)).all()
    return Model("hostile", vocabulary, model.options, model.card, model.engine, model.fingerprint)
