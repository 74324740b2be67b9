"""One loaded model: text, network, engine and card together. Phrase in, answer out.

The only place where words meet arrays. Knows nothing about HTTP, files or batching; what it
answers is in `answers.py`, the deeper looks in `inspection.py` (explain,
compare) and `scoring.py`.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from app.answers import (
    Distribution,
    GatedState,
    HiddenState,
    HiddenStates,
    PaddedInput,
    Predicted,
    Prediction,
    PrefixPredicted,
    Tokenized,
)
from app.arrays import Context, Floats, Ids, Indices, Mask
from app.engines.activations import softmax
from app.engines.base import Engine, Outputs, RecurrentTrace, Trace
from app.engines.prefixes import logits_afresh
from app.engines.topk import top_k
from app.errors import NotFinite, NotFound, UnknownWord
from app.network import Network
from app.text.encoding import Encoded, describe_unknown, encode
from app.text.lookup import Contexts
from app.text.padding import Padded, pad
from app.text.tokens import AS_TYPEWRITTEN, TextOptions, composed, tokenize
from app.text.vocabulary import Vocabulary

DEFAULT_TOP_K = 5


@dataclass(frozen=True, eq=False)
class Model:
    """A network that can be asked about phrases. Immutable; safe to use from any thread."""

    id: str
    vocabulary: Vocabulary
    options: TextOptions
    card: Mapping[str, Any]  # what the folder says of itself, as plain data
    engine: Engine
    fingerprint: str  # changes with any of the folder's files
    blocked: frozenset[str] = frozenset()  # words that are never suggested
    created: int = 0  # Unix time of the network's file
    warnings: tuple[str, ...] = ()  # what the folder may have meant otherwise

    @property
    def network(self) -> Network:
        """The network the engine runs."""
        return self.engine.network

    @property
    def timesteps(self) -> int | None:
        """Of every padded input; None where phrases enter as long as they are."""
        return None if self.options.padding == "none" else self.options.max_length

    @cached_property
    def start_id(self) -> int | None:
        """The id of the start word, where the model has one."""
        return self.vocabulary.id_of(self.options.start)

    @cached_property
    def suggestible(self) -> Mask:
        """[V] True for the words `predict` may suggest: no padding, no marks, none blocked."""
        marks = self.options.unknown, self.options.start, self.options.number
        allowed = np.array([word is not None for word in self.vocabulary.words])
        found = map(self.vocabulary.id_of, (*marks, *self.blocked))
        allowed[[number for number in found if number is not None]] = False
        return allowed

    @cached_property
    def barred(self) -> Indices:
        """The ids that are not `suggestible`."""
        return np.flatnonzero(~self.suggestible)

    @cached_property
    def never_written(self) -> Indices:
        """The ids that no generated text has: `barred`, but for the end of a sentence."""
        return self.barred[self.barred != self.start_id] if self.start_id else self.barred

    @cached_property
    def probe(self) -> Ids:
        """A padded input [1, T] for checking that the model answers."""
        probe = np.zeros((1, self.timesteps or 1), np.int32)
        probe[0, -1] = min(self.vocabulary.word_to_id.values())
        return probe

    def encode(self, phrase: str) -> Encoded:
        """Raises UnknownWords where the model has no word to stand in."""
        return encode(phrase, self.vocabulary, self.options)

    def pad(self, encoded: Encoded) -> Padded:
        """Raises EmptyPhrase where the phrase is empty and the model has no start word."""
        return pad(encoded.ids, self.start_id, self.options)

    def context(self, phrase: str) -> Context:
        """The ids whose timesteps the network computes: the padding too unless it is masked.

        Raises what `encode` and `pad` raise.
        """
        return self._contexts.of(phrase)

    @cached_property
    def _contexts(self) -> Contexts:
        return Contexts(self.vocabulary, self.options, self.start_id, self.network.mask_zero)

    def token_at(self, encoded: Encoded, padded: Padded, timestep: int) -> str | None:
        """The token that entered at a timestep: the start word too, None for padding."""
        position = padded.positions[timestep]
        if position is not None:
            return encoded.tokens[position]
        return self.options.start if padded.mask[timestep] else None

    def tokenize(self, phrase: str) -> Tokenized:
        """Tokens, ids and character spans."""
        encoded = self.encode(phrase)
        unknown = self.unknown_words(phrase, encoded)
        return Tokenized(self.id, phrase, encoded.tokens, encoded.ids, encoded.spans, unknown)

    def unknown_words(self, phrase: str, encoded: Encoded) -> tuple[UnknownWord, ...]:
        """The words that the unknown word stands in for, or that are left out, with the closest
        known ones; positions count all words of the phrase.
        """
        positions = encoded.unknown or encoded.left_out
        if not positions:
            return ()
        tokens = tokenize(phrase, self.options)
        return tuple(describe_unknown(tokens, positions, self.vocabulary))

    def left_out(self, phrase: str) -> tuple[UnknownWord, ...]:
        """The unknown words that this model's card has dropped from a phrase."""
        if not self.options.drop_unknown:
            return ()
        return self.unknown_words(phrase, self.encode(phrase))

    def padded_input(self, phrase: str) -> PaddedInput:
        """Tokens, and the padded ids that enter the network."""
        encoded = self.encode(phrase)
        padded = self.pad(encoded)
        return PaddedInput(
            self.id,
            phrase,
            encoded.tokens,
            encoded.ids,
            encoded.spans,
            self.unknown_words(phrase, encoded),
            padded.ids,
            padded.mask,
            self.options.max_length,
            padded.dropped,
        )

    def hidden_states(self, phrase: str, layer: str | None = None) -> HiddenStates:
        """The hidden state of a recurrent layer (default: the last) at every timestep.

        Raises NotFound where the network has no recurrent layer of that name.
        """
        names = self.network.states
        if layer is not None and layer not in names:
            raise NotFound(f"no such recurrent layer; this model has {', '.join(names)}")
        encoded = self.encode(phrase)
        padded = self.pad(encoded)
        trace = self.trace(padded)
        recurrent = trace.recurrent[-1 if layer is None else names.index(layer)]
        timesteps = tuple(
            _hidden_state(
                recurrent,
                HiddenState(
                    position,
                    self.token_at(encoded, padded, position),
                    int(padded.ids[position]),
                    bool(trace.skipped[position]),
                    state,
                ),
            )
            for position, state in enumerate(recurrent.hidden_state)
        )
        units = recurrent.hidden_state.shape[1]
        return HiddenStates(self.id, phrase, recurrent.name, units, timesteps)

    def outputs(self, phrase: str) -> Outputs:
        """Logits [V] and probabilities [V] of the next word.

        Raises NotFinite where the network overflows.
        """
        outputs = self.engine.forward(self.pad(self.encode(phrase)).ids[np.newaxis])
        check_finite(outputs.logits)
        return Outputs(outputs.logits[0], outputs.probabilities[0])

    def probabilities(self, context: Context) -> Floats:
        """Probabilities [V] after a context. Raises NotFinite where the network overflows."""
        logits = logits_afresh(self.engine, self.options.max_length, [context])
        check_finite(logits)
        probabilities: Floats = softmax(logits)[0]
        return probabilities

    def trace(self, padded: Padded) -> Trace:
        """Every number of the forward pass. Raises NotFinite where the network overflows."""
        trace = self.engine.trace(padded.ids)
        for layer in trace.recurrent:
            check_finite(layer.hidden_state)
        check_finite(trace.logits)
        return trace

    def distribution(self, phrase: str) -> Distribution:
        """The whole distribution, marks and blocked words included."""
        logits, probabilities = self.outputs(phrase)
        return Distribution(self.id, phrase, self.vocabulary.words, probabilities, logits)

    def predict(
        self, phrase: str, k: int = DEFAULT_TOP_K, prefix: str | None = None
    ) -> Predicted | PrefixPredicted:
        """The k most probable next words that may be suggested."""
        return self.answer(phrase, self.outputs(phrase).probabilities, k, prefix)

    def answer(
        self, phrase: str, probabilities: Floats, k: int, prefix: str | None
    ) -> Predicted | PrefixPredicted:
        """Turn a computed distribution [V] into the answer of `predict`."""
        if not prefix:
            best = self.rank(probabilities, k)
            return Predicted(self.id, phrase, best[0].word if best else None, best)
        candidates = self.ids_beginning_with(prefix)  # [N]
        mass = probabilities[candidates].sum()
        shares = probabilities[candidates] / (mass or np.float32(1))
        order = np.argsort(-shares, kind="stable")[:k]
        best = self._predictions(candidates[order], shares[order])
        first = best[0].word if best else None
        return PrefixPredicted(self.id, phrase, first, best, prefix, mass)

    def rank(self, probabilities: Floats, k: int = DEFAULT_TOP_K) -> tuple[Prediction, ...]:
        """The k best suggestible words of a distribution [V], ties by id."""
        ids = top_k(probabilities, k, self.barred)
        return self._predictions(ids, probabilities[ids])

    def _predictions(self, ids: Indices, probabilities: Floats) -> tuple[Prediction, ...]:
        words = self.vocabulary.words
        return tuple(
            Prediction(words[number], int(number), probability)
            for number, probability in zip(ids, probabilities, strict=True)
        )

    def ids_beginning_with(self, prefix: str) -> Indices:
        """Ids [N], ascending, of suggestible words that begin with the letters typed so far."""
        keys, ids = self._by_spelling
        typed = self._spelling(prefix)
        first = bisect_left(keys, typed)
        last = bisect_left(keys, typed + "\U0010ffff")
        return np.sort(ids[first:last])

    @cached_property
    def _by_spelling(self) -> tuple[list[str], Indices]:
        allowed = np.flatnonzero(self.suggestible)
        keys = [self._spelling(str(self.vocabulary.words[number])) for number in allowed.tolist()]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return [keys[at] for at in order], allowed[order]

    def _spelling(self, word: str) -> str:
        word = composed(word)
        if not (word.isascii() and word.isalnum()):  # most are: nothing could be translated
            word = word.translate(AS_TYPEWRITTEN)
        return word.lower() if self.options.lowercase else word


def _hidden_state(layer: RecurrentTrace, state: HiddenState) -> HiddenState | GatedState:
    """A state, with what its gates came to where the layer has any."""
    if len(layer.terms) == 1:
        return state
    t = state.position
    return GatedState(
        t,
        state.token,
        state.id,
        state.masked,
        state.hidden_state,
        None if state.masked else {term.name: term.value[t] for term in layer.terms},
        None if layer.cell_state is None else layer.cell_state[t],
    )


def check_finite(values: Floats) -> None:
    """Raises NotFinite where a linear or relu network has left float32's range."""
    if not np.isfinite(values).all():
        raise NotFinite("the network's numbers overflow for this phrase")
