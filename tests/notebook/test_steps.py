"""A text's way to arrays: the notebook's own, and others."""

import pytest

from app.errors import InvalidRequest
from app.notebook.steps import prepare


def test_every_step_is_the_notebook_s() -> None:
    ready = prepare("This is an example")
    assert ready.examples.phrases == ("this is", "is an")
    assert ready.examples.labels == ("an", "example")
    assert ready.vocabulary.word_to_id == {"is": 1, "an": 2, "this": 3, "example": 4}
    assert ready.encoded == ((3, 1), (1, 2))
    assert ready.padded.tolist() == [[3, 1], [1, 2]]
    assert ready.labels.tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]
    assert ready.x.shape == (2, 2, 1)


@pytest.mark.parametrize(
    ("text", "window"), [("", 1), ("one two", 2), ("w " * 201, 2), ("a b c\x00 d", 2)]
)
def test_a_text_that_cannot_be_used_is_refused_where_it_stands(text: str, window: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        prepare(text, window)
    assert refused.value.problems[0].pointer == "/text"


def test_words_of_any_script() -> None:
    ready = prepare("你好 世界 <script> 🙂 \u202eabc")
    assert set(ready.vocabulary.word_to_id) == {"你好", "世界", "<script>", "🙂", "\u202eabc"}
