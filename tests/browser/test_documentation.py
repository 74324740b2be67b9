"""/docs in a browser that keeps to its policy."""

from typing import Any

from playwright.sync_api import expect

from tests.test_server import PATIENCE


def test_the_documentation_is_shown_under_its_policy(page: Any, site: str) -> None:
    page.goto(f"{site}/docs", timeout=1e3 * PATIENCE)
    operation = page.locator("#operations-phrases-predict_get")
    expect(operation).to_be_visible(timeout=1e3 * PATIENCE)
    expect(operation).to_contain_text("/v1/predict", timeout=1e3 * PATIENCE)
