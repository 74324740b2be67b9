"""Typing and taking it back: what the browser's own undo restores, and what a hand can do alone."""

import re
from typing import Any

import pytest

from tests.browser.test_keyboard import tab_to
from tests.browser.test_look import expect


def start(page: Any, address: str) -> Any:
    """The text box, reached by Tab and emptied by keys."""
    page.goto(address)
    box = tab_to(page, "#phrase")
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    return box


@pytest.mark.parametrize("taken", ["Tab", "1"])
def test_undo_takes_a_suggestion_back(page: Any, site: str, taken: str) -> None:
    box = start(page, site + "/?model=notebook")
    page.keyboard.type("this i")
    expect(page.locator("[role=option]").first).to_have_text("is")
    page.keyboard.press(taken)
    expect(box).to_have_value("this is ")
    expect(page.locator("#said strong")).to_have_text("an")
    page.keyboard.press("Control+Z")
    expect(box).to_have_value("this i")
    expect(page.locator("[role=option]").first).to_have_text("is")
    page.keyboard.press("Control+Shift+Z")
    expect(box).to_have_value("this is ")


def test_undo_takes_did_you_mean_back(page: Any, site: str) -> None:
    box = start(page, site + "/?model=notebook")
    page.keyboard.type("  thsi is")
    page.keyboard.press("Enter")
    tab_to(page, "#problem button")
    page.keyboard.press("Enter")
    expect(box).to_have_value("  this is")
    expect(page.locator("#problem")).to_be_empty()
    expect(box).to_be_focused()
    page.keyboard.press("Control+Z")
    expect(box).to_have_value("  thsi is")


def test_an_emoji_is_one_character_of_what_is_replaced(page: Any, site: str) -> None:
    box = start(page, site + "/?model=notebook")
    page.keyboard.insert_text("🙂 🙂 this ")
    page.keyboard.type("i")
    expect(page.locator("[role=option]").first).to_have_text("is")
    page.keyboard.press("Tab")
    expect(box).to_have_value("🙂 🙂 this is ")


def test_undo_takes_an_edited_weight_back_after_the_focus_has_left(page: Any, site: str) -> None:
    page.goto(site + "/?phrase=this+is&model=notebook&t=0")
    first = tab_to(page, "#weights input")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.25")
    expect(page.locator("#said")).to_contain_text("with your weights")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    for _ in "0.25":
        if first.input_value() != "-2.1041462":
            page.keyboard.press("Control+Z")
    expect(first).to_have_value("-2.1041462")
    expect(page.locator("#said")).to_contain_text("46.75 %")


def test_the_experiments_have_the_edited_weights(page: Any, site: str) -> None:
    page.goto(site + "/?phrase=this+is&model=notebook&experiments=1")
    own = page.locator("#part-order tbody tr").first
    expect(own).to_contain_text("46.75 %")
    page.locator('[data-name="simple_rnn/kernel"] input').fill("0.25")
    expect(page.locator("#said")).to_contain_text("with your weights")
    [said] = re.findall(r"[0-9]+\.[0-9]{2}", page.locator("#said").inner_text())
    assert said != "46.75"
    page.locator("#part-order").scroll_into_view_if_needed()
    expect(own).to_contain_text(said)


def test_sections_and_the_picture_by_keys(page: Any, site: str) -> None:
    page.goto(site + "/?phrase=this+is&model=notebook")
    words = page.locator("#part-words")
    tab_to(page, "#part-words summary")
    page.keyboard.press("Enter")
    expect(words).not_to_have_attribute("open", "")
    expect(page.locator("#ids")).to_be_hidden()
    page.keyboard.press("Space")
    expect(page.locator("#ids")).to_be_visible()
    tab_to(page, "input[name=form]:checked")
    rolled = page.locator("figure.when-rolled")
    expect(rolled).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(rolled).to_be_visible()
    expect(page.locator("figure.when-unrolled")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(rolled).to_be_hidden()


def test_what_is_folded_stays_folded_and_rolled_up_rolled_up(page: Any, site: str) -> None:
    box = start(page, site + "/?phrase=this+is&model=notebook")
    page.keyboard.type("is")
    expect(page.locator("#ids li")).to_have_count(1)
    tab_to(page, "#part-words summary")
    page.keyboard.press("Enter")
    tab_to(page, "input[name=form]:checked")
    page.keyboard.press("ArrowRight")
    box.focus()
    page.keyboard.type(" an")
    expect(page.locator("#ids li")).to_have_count(2)
    expect(page.locator("#part-words")).not_to_have_attribute("open", "")
    expect(page.locator("figure.when-rolled")).to_be_visible()


def test_the_terms_are_one_stop_and_the_arrows_go_from_row_to_row(page: Any, site: str) -> None:
    page.goto(site + "/?phrase=w1+w2+w3&model=stack&layer=rnn_0&t=3&unit=1")
    row = page.locator("#terms tr[data-term]")
    assert row.count() > 10
    assert page.locator("#terms tr[tabindex='0']").count() == 1
    tab_to(page, "#terms tr[tabindex='0']")
    lit = page.locator("#part-network .wide path.lit").first
    expect(lit).to_have_attribute("data-term", "input")
    page.keyboard.press("ArrowDown")
    expect(row.nth(1)).to_be_focused()
    expect(lit).to_have_attribute("data-term", "recurrent")
    page.keyboard.press("End")
    expect(row.last).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(row.last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    expect(row.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")  # a later word, and still the same row
    expect(page.locator("#part-arithmetic")).to_have_attribute("data-t", "4")
    expect(row.nth(1)).to_be_focused()
    assert page.locator("#terms tr[tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#terms')") is None
    page.keyboard.press("Shift+Tab")
    expect(row.nth(1)).to_be_focused()
