"""Reading a text takes a time that grows with it alone, whatever stands in it."""

import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.tokens import TextOptions, composed, tokenize
from app.text.typed import read_typed

# Read in a second where the time grows with the length, in an hour where it grows with its square.
# What is typed is read 4,096 characters at a time: many of those in place of one long text.
HOSTILE = """
import resource
from app.text.tokens import TextOptions, tokenize
from app.text.typed import read_typed

resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for text in (
    "." * 400_000,
    "a" + "?!" * 200_000 + "b",
    "a" + "\\u0301\\u0327" * 200_000,
    "\\u0f73" * 200_000,
    "a'" * 200_000,
    "1." * 200_000,
):
    for tokenizer in ("words", "whitespace", "keras", "text_vectorization"):
        tokenize(text, TextOptions(8, tokenizer=tokenizer))
for text in ("." * 4095 + "1", "." * 2048 + '"' * 2047 + "1", "Mr. " * 1024, "a." * 2048):
    for last in range(100):
        read_typed(f"{text} {last}", "words")
print("read")
"""


def test_a_hostile_text_is_read_as_soon_as_any_other() -> None:
    read = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True)
    assert read.stdout == "read\n", read.stderr


@pytest.mark.parametrize("quotes", ['"' * 4096, "he said " + "'" * 4000, "yes" + '"' * 4000])
def test_many_quotes_can_be_typed(quotes: str) -> None:
    """More than Python calls itself."""
    assert read_typed(quotes, "words").space == quotes.startswith("yes")


@given(
    marks=st.sampled_from([(None, None), (".", None), ("</s>", "?!"), ("!.", "…")]),
    text=st.text(".!?…1a \n", max_size=12),
)
def test_stops_are_ends_of_sentences_where_white_space_follows(
    marks: tuple[str | None, str | None], text: str
) -> None:
    """As it can be said more simply, in a time that grows with the square."""
    start, unknown = marks
    written = "".join(f"{re.escape(mark)}|" for mark in (unknown, start) if mark)
    simple = re.compile(rf"({written}(?!))|\d+(?:[.,:]\d+)*|[^\W\d_]+|([.!?…]+(?=\s))")
    expected = []
    for match in simple.finditer(text):
        end = match[2] and start  # None: such ends are no tokens of a model without a start word
        if end is not None or not match[2]:
            expected.append((end or match[0], match.start(), match.end()))
    options = TextOptions(8, tokenizer="words", start=start, unknown=unknown)
    assert [*map(tuple, tokenize(text, options))] == expected


@given(st.text("aé한\u0301\u0327\u0344\u0f73\u0f71\u0323\u1161", min_size=65, max_size=130))
def test_long_words_are_composed_as_unicode_says(word: str) -> None:
    assert composed(word) == unicodedata.normalize("NFC", word)
