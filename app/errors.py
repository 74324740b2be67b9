"""Everything that can go wrong, in one tree. Each error knows its HTTP status and stable code.

UnrolledError
├── ModelError                a model folder that cannot be served; never a client's fault
│   ├── ArchiveError          model.keras is damaged, oversized, or tries something it should not
│   ├── UnsupportedNetwork    a sound archive whose network is outside the contract
│   ├── VocabularyError       vocabulary.json does not fit the network
│   ├── CardError             model.json cannot be understood
│   └── TokenizerError        a tokenizer to import that cannot be read, or cannot be served
├── CorpusError               a text that cannot be used: to train, to evaluate, to predict
├── OtherRun                  a run that cannot begin or go on: what is there is not its own
├── HelperDied                a worker process of a run was killed
├── MissingDependency         an optional package is needed for what was asked
├── SettingsError             an UNROLLED_* setting that cannot be used
├── InternalError             500  internal_error
└── RequestError              what a client sent, or when
    ├── InvalidHttp           400  invalid_http
    ├── InvalidJson           400  invalid_json
    ├── Unauthorized          401  unauthorized
    ├── ModelNotFound         404  model_not_found
    ├── NotFound              404  not_found
    ├── MethodNotAllowed      405  method_not_allowed
    ├── TooSlow               408  too_slow
    ├── BodyTooLarge          413  body_too_large
    ├── TargetTooLong         414  target_too_long
    ├── UnsupportedEncoding   415  unsupported_encoding
    ├── UnsupportedMediaType  415  unsupported_media_type
    ├── InvalidRequest        422  invalid_request
    ├── EmptyPhrase           422  empty_phrase
    ├── UnknownWords          422  unknown_words
    ├── NotFinite             422  not_finite
    ├── TooExpensive          422  too_expensive
    ├── HeadersTooLarge       431  headers_too_large
    ├── UnsupportedTransfer   501  unsupported_transfer_coding
    ├── Overloaded            503  overloaded
    ├── NotReady              503  not_ready
    └── UnsupportedVersion    505  unsupported_http_version

Errors are raised where the cause is known and rendered once, at the edge (http/, cli/).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property


class UnrolledError(Exception):
    """The root. `str(error)` is one sentence for a person; `code` is for programs."""

    code = "error"
    status = 500
    title = "Something went wrong"
    takes_long = False  # milliseconds, to tell: not on the event loop


class ModelError(UnrolledError):
    """A model folder that cannot be served."""

    code = "invalid_model"
    title = "The model cannot be loaded"


class ArchiveError(ModelError):
    """`model.keras` is damaged, too large, or contains what an archive of weights should not."""

    code = "invalid_archive"


class UnsupportedNetwork(ModelError):
    """A network outside the contract; the message names the layer and the option."""

    code = "unsupported_network"


class VocabularyError(ModelError):
    """`vocabulary.json` is not a bijection of words into 1..classes-1."""

    code = "invalid_vocabulary"


class CardError(ModelError):
    """`model.json` has a field that cannot be understood."""

    code = "invalid_card"


class TokenizerError(ModelError):
    """A tokenizer's file that is damaged, no plain data, or outside the contract."""

    code = "invalid_tokenizer"


class OtherRun(UnrolledError):
    """A run that cannot begin or go on, for what is there is not its own: it had other options,
    another vocabulary or another input, is no file, or is what another process writes.
    """

    code = "other_run"
    title = "The run cannot begin or go on"


class CorpusError(UnrolledError):
    """A text that cannot be used: empty, binary, not UTF-8, too short."""

    code = "invalid_corpus"
    title = "The text cannot be used"


class HelperDied(UnrolledError):
    """One of the processes that share a run's work was killed, or failed."""

    code = "helper_died"
    title = "The run was cut off"


class MissingDependency(UnrolledError):
    """An optional package is needed; the message says how to install it."""

    code = "missing_dependency"
    title = "An optional package is missing"


class SettingsError(UnrolledError):
    """A setting that cannot be used; the message names it."""

    code = "invalid_settings"
    title = "The settings cannot be used"


class InternalError(UnrolledError):
    """Something that no client can cause; what it was stands in the log alone."""

    code = "internal_error"
    title = "The service has a fault"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field at fault: a JSON pointer (RFC 6901) and what is wrong with it."""

    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word outside the vocabulary: where it stands and the closest words that are inside.

    `position` counts tokens from 0, `span` is the [start, end) character range in the phrase.
    """

    word: str
    position: int
    span: tuple[int, int]
    suggestions: tuple[str, ...]


class RequestError(UnrolledError):
    """What a client sent, or when; never answered with a 500."""

    status = 422
    title = "The request cannot be answered"

    def __init__(self, detail: str, *, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(detail)
        self.problems = tuple(problems)


class InvalidHttp(RequestError):
    """What arrived is not an HTTP/1.1 request."""

    code, status, title = "invalid_http", 400, "The request is not valid HTTP"


class InvalidJson(RequestError):
    """The body is not JSON."""

    code, status, title = "invalid_json", 400, "The body is not valid JSON"


class Unauthorized(RequestError):
    """API keys are set and the request carries none of them."""

    code, status, title = "unauthorized", 401, "An API key is needed"


class ModelNotFound(RequestError):
    """No model of that name is loaded."""

    code, status, title = "model_not_found", 404, "No such model"


class NotFound(RequestError):
    """No such path, layer or weight."""

    code, status, title = "not_found", 404, "Not found"


class MethodNotAllowed(RequestError):
    """The path exists, the method does not."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"use {' or '.join(allowed)}")
        self.allowed = tuple(allowed)


class BodyTooLarge(RequestError):
    """The body exceeds UNROLLED_MAX_BODY_BYTES."""

    code, status, title = "body_too_large", 413, "The body is too large"

    def __init__(self, limit: int, once: str = "") -> None:
        super().__init__(f"the body is larger than {limit} bytes{once}")


class TooSlow(RequestError):
    """The request did not arrive within UNROLLED_READ_SECONDS, and what its body's size adds."""

    code, status, title = "too_slow", 408, "The request took too long to arrive"


class TargetTooLong(RequestError):
    """The URL is longer than any that is answered."""

    code, status, title = "target_too_long", 414, "The URL is too long"


class UnsupportedEncoding(RequestError):
    """The body is compressed in a way that is not understood."""

    code, status, title = "unsupported_encoding", 415, "The body's encoding is not understood"


class UnsupportedMediaType(RequestError):
    """A QUERY that does not say that its content is JSON."""

    code, status, title = "unsupported_media_type", 415, "The body's type is not understood"


class HeadersTooLarge(RequestError):
    """The headers are larger than any request needs."""

    code, status, title = "headers_too_large", 431, "The headers are too large"


class UnsupportedTransfer(RequestError):
    """The message has a transfer coding other than chunked (RFC 9112, 6.1)."""

    code, status, title = "unsupported_transfer_coding", 501, "The transfer coding is unknown"


class UnsupportedVersion(RequestError):
    """The request is of another version than HTTP/1.0 and HTTP/1.1."""

    code, status, title = "unsupported_http_version", 505, "The HTTP version is not spoken here"


class TooExpensive(RequestError):
    """The work would take longer than UNROLLED_MAX_SECONDS of one core."""

    code, title = "too_expensive", "The request would take too long to compute"


class InvalidRequest(RequestError):
    """A field is missing, of the wrong type or out of range."""

    code, title = "invalid_request", "The request is not valid"


class EmptyPhrase(RequestError):
    """The phrase has no words and the model has no start word."""

    code, title = "empty_phrase", "The phrase is empty"


class UnknownWords(RequestError):
    """Words outside the vocabulary of a model that has no unknown word.

    What is to be told of them takes longer than what most requests compute, and is made once it is
    asked for.
    """

    code, title = "unknown_words", "The phrase has words the model does not know"
    takes_long = True

    def __init__(self, detail: str, describe: Callable[[], Sequence[UnknownWord]]) -> None:
        super().__init__(detail)
        self._describe = describe

    @cached_property
    def unknown(self) -> tuple[UnknownWord, ...]:
        """The words."""
        return tuple(self._describe())


class NotFinite(RequestError):
    """The network's numbers overflow float32 for this phrase, as Keras's would."""

    code, title = "not_finite", "The network overflows for this phrase"


class Overloaded(RequestError):
    """The queue is full; `retry_after` is in seconds."""

    code, status, title = "overloaded", 503, "The service is overloaded"
    retry_after = 1


class NotReady(RequestError):
    """Models are loading, or the service is draining."""

    code, status, title = "not_ready", 503, "The service is not ready"
