"""The short way from a phrase to ids comes to the same ids as the long way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import EmptyPhrase, UnknownWords
from app.text.encoding import encode
from app.text.lookup import Contexts
from app.text.padding import pad
from app.text.tokens import TextOptions
from app.text.vocabulary import Vocabulary

WORDS = ["</s>", "<unk>", "I", "don't", "the", "end", "3", "st", "ς", "x"]
VOCABULARY = {word: number for number, word in enumerate(WORDS, start=1)}
PIECES = st.sampled_from(
    [
        *WORDS,
        "</S>",
        "THE",
        "Don’t",
        "don't.",
        "the.",
        "3.5",
        "Mr.",
        "Σ",
        "i",
        "new",
        ",",
        "",
        "\x1c",
        "\n",
    ]
)
OPTIONS = st.builds(
    TextOptions,
    max_length=st.integers(1, 5),
    tokenizer=st.sampled_from(["whitespace", "words"]),
    lowercase=st.booleans(),
    unknown=st.sampled_from([None, "<unk>", "x"]),
    start=st.sampled_from([None, "</s>", "st"]),
    number=st.sampled_from([None, "3"]),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "post"]),
)


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=8), OPTIONS, st.booleans())
def test_a_context_is_the_padded_input_without_masked_padding(
    pieces: list[str], options: TextOptions, masked: bool
) -> None:
    phrase = " ".join(pieces)
    vocabulary = Vocabulary(VOCABULARY, lowercase=options.lowercase)
    start_id = vocabulary.id_of(options.start) if options.start else None
    contexts = Contexts(vocabulary, options, start_id, masked)
    try:
        padded = pad(encode(phrase, vocabulary, options).ids, start_id, options)
    except (UnknownWords, EmptyPhrase) as error:
        with pytest.raises(type(error)):
            contexts.of(phrase)
        return
    ids = padded.ids[padded.mask] if masked else padded.ids
    assert contexts.of(phrase) == tuple(ids.tolist())
