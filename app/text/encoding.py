"""Tokens -> ids, and what is said of words that have none."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from app.errors import UnknownWord, UnknownWords
from app.text.tokens import TextOptions, Token, tokenize
from app.text.vocabulary import Vocabulary

_SUGGESTED_WORDS = 8  # unknown words that get suggestions: looking them up costs a vocabulary scan
_LONGEST_WORD = 64


class Encoded(NamedTuple):
    """A phrase as ids. `tokens`, `ids` and `spans` run in parallel."""

    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    unknown: tuple[int, ...]  # positions of tokens that `options.unknown` stands in for
    left_out: tuple[int, ...] = ()  # of unknown words, among all that the phrase has


def encode(phrase: str, vocabulary: Vocabulary, options: TextOptions) -> Encoded:
    """Tokenize a phrase and look up every token.

    Raises UnknownWords where a token is unknown, the model has no unknown word, and its card does
    not say that such words are dropped.
    """
    tokens = tokenize(phrase, options)
    found = [vocabulary.id_of(token.text) for token in tokens]
    missing = tuple(position for position, number in enumerate(found) if number is None)
    stand_in = vocabulary.id_of(options.unknown)
    if missing and stand_in is None and options.drop_unknown:
        return _without(tokens, found, missing)
    if missing and stand_in is None:
        named = (tokens[at].text[:_LONGEST_WORD] for at in missing[:_SUGGESTED_WORDS])
        listed = ", ".join(map(repr, named))
        more = len(missing) - _SUGGESTED_WORDS
        listed += f" and {more} more" if more > 0 else ""
        describe = partial(describe_unknown, tokens, missing, vocabulary)
        raise UnknownWords(f"not in the model's vocabulary: {listed}", describe)
    return Encoded(
        tuple(token.text for token in tokens),
        tuple(stand_in if number is None else number for number in found),  # type: ignore[misc]
        tuple((token.start, token.end) for token in tokens),
        missing,
    )


def _without(
    tokens: Sequence[Token], found: Sequence[int | None], missing: tuple[int, ...]
) -> Encoded:
    known = [(one, number) for one, number in zip(tokens, found, strict=True) if number is not None]
    return Encoded(
        tuple(token.text for token, _ in known),
        tuple(number for _, number in known),
        tuple((token.start, token.end) for token, _ in known),
        (),
        missing,
    )


def describe_unknown(
    tokens: Sequence[Token], positions: Sequence[int], vocabulary: Vocabulary
) -> list[UnknownWord]:
    """Unknown tokens with the closest known words; the first few only, a scan each."""
    texts = [token.text for token in tokens]
    return [
        UnknownWord(
            texts[position],
            position,
            (tokens[position].start, tokens[position].end),
            vocabulary.closest(texts[position], before=texts[:position])
            if count < _SUGGESTED_WORDS
            else (),
        )
        for count, position in enumerate(positions)
    ]
