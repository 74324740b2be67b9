"""The diagram as XML: what it draws for short, long, padded and hostile phrases."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.diagram import diagram
from app.folder.read import load_model
from app.inspection import explain
from tests.small_models import small_model

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> tuple[ElementTree.Element, list[str]]:
    root = ElementTree.fromstring(svg)
    return root, ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_the_notebook_s_numbers_are_in_it(notebook_folder: Path) -> None:
    _, texts = drawn(diagram(explain(load_model(notebook_folder), "this is")))
    said = " ".join(texts)
    for part in ("this id 3", "x·W −6.3124", "h·U −0.4257", "h −0.9946", "an 46.8", "example 46.0"):
        assert part in said


@pytest.mark.parametrize("words", [1, 5, 40])
def test_everything_lies_inside_the_picture(words: int) -> None:
    model = small_model(max_length=30, units=(40, 8))
    root, _ = drawn(diagram(explain(model, " ".join(["w7"] * words), 10)))
    _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
    for element in root.iter():
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        if element.tag in (f"{SVG}rect", f"{SVG}text"):
            assert 0 <= x <= x + float(element.get("width", 0)) <= width
            assert 0 <= y <= y + float(element.get("height", 0)) <= height


def test_a_long_input_is_drawn_from_its_end() -> None:
    model = small_model(max_length=30)
    phrase = " ".join(f"w{number}" for number in range(1, 31))
    _, texts = drawn(diagram(explain(model, phrase)))
    assert "id 30" in texts
    assert "id 1" not in texts


def test_what_a_phrase_says_is_text_and_never_markup(notebook_folder: Path) -> None:
    model = load_model(notebook_folder)
    hostile = "</title><script>alert(1)</script>"
    changed = replace(explain(model, "this is"), phrase=hostile)
    root, _ = drawn(diagram(changed))
    assert "</title><script>" in "".join(root.find(f"{SVG}title").itertext())  # type: ignore[union-attr]
    assert not list(root.iter(f"{SVG}script"))
