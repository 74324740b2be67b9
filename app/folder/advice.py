"""What a folder may have meant otherwise: said when it is checked and when it is loaded.

Serving cannot see how a network's text was cut for training. Where the vocabulary, or the card's
own words, show that it was probably cut otherwise, somebody should know.
"""

import difflib

from app.folder.card import Card
from app.text.tokens import TextOptions, tokenize
from app.text.vocabulary import Vocabulary

_ENOUGH_WORDS = 50  # a smaller vocabulary may have no punctuation by chance
_PUNCTUATION = frozenset('.,!?;:"()')
_SPARE = 9  # classes for each word, that no word has
_LIKENESS = 0.75  # difflib's ratio


def advice(card: Card, vocabulary: Vocabulary, options: TextOptions) -> tuple[str, ...]:
    """Sentences, each with what to set; none for a folder that agrees with itself."""
    return (
        *_misspelled(card),
        *_without_class(vocabulary),
        *_without_word(vocabulary),
        *_impossible(vocabulary, options),
        *_undivided(card, vocabulary, options),
    )


def _misspelled(card: Card) -> list[str]:
    fields = [name for name in type(card).model_fields if name not in card.model_fields_set]
    said = []
    for name in card.model_extra or {}:
        near = difflib.get_close_matches(name.lower(), fields, 1, _LIKENESS)
        if near:
            said.append(f"model.json: {name!r:.60} means nothing here; was {near[0]!r} meant?")
    return said


def _without_class(vocabulary: Vocabulary) -> list[str]:
    if not vocabulary.without_class:
        return []
    return [
        f"vocabulary.json: {vocabulary.without_class} words have ids beyond the network's "
        f"{len(vocabulary.words)} classes, and are unknown words"
    ]


def _without_word(vocabulary: Vocabulary) -> list[str]:
    """Many networks have spare classes; where nearly all are, the vocabulary is another's."""
    spare = vocabulary.words[1:].count(None)  # 0 is the padding
    if spare <= _SPARE * len(vocabulary):
        return []
    return [
        f"vocabulary.json: {spare} of the network's {len(vocabulary.words)} classes have no word; "
        "is this the vocabulary that it was trained with?"
    ]


def _impossible(vocabulary: Vocabulary, options: TextOptions) -> list[str]:
    """Words that no phrase can have: the tokenizer would split them, or change them."""
    marks = {options.unknown, options.start, options.number}
    words = [word for word in vocabulary.word_to_id if word not in marks]
    if options.tokenizer in ("words", "whitespace") and not any(m and m.isalnum() for m in marks):
        words = [word for word in words if not _is_plain(word, options)]  # nearly all
    lost = _lost(words, vocabulary, options)
    if not lost:
        return []
    share = len(lost) / len(vocabulary)
    return [
        f"vocabulary.json: no phrase can have {len(lost)} of the words ({share:.1%}), such as "
        f"{lost[0]!r:.60}: the tokenizer {options.tokenizer!r} with lowercase = "
        f"{str(options.lowercase).lower()} splits or changes them. Set tokenizer, lowercase and, "
        "for 'keras', filters and split in model.json as they were in training"
    ]


def _is_plain(word: str, options: TextOptions) -> bool:
    """Whether a word is such that nothing in it is cut or changed; "words" knows numbers."""
    letters = word.isalpha() or (options.tokenizer == "whitespace" and word.isalnum())
    return letters and word.isascii() and (word.islower() or not options.lowercase)


def _lost(words: list[str], vocabulary: Vocabulary, options: TextOptions) -> list[str]:
    """Once all together, which is fast; one by one where that shows that some are split."""
    cut = tokenize(options.split.join(words), options)
    if len(cut) == len(words):
        pairs = zip(words, cut, strict=True)
        return [word for word, token in pairs if not _is(word, token.text, vocabulary)]
    alone = ((word, tokenize(word, options)) for word in words)
    return [
        word
        for word, tokens in alone
        if len(tokens) != 1 or not _is(word, tokens[0].text, vocabulary)
    ]


def _is(word: str, text: str, vocabulary: Vocabulary) -> bool:
    """Whether a token is this word; one that the network can say and not read is not asked for."""
    number = vocabulary.word_to_id[word]
    return text == word or vocabulary.id_of(text) == number or word not in vocabulary.spellings


def _undivided(card: Card, vocabulary: Vocabulary, options: TextOptions) -> list[str]:
    if "tokenizer" in card.model_fields_set or options.tokenizer != "whitespace":
        return []
    words = [word for word in vocabulary.word_to_id if any(map(str.isalnum, word))]
    if len(words) < _ENOUGH_WORDS or any(_PUNCTUATION & set(word) for word in words):
        return []
    return [
        "vocabulary.json: no word has a punctuation mark, and white space alone divides words: "
        "'word,' is unknown where 'word' is known. Set tokenizer in model.json: 'keras' for a "
        "vocabulary of Keras's Tokenizer, 'words', or 'whitespace' where that is right"
    ]
