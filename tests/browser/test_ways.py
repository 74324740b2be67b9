"""The page behind a prefix and with keys, printed, without motion, with an input method."""

import re
from typing import Any

from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.browser.conftest import hostile_model, new_context
from tests.browser.test_look import LOOK, expect
from tests.http.ways import serving_on


def test_behind_a_prefix_a_key_is_asked_for_and_used(browser: Any) -> None:
    settings = Settings(api_keys=("secret",), root_path="/rnn", log_requests=False)
    app = create_app(settings, Repository.of(hostile_model()))
    with serving_on(Protocol, app) as served:
        origin = "http://{}:{}".format(*served.address)
        context = new_context(browser)
        outside: list[str] = []

        def strip(route: Any) -> None:  # what the proxy in front does
            path = route.request.url.removeprefix(origin)
            if not path.startswith("/rnn/"):
                outside.append(path)
            route.continue_(url=origin + path.removeprefix("/rnn"))

        context.route("**/*", strip)
        page = context.new_page()
        page.goto(origin + "/rnn/?phrase=a+b")
        page.locator("#key").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#key-hint")).to_have_text("That key does not open it.")
        page.locator("#key").fill("secret")
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_be_visible()
        expect(page.locator("#part-take code").first).to_contain_text(origin + "/rnn/v1/explain")
        page.goto(origin + "/rnn/notebook")
        expect(page.locator("#trained")).to_contain_text("500 epochs")
        context.close()
    assert outside == []


def test_the_worksheet_has_its_answers_on_a_second_page(page: Any, site: str) -> None:
    page.goto(site + "/notebook")
    expect(page.locator("#print")).to_be_visible()
    assert page.locator(".worksheet").is_hidden()
    page.emulate_media(media="print")
    expect(page.locator(".worksheet")).to_be_visible()
    for hidden in ("#ask", "#slider", "#reveal", "header", "footer"):
        expect(page.locator(hidden)).to_be_hidden()
    assert "tanh" in page.locator(".page-two").inner_text()
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) == 2


def test_who_asked_for_no_motion_gets_none(browser: Any, site: str) -> None:
    for asked, seconds, scroll in (("reduce", "0s", "auto"), ("no-preference", "0.12s", "smooth")):
        context = new_context(browser, reduced_motion=asked)
        page = context.new_page()
        page.goto(site + LOOK)
        style = "one => getComputedStyle(one)"
        assert page.locator("#answer").evaluate(f"{style}.transitionDuration") == seconds
        assert page.locator("html").evaluate(f"{style}.scrollBehavior") == scroll
        if asked == "reduce":
            moving = "one => one.getAnimations({ subtree: true }).length"
            assert page.locator("html").evaluate(moving) == 0
        context.close()


def test_while_an_input_method_composes_nothing_is_accepted(page: Any, site: str) -> None:
    page.goto(site)
    box = page.locator("#phrase")
    box.fill("")
    box.press_sequentially("this i")
    expect(page.locator("[role=option]").first).to_have_text("is")
    ime = page.context.new_cdp_session(page)
    ime.send("Input.imeSetComposition", {"text": "x", "selectionStart": 1, "selectionEnd": 1})
    expect(box).to_have_value("this ix")
    page.keyboard.press("1")
    expect(box).to_have_value("this ix1")
    ime.send("Input.insertText", {"text": ""})
    box.fill("")
    box.press_sequentially("this i")
    expect(page.locator("[role=option]").first).to_have_text("is")
    page.keyboard.press("1")
    expect(box).to_have_value("this is ")
