"""Saving the picture that is shown."""

from typing import Any
from xml.etree import ElementTree

from tests.browser.test_look import LOOK

SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_is_saved_as_png_and_as_svg(page: Any, site: str) -> None:
    page.goto(site + LOOK)
    with page.expect_download() as saved:
        page.locator("#save-svg").click()
    assert saved.value.suggested_filename == "unrolled.svg"
    svg = ElementTree.parse(saved.value.path()).getroot()
    assert svg.tag == f"{SVG}svg"
    assert svg.find(f"{SVG}style") is not None  # it stands alone
    with page.expect_download() as saved:
        page.locator("#save-png").click()
    assert saved.value.suggested_filename == "unrolled.png"
    png = saved.value.path().read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    size = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    assert size == (2 * int(svg.attrib["width"]), 2 * int(svg.attrib["height"]))
