"""suggest.js on a page of another origin: docs/text-box.md's example, typed into."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.browser.conftest import new_context
from tests.browser.test_look import expect

ROOT = Path(__file__).parent.parent.parent


def test_the_example_page_gets_suggestions_from_another_origin(
    browser: Any, site: str, tmp_path: Path
) -> None:
    example = (ROOT / "docs" / "text-box.html").read_text()
    (tmp_path / "index.html").write_text(example.replace("http://127.0.0.1:8000", site))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = new_context(browser)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        box = page.get_by_label("Write something")
        box.press_sequentially("this i")
        expect(page.get_by_role("option").first).to_have_text("is")
        page.keyboard.press("Escape")
        expect(page.get_by_role("option")).to_have_count(0)
        box.press_sequentially("s ")
        expect(page.get_by_role("option").first).to_have_text("an")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(box).to_have_attribute("aria-activedescendant", "unrolled-suggestions-1-1")
        page.keyboard.press("Enter")
        expect(box).to_have_value("this is example ")
        box.press_sequentially(".")
        expect(box).to_have_value("this is example.")
        box.press_sequentially(" ,")
        expect(box).to_have_value("this is example. ,")
        context.close()
        server.shutdown()


def test_a_service_that_is_not_there_is_asked_once_and_nothing_is_offered(
    browser: Any, site: str
) -> None:
    context = new_context(browser)
    page = context.new_page()
    page.goto(f"{site}/docs")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    offered = page.evaluate(
        """async () => {
            const { attach } = await import("/static/suggest.js");
            const box = document.body.appendChild(document.createElement("textarea"));
            box.value = "this i";
            box.setSelectionRange(6, 6);
            await attach(box, { url: "/nowhere" }).refresh();
            return box.nextSibling.children.length;
        }"""
    )
    assert offered == 0
    assert [url for url in asked if "/nowhere/" in url] == [f"{site}/nowhere/v1/suggest"]
    context.close()
