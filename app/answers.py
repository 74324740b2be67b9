"""What the service answers, as plain data: field names are the HTTP contract.

One definition serves the JSON encoder, the OpenAPI document and the command line. Arrays stay
NumPy arrays of float32, so that their numbers are written with float32's precision. The classes are
not frozen: they would take four times as long to make, and three times to define.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

from app.arrays import Floats, Ids, Mask
from app.errors import UnknownWord

_AsIs = GetPydanticSchema(lambda _source, _handler: core_schema.any_schema())


def _numbers(kind: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": {"type": kind}})


Number = Annotated[np.float32, _AsIs, WithJsonSchema({"type": "number"})]
Vector = Annotated[Floats, _AsIs, _numbers("number")]
Integers = Annotated[Ids, _AsIs, _numbers("integer")]
Booleans = Annotated[Mask, _AsIs, _numbers("boolean")]
Matrix = Annotated[
    Floats,
    _AsIs,
    WithJsonSchema({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}),
]


@dataclass(slots=True)
class Prediction:
    """A suggested next word. Under a `prefix`, `probability` is renormalised over its words."""

    word: str
    id: int
    probability: Number


@dataclass(slots=True)
class Tokenized:
    """`tokens`, `ids` and `spans` (character offsets) run in parallel."""

    model: str
    phrase: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    unknown: tuple[UnknownWord, ...]


@dataclass(slots=True)
class PaddedInput:
    """What enters the network: `mask` is false at padding, `dropped` tokens were cut off."""

    model: str
    phrase: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    unknown: tuple[UnknownWord, ...]
    padded: Integers
    mask: Booleans
    max_length: int
    dropped: int


@dataclass(slots=True)
class HiddenState:
    """One layer's hidden state after one padded position; `masked`: the network skipped it."""

    position: int
    token: str | None
    id: int
    masked: bool
    hidden_state: Vector


@dataclass(slots=True)
class GatedState(HiddenState):
    """The same of a layer with gates: what each of its `terms` came to, and an LSTM's cell.

    `terms` are null where the network skipped the position; a Bidirectional, which merges the
    states of two layers, has none.
    """

    terms: dict[str, Vector] | None
    cell_state: Vector | None


@dataclass(slots=True)
class HiddenStates:
    """The hidden state of one recurrent layer at every timestep."""

    model: str
    phrase: str
    layer: str
    units: int
    timesteps: tuple[GatedState | HiddenState, ...]


@dataclass(slots=True)
class Distribution:
    """The whole softmax distribution in id order; `words[0]` is null, the padding."""

    model: str
    phrase: str
    words: tuple[str | None, ...]
    probabilities: Vector
    logits: Vector


@dataclass(slots=True)
class Predicted:
    """The most probable next words, best first; `next_word` is null where no word fits."""

    model: str
    phrase: str
    next_word: str | None
    predictions: tuple[Prediction, ...]


@dataclass(slots=True)
class PrefixPredicted:
    """The most probable next words that begin with `prefix`.

    `prefix_mass` is the share of the distribution that all such words had.
    """

    model: str
    phrase: str
    next_word: str | None
    predictions: tuple[Prediction, ...]
    prefix: str
    prefix_mass: Number


@dataclass(slots=True)
class Suggestion:
    """What may be inserted: `text` with its spaces, and its `words` as they are shown.

    `probability` is that of a next word, or the share that a word has of all that what is typed may
    become; of a phrase, the product of its words'.
    """

    text: str
    words: tuple[str, ...]
    probability: Number
    kind: Literal["next", "completion", "correction"]


@dataclass(slots=True)
class Suggested:
    """What a text box may offer at the end of `text`.

    `replace` are the character offsets in `text` that an accepted suggestion replaces, `typed` is
    what stands there. `unknown` are words of the sentence that the model does not know.
    `sentence_end` is the probability that the sentence ends here; null where a word is half typed,
    or where the model knows no end.
    """

    model: str
    text: str
    replace: tuple[int, int]
    typed: str
    suggestions: tuple[Suggestion, ...]
    unknown: tuple[str, ...]
    sentence_end: Number | None


@dataclass(slots=True)
class LayerStep:
    """One layer's arithmetic: pre_activation = input_term + recurrent_term + bias.

    The terms are null where the network skips the timestep and carries its state over.
    """

    name: str
    input: Vector | None
    input_term: Vector | None
    recurrent_term: Vector | None
    bias: Vector
    pre_activation: Vector | None
    hidden_state: Vector


@dataclass(slots=True)
class TermStep:
    """One gate's arithmetic: value = f(pre_activation).

    pre_activation = input_term + recurrent_term + bias.
    """

    input_term: Vector
    recurrent_term: Vector
    bias: Vector
    pre_activation: Vector
    value: Vector


@dataclass(slots=True)
class GatedStep:
    """The arithmetic of a layer with gates, by their names, and the state that they make.

    LSTM: input, forget, cell, output; c = forget·c + input·cell, h = output·tanh(c). GRU: update,
    reset, candidate; h = update·h + (1 - update)·candidate. `input` and `terms` are null where the
    network skips the timestep. A Bidirectional has no terms: it merges the two layers before it.
    """

    name: str
    input: Vector | None
    terms: dict[str, TermStep] | None
    cell_state: Vector | None
    hidden_state: Vector


@dataclass(slots=True)
class LayerExcerpt(LayerStep):
    """The most active units of a layer, and of its input: which ones they are."""

    indices: Integers
    input_indices: Integers | None


@dataclass(slots=True)
class GatedExcerpt(GatedStep):
    """The same of a layer with gates."""

    indices: Integers
    input_indices: Integers | None


@dataclass(slots=True)
class ExplainedStep:
    """One padded position; `predictions`: what the network would have said after this word."""

    position: int
    token: str | None
    id: int
    masked: bool
    layers: tuple[LayerExcerpt | GatedExcerpt | LayerStep | GatedStep, ...]
    predictions: tuple[Prediction, ...]


@dataclass(slots=True)
class DenseOutput:
    """The output of a dense layer after the last timestep."""

    name: str
    output: Vector


@dataclass(slots=True)
class DenseExcerpt(DenseOutput):
    """The most active units, or of an output of all words those that are predicted."""

    indices: Integers


@dataclass(slots=True)
class Explained:
    """Everything one forward pass computed. `entropy` is in bits."""

    model: str
    phrase: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    unknown: tuple[UnknownWord, ...]
    padded: Integers
    mask: Booleans
    max_length: int
    dropped: int
    bag_of_words: dict[str, int]
    timesteps: tuple[ExplainedStep, ...]
    dense: tuple[DenseExcerpt | DenseOutput, ...]
    logits: Vector
    predictions: tuple[Prediction, ...]
    entropy: Number


@dataclass(slots=True)
class Excerpt(Explained):
    """An explanation with fewer entries in every vector; its layers say which."""

    logit_indices: Integers


@dataclass(slots=True)
class ComparedPhrase:
    """One phrase as a bag of words, and as the network's memory of it."""

    phrase: str
    bag_of_words: dict[str, int]
    hidden_state: Vector
    predictions: tuple[Prediction, ...]


@dataclass(slots=True)
class Compared:
    """Phrases side by side; both distances are symmetric matrices in the order of `phrases`.

    `hidden_state_distance` is Euclidean, between the last recurrent layer's final states.
    `distribution_distance` is the Jensen-Shannon distance to base 2: 0 the same, 1 disjoint.
    """

    model: str
    phrases: tuple[str, ...]
    results: tuple[ComparedPhrase, ...]
    same_bag_of_words: bool
    hidden_state_distance: Matrix
    distribution_distance: Matrix


@dataclass(slots=True)
class ScoredWord:
    """A word given the words before it; null where the model cannot say (no start word)."""

    word: str
    id: int
    probability: Number | None
    log_probability: Number | None
    rank: int | None


@dataclass(slots=True)
class Scored:
    """A phrase word by word. `log_probability` is natural, summed over the scored words."""

    model: str
    phrase: str
    words: tuple[ScoredWord, ...]
    log_probability: Number | None
    perplexity: Number | None


Answer = Any  # one of the above
