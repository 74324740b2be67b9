"""The words of a prompt with their log probabilities, each given the words before it.

As `unrolled evaluate` counts them: every word is given what `predict` would have seen.
"""

from collections.abc import Iterator

import numpy as np

from app.model import Model, check_finite
from app.serving.generation import Piece, Prompt, listed
from app.serving.sampling import log_probabilities
from app.text.padding import pad
from app.text.writing import Writer

_AT_ONCE = 64  # distributions held in memory


def scored(model: Model, prompt: Prompt, count: int) -> Iterator[Piece]:
    """The prompt's pieces; `count` words are listed beside each. The first word has no probability
    in a model without a start word, nor has a start word that stands first.

    Raises NotFinite. May run on any thread.
    """
    ids = prompt.ids
    first = 0 if model.start_id is not None and ids[:1] != (model.start_id,) else 1
    offset = 0
    for text in prompt.pieces[:first]:
        yield Piece(text, offset)
        offset += len(text)
    for begin in range(first, len(ids), _AT_ONCE):
        positions = range(begin, len(ids))[:_AT_ONCE]
        histories = [pad(ids[:at], model.start_id, model.options).ids for at in positions]
        logits = model.engine.forward(np.stack(histories)).logits  # [n, V]
        check_finite(logits)
        for row, at in enumerate(positions):
            logs, text = log_probabilities(logits[row]), prompt.pieces[at]
            writer = Writer(model.vocabulary, model.options, prompt.text[:offset], ids[:at])
            best = listed(writer, logs, count, ids[at], text)
            yield Piece(text, offset, float(logs[ids[at]]), best)
            offset += len(text)
