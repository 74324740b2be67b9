"""The words of a prompt with their log probabilities, each given the words before it.

As `unrolled evaluate` counts them: every word is given what `predict` would have seen.
"""

from collections.abc import Iterator

from app.inspection import logits_before
from app.model import Model, check_finite
from app.serving.generation import Piece, Prompt, listed
from app.serving.sampling import log_probabilities
from app.text.writing import Writer

_AT_ONCE = 64  # distributions held in memory


def scored(model: Model, prompt: Prompt, count: int) -> Iterator[Piece]:
    """The prompt's pieces; `count` words are listed beside each. The first word has no probability
    in a model without a start word, nor has a start word that stands first.

    Raises NotFinite. May run on any thread.
    """
    ids, pieces = prompt.ids, prompt.pieces
    skipped = int(ids[:1] == (model.start_id,))  # a start word: it is put in front anyway
    first = int(skipped or model.start_id is None)
    for text in pieces[:first]:
        yield Piece(text, 0)
    offset = sum(map(len, pieces[:first]))
    for begin in range(first, len(ids), _AT_ONCE):
        positions = range(begin, len(ids))[:_AT_ONCE]
        shifted = range(positions.start - skipped, positions.stop - skipped)
        logits = logits_before(model, ids[skipped:], shifted)  # [n, V]
        check_finite(logits)
        for row, at in enumerate(positions):
            logs, text = log_probabilities(logits[row]), pieces[at]
            writer = Writer(model.vocabulary, model.options, prompt.text[:offset], ids[:at])
            best = listed(writer, logs, count, ids[at], text)
            yield Piece(text, offset, float(logs[ids[at]]), best)
            offset += len(text)
