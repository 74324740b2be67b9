"""The unrolled network as XML: what is drawn for short, long, padded and hostile phrases."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.folder.read import load_model
from app.inspection import explain
from app.model import Model
from app.pictures.rolled import rolled
from app.pictures.states import heat_strip
from app.pictures.svg import Picture
from app.pictures.unrolled import unrolled
from tests.small_models import small_model

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> tuple[ElementTree.Element, list[str]]:
    root = ElementTree.fromstring(svg)
    return root, ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def pictures(model: Model, phrase: str, columns: int) -> list[Picture]:
    explained = explain(model, phrase, 10)
    return [
        unrolled(explained, model.network, columns=columns),
        rolled(explained, model.network),
        heat_strip(explained, columns=columns),
    ]


def test_the_notebook_s_numbers_are_in_it(notebook_folder: Path) -> None:
    model = load_model(notebook_folder)
    _, texts = drawn(unrolled(explain(model, "this is"), model.network))
    said = " ".join(texts)
    for part in (
        "this id 3",
        "x·W −6.3124",
        "h·U −0.4257",
        "h −0.9946",
        "an 46.8",
        "example 46.0",
        "dense → 5",
    ):
        assert part in said


@pytest.mark.parametrize("columns", [2, 6])
@pytest.mark.parametrize("words", [1, 2, 5, 20, 40])
def test_everything_lies_inside_the_picture(words: int, columns: int) -> None:
    model = small_model(max_length=30, units=(40, 8))
    for picture in pictures(model, " ".join(["w7"] * words), columns):
        root, _ = drawn(picture)
        _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
        for element in root.iter():
            x, y = float(element.get("x", 0)), float(element.get("y", 0))
            if element.tag in (f"{SVG}rect", f"{SVG}text"):
                assert 0 <= x <= x + float(element.get("width", 0)) <= width
                assert 0 <= y <= y + float(element.get("height", 0)) <= height


def test_two_columns_fit_a_phone() -> None:
    model = small_model(max_length=30, units=(40,))
    root, texts = drawn(unrolled(explain(model, " ".join(["w7"] * 20)), model.network, columns=2))
    assert float(root.attrib["viewBox"].split()[2]) <= 360
    assert texts.count("id 7") == 20


def test_masked_padding_is_drawn_once_and_as_skipped() -> None:
    model = small_model(max_length=30)
    root, texts = drawn(unrolled(explain(model, "w1 w2"), model.network))
    assert [text for text in texts if "padding" in text] == ["28 × padding"]
    assert len([box for box in root.iter(f"{SVG}rect") if "dashed" in str(box.get("class"))]) == 1


def test_padding_that_moves_the_state_is_a_timestep(notebook_folder: Path) -> None:
    model = load_model(notebook_folder)
    _, texts = drawn(unrolled(explain(model, "is"), model.network))
    assert texts.count("padding") == 1
    assert "masked:" not in texts


def test_an_arrow_for_every_state_and_every_input() -> None:
    model = small_model(max_length=5, units=(4, 3), masked=False)
    root, _ = drawn(unrolled(explain(model, "w1 w2 w3 w4 w5"), model.network))
    carried = {
        (path.get("data-t"), path.get("data-layer"))
        for path in root.iter(f"{SVG}path")
        if path.get("data-term") == "recurrent"
    }
    assert carried == {(str(t), str(layer)) for t in range(5) for layer in range(2)}


def test_a_picture_in_a_page_has_ids_of_its_own_and_no_style() -> None:
    model = small_model()
    picture = unrolled(explain(model, "w1"), model.network, name="wide")
    root, _ = drawn(picture)
    assert not list(root.iter(f"{SVG}style"))
    assert {element.get("id") for element in root.iter() if element.get("id")} == {
        "wide-title",
        "wide-desc",
        "wide-tip",
    }


def test_jupyter_shows_it() -> None:
    model = small_model()
    picture = rolled(explain(model, "w1"), model.network)
    assert picture._repr_svg_() == picture


def test_what_a_phrase_says_is_text_and_never_markup(notebook_folder: Path) -> None:
    model = load_model(notebook_folder)
    hostile = "</title><script>alert(1)</script>\u202e\x00"
    changed = replace(explain(model, "this is"), phrase=hostile)
    root, _ = drawn(unrolled(changed, model.network))
    title = "".join(root.find(f"{SVG}title").itertext())  # type: ignore[union-attr]
    assert "</title><script>alert(1)</script>��" in title
    assert not list(root.iter(f"{SVG}script"))
