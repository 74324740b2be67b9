"""The notebook, live: trained in the page, back and forth through its epochs."""

from typing import Any

from app.notebook.answer import run
from tests.browser.conftest import new_context
from tests.browser.test_look import expect


def test_training_with_a_seed_is_numpy_s_and_the_slider_goes_back(page: Any, site: str) -> None:
    page.goto(site + "/notebook")
    page.locator("#seed").fill("3")
    page.locator("#epochs").fill("200")
    page.get_by_role("button", name="Train it now").click()
    ours = run("This is an example", 2, 1, 200, 3)
    expect(page.locator("#trained")).to_contain_text(f"{ours.history[-1].loss:.4f}")
    page.locator("#epoch").focus()
    page.keyboard.press("Home")
    expect(page.locator("#epoch-now")).to_have_text("0")
    start = float(ours.history[0].weights["simple_rnn/kernel"][0, 0])
    expect(page.locator("#weights-now td").first).to_have_text(f"{start:.4f}".replace("-", "−"))
    page.keyboard.press("End")
    best = f"{100 * float(ours.predictions[0].probabilities.max()):.2f} %"
    expect(page.locator("#answers-now td").nth(1)).to_contain_text(best)


def test_a_guess_opens_the_answer(page: Any, site: str) -> None:
    page.goto(site + "/notebook")
    assert not page.locator("#reveal").evaluate("one => one.open")
    page.get_by_label("example", exact=True).check()
    page.get_by_role("button", name="That is my guess").click()
    expect(page.locator("#verdict")).to_contain_text("It answers “an”")
    expect(page.locator("#reveal pre").first).to_be_visible()


def test_downloads_and_no_javascript(browser: Any, site: str) -> None:
    context = new_context(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(site + "/notebook")
    page.locator("#epochs").fill("20")
    page.get_by_role("button", name="Train it now").click()
    expect(page.locator("#trained")).to_contain_text("20 epochs")
    with page.expect_download() as download:
        page.get_by_role("link", name="NumPy lines").click()
    assert download.value.suggested_filename == "my_notebook.py"
    context.close()
