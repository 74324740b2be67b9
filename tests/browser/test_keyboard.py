"""Everything by keyboard alone: nothing here is clicked, and focus is moved by Tab only."""

from typing import Any

from tests.browser.test_look import expect

MOST_STOPS = 80


def tab_to(page: Any, selector: str) -> Any:
    """Press Tab until the focus is there."""
    wanted = page.locator(selector).first
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return wanted
    raise AssertionError(f"Tab does not lead to {selector}")


def test_a_weight_is_edited_and_put_back(page: Any, site: str) -> None:
    page.goto(site + "/?phrase=this+is&model=notebook&t=0")
    first = tab_to(page, "#weights input")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.25")
    expect(page.locator("#said")).to_contain_text("with your weights")
    expect(page.locator("#part-arithmetic")).to_have_attribute("data-t", "0")
    expect(first).to_be_focused()
    tab_to(page, "#weights button[type=reset]")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("46.75 %")
    expect(page.locator("#weights input").first).to_have_value("-2.1041462")
    expect(page.locator("#weights input").first).to_be_focused()


def test_units_and_layers_and_a_permalink_to_them(page: Any, site: str) -> None:
    page.goto(site + "/?phrase=w1+w2+w3&model=stack&t=4&unit=1&layer=rnn_0")
    read = page.locator("#part-arithmetic")
    expect(read).to_have_attribute("data-layer", "0")
    tab_to(page, "#stepper")
    page.keyboard.press("ArrowDown")
    expect(read).to_have_attribute("data-unit", "2")
    said = read.get_attribute("data-said")
    page.goto(site + "/" + str(page.locator("#permalink").get_attribute("href")))
    place = {name: read.get_attribute(f"data-{name}") for name in ("t", "unit", "layer")}
    assert place == {"t": "4", "unit": "2", "layer": "0"}
    assert read.get_attribute("data-said") == said
    tab_to(page, "#part-states a[data-layer=rnn_1]")
    page.keyboard.press("Enter")
    expect(read).to_have_attribute("data-layer", "1")
    expect(page.locator("#part-states .wide title")).to_have_text(
        "Hidden states of rnn_1, units × timesteps"
    )
    expect(page.locator("#part-states a[data-layer=rnn_1]")).to_be_focused()


def test_the_notebook(page: Any, site: str) -> None:
    page.goto(site + "/notebook")
    tab_to(page, "#epochs")
    page.keyboard.press("Control+A")
    page.keyboard.type("200")
    page.keyboard.press("Enter")
    expect(page.locator("#heard")).to_contain_text("200 epochs")
    slider = tab_to(page, "#epoch")
    page.keyboard.press("Home")
    expect(page.locator("#epoch-now")).to_have_text("0")
    start = page.locator("#loss-now").inner_text()
    expect(slider).to_have_attribute("aria-valuetext", f"0, loss {start}")
    guessed = page.locator("#answers-now tr").last
    expect(guessed).to_contain_text("guess it below")
    tab_to(page, "input[name=guess]")
    page.keyboard.press("Space")
    tab_to(page, "#guessed")
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_contain_text("“an”")
    expect(page.locator("#reveal pre").first).to_be_visible()
    expect(guessed).not_to_contain_text("guess it below")
