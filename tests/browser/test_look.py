"""Looking inside, as a person does: typing, stepping, editing, with and without JavaScript."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.browser.conftest import hostile_model, new_context
from tests.http.ways import serving_on

AXE = Path(os.environ.get("AXE", ".axe/node_modules/axe-core/axe.min.js"))
LOOK = "/?phrase=this+is&model=notebook&experiments=1"


def text_of(page: Any, selector: str) -> str:
    return str(page.locator(selector).inner_text())


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect

    return expect(locator)


def test_a_suggestion_is_taken_with_tab_and_with_a_number(page: Any, site: str) -> None:
    page.goto(site)
    page.locator("#phrase").fill("")
    page.locator("#phrase").press_sequentially("this i")
    expect(page.locator("[role=option]").first).to_have_text("is")
    page.keyboard.press("Tab")
    expect(page.locator("#phrase")).to_have_value("this is ")
    expect(page.locator("#said strong")).to_have_text("an")
    expect(page.locator("[role=option]").first).to_have_text("an")
    page.keyboard.press("2")
    expect(page.locator("#phrase")).to_have_value("this is example ")


def test_the_arrow_keys_step_and_the_permalink_leads_back(page: Any, site: str) -> None:
    page.goto(site + LOOK)
    page.locator("#stepper").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#part-arithmetic")).to_have_attribute("data-t", "0")
    expect(page.locator("#stepper")).to_contain_text("−0.9999972")
    expect(page.locator("#part-network .wide g.lit").first).to_have_attribute("data-t", "0")
    page.goto(site + "/" + str(page.locator("#permalink").get_attribute("href")))
    assert page.locator("#part-arithmetic").get_attribute("data-t") == "0"
    assert "−0.9999972" in text_of(page, "#stepper")


def test_an_edited_weight_moves_the_softmax_as_numpy_says(page: Any, site: str) -> None:
    page.goto(site + LOOK)
    values = {
        name: np.array(
            [
                float(value)
                for value in page.locator(f'[data-name="{name}"] input').evaluate_all(
                    "all => all.map(one => one.value)"
                )
            ]
        )
        for name in (
            "simple_rnn/kernel",
            "simple_rnn/recurrent_kernel",
            "simple_rnn/bias",
            "dense/kernel",
            "dense/bias",
        )
    }
    page.locator('[data-name="simple_rnn/kernel"] input').fill("0.25")
    _, U, b, V, c = values.values()
    h = np.tanh(1 * 0.25 + np.tanh(3 * 0.25 + b) * U + b)
    y = np.exp(h * V + c)
    best = f"{100 * (y / y.sum()).max():.2f} %"
    expect(page.locator("#said")).to_contain_text(best)
    expect(page.locator("#said")).to_contain_text("with your weights")
    page.locator("#weights button[type=reset]").click()
    expect(page.locator("#said")).to_contain_text("46.75 %")


def test_what_comes_into_view_leaves_an_answer_that_is_awaited(page: Any, site: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 300})
    page.goto(site + "/?phrase=this+is&model=notebook")
    page.locator("#phrase").fill("is this")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("is this")  # the experiments wait to be seen
    held: list[Any] = []

    def hold(route: Any) -> None:
        if route.request.post_data_json["part"] == "answer":
            held.append(route)
        else:
            route.continue_()

    page.route("**/page/look", hold)
    page.locator("#phrase").fill("this is")
    with page.expect_request("**/page/look"):
        page.keyboard.press("Enter")
    with page.expect_response("**/page/look"):
        page.locator("#experiments").scroll_into_view_if_needed()
    held[0].continue_()
    expect(page.locator("#said")).to_contain_text("46.75 %")


def test_an_edit_and_a_reset_at_once_end_with_the_models_weights(page: Any, site: str) -> None:
    page.clock.install()
    page.goto(site + LOOK)
    with page.expect_response("**/page/look"):
        page.evaluate(
            """() => {
                const { fetch } = window;
                window.asked = 0;
                window.fetch = (...what) => { window.asked += 1; return fetch(...what); };
                const input = document.querySelector('[data-name="simple_rnn/kernel"] input');
                input.value = "0.25";
                input.dispatchEvent(new Event("input", { bubbles: true }));
                document.querySelector("#weights button[type=reset]").click();
            }"""
        )
    page.clock.run_for(1000)  # longer than an edit is waited for
    assert page.evaluate("window.asked") == 1
    expect(page.locator("#said")).not_to_contain_text("with your weights")
    expect(page.locator("#said")).to_contain_text("46.75 %")


def test_a_problem_is_told_and_mended_by_its_suggestion(page: Any, site: str) -> None:
    page.goto(site + LOOK)
    page.locator("#phrase").fill("thsi is")
    page.keyboard.press("Enter")
    alert = page.locator("#problem")
    expect(alert).to_contain_text("thsi")
    alert.get_by_role("button", name="this").click()
    expect(page.locator("#phrase")).to_have_value("this is")
    expect(alert).to_be_empty()


@pytest.mark.parametrize("path", [LOOK, "/notebook"])
def test_320_pixels_without_scrolling_sideways(browser: Any, site: str, path: str) -> None:
    for scripts in (True, False):
        context = new_context(
            browser, viewport={"width": 320, "height": 640}, java_script_enabled=scripts
        )
        page = context.new_page()
        page.goto(site + path)
        # A page without scripts cannot be asked from inside; its main column can be measured.
        for one in page.locator("main > *:visible").all():
            box = one.bounding_box()
            assert box is None or box["x"] + box["width"] <= 321, one.inner_html()[:80]
        if scripts:
            assert page.evaluate("document.documentElement.scrollWidth") == 320
        context.close()


@pytest.mark.parametrize("path", [LOOK, "/notebook"])
@pytest.mark.parametrize(
    "looks", [{}, {"color_scheme": "dark"}, {"forced_colors": "active"}], ids=str
)
def test_axe_finds_nothing(browser: Any, site: str, path: str, looks: dict[str, Any]) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not there: npm install --prefix .axe axe-core")
    context = new_context(browser, **looks)
    page = context.new_page()
    page.goto(site + path)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    context.close()
    said = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
    assert said == []


def test_the_first_view_is_light(page: Any, site: str) -> None:
    sizes: list[dict[str, int]] = []
    page.on("requestfinished", lambda one: sizes.append(one.sizes()))
    page.goto(site + "/?model=english")
    expect(page.locator("#said strong")).to_have_text("much")
    page.wait_for_load_state("networkidle")
    wire = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
    assert len(sizes) >= 5  # the page, its style, three modules
    assert 10_000 < wire <= 40_000


def test_hostile_words_are_text(browser: Any) -> None:
    app = create_app(Settings(log_requests=False), Repository.of(hostile_model()))
    with serving_on(Protocol, app) as served:
        context = new_context(browser)
        page = context.new_page()
        alerts: list[str] = []

        def dismiss(dialog: Any) -> None:
            alerts.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", dismiss)
        page.goto("http://{}:{}/?phrase=a+b+c&experiments=1".format(*served.address))
        expect(page.locator("#part-take pre").first).to_be_visible()
        assert "<script>alert(1)</script>" in page.locator("#part-softmax").inner_text()
        assert page.locator("main script").count() == 0
        page.locator("#phrase").focus()
        page.keyboard.press("End")
        page.keyboard.type(" ")
        expect(page.get_by_role("option").filter(has_text="<script>")).to_have_count(1)
        context.close()
    assert alerts == []
