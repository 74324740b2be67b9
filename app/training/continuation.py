"""What a run takes from a model that is trained already.

Going on from it: its words, its sizes and its weights are kept. For a text of one's own, of which a
trained model needs far less than a fresh one; or for more passes over the same text.

Learning from it (`teacher_of`): a larger network learns its answers beside the text's own, which
say more of a word than that it came once (Hinton et al. 2015; Furlanello et al. 2018).
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import ModelError
from app.folder.read import load_model
from app.model import Model
from app.text.vocabulary import PADDING_ID, Vocabulary
from app.training.config import Blocked, TrainConfig
from app.training.network.bptt import Teacher, Unrolled
from app.training.network.conversion import parameters_of
from app.training.network.growth import widened, with_words
from app.training.network.parameters import TABLES, Parameters, Shape, slow_units
from app.training.text.corpus import build_vocabulary, count_words


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a run takes over from a model; `facts` are the card's."""

    config: TrainConfig
    vocabulary: Vocabulary
    parameters: Parameters
    facts: dict[str, object]


def continued(folder: Path, config: TrainConfig) -> Continuation:
    """Take over the model in `folder`; of `config` remains how to train, and on what. Where the
    model is to `grow`, its sizes are what it grows to.

    Raises ModelError where it cannot be loaded, is of a kind that is not trained here, or is larger
    than what it is to grow to.
    """
    model = load_model(folder)
    parameters = parameters_of(model.network)
    shape = shape_of_trained(parameters)
    options = model.options
    wanted = config
    config = replace(
        config,
        embedding=shape.embedding,
        units=shape.units,
        slow_units=shape.slow,
        layers=shape.layers,
        projection=0 if shape.tied else shape.projection,
        tied=shape.tied,
        vocabulary_size=len(model.vocabulary),
        max_length=options.max_length,
        tokenizer=options.tokenizer,
        lowercase=options.lowercase,
        unknown=options.unknown,
        start=options.start,
        number=options.number,
        blocked=tuple(dict.fromkeys((*model.card["blocked"], *config.blocked))),
        blocked_after=config.blocked_after or _pairs(model),
        slips=tuple(dict.fromkeys((*model.card["slips"], *config.slips))),
        usual={**model.card["usual"], **config.usual},
        shown_as={**model.card["shown_as"], **config.shown_as},
    )
    taken = Continuation(config, model.vocabulary, parameters, _facts(model))
    if wanted.narrowed:
        return replace(taken, config=_parted(config, shape, wanted))
    return _grown(taken, shape, wanted) if wanted.grow else taken


def _grown(taken: Continuation, shape: Shape, wanted: TrainConfig) -> Continuation:
    """What was taken over, with as many words, columns and units as are wanted."""
    config = replace(
        taken.config,
        embedding=_at_least(shape.embedding, wanted.embedding, "embedding"),
        units=_at_least(shape.units, wanted.units, "units"),
        slow_units=_at_least(shape.slow, wanted.slow_units, "slow_units"),
    )
    slow = config.slow_units - shape.slow
    if slow and shape.slow:
        raise ModelError(f"the paces of its {shape.slow} slow units are given: there are no more")
    if slow > config.units - shape.units:
        raise ModelError(
            f"what is trained already does not turn slow: {slow} slow units more are "
            f"{shape.units + slow} units or more, not {config.units}"
        )
    counts, new = _new_words(taken, wanted)
    if new and shape.tied:
        config = replace(config, embedding=max(config.embedding, shape.embedding + 1))
    parameters = widened(taken.parameters, shape, config.embedding, config.units, slow, config.seed)
    if not new:
        return replace(taken, config=config, parameters=parameters)
    unknown = taken.vocabulary.id_of(config.unknown)
    if unknown is None or shape.classes != len(taken.vocabulary) + 1:
        raise ModelError("new words start as the unknown word, which this model has not")
    came = [counts.pop(word) for word in new]
    parameters = with_words(parameters, shape, unknown, came, counts.total())
    numbers = {word: number for number, word in enumerate(new, shape.classes)}
    vocabulary = Vocabulary(taken.vocabulary.word_to_id | numbers, lowercase=config.lowercase)
    if wanted.reworded:
        vocabulary, parameters = _reworded(vocabulary, parameters, wanted)
    config = replace(config, vocabulary_size=len(vocabulary))
    return Continuation(config, vocabulary, parameters, taken.facts)


def _parted(config: TrainConfig, shape: Shape, wanted: TrainConfig) -> TrainConfig:
    """With a table for the input and one for the output, which the text then says how to cut."""
    if not shape.tied:
        raise ModelError("what is narrowed has one table for input and output: this one has two")
    if wanted.tied or not wanted.projection:
        raise ModelError("a narrowed network is not tied, and has a projection")
    if wanted.embedding > shape.columns or wanted.projection > shape.embedding:
        raise ModelError(f"what is narrowed does not grow: it has {shape.embedding} columns")
    gone = shape.slow if not wanted.slow_units else 0
    if wanted.slow_units not in (0, shape.slow) or (gone and shape.layers > 1):
        raise ModelError(f"of one layer, all of its {shape.slow} slow units stay, or all go")
    return replace(
        config,
        embedding=wanted.embedding,
        projection=wanted.projection,
        units=shape.units - gone,
        slow_units=shape.slow - gone,
        tied=False,
        grow=False,
    )


def _new_words(taken: Continuation, wanted: TrainConfig) -> tuple[Counter[str], list[str]]:
    """Counts of the words that the model does not know, and those of them that it is to know."""
    config, known = taken.config, len(taken.vocabulary) - len(taken.config.marks)
    if wanted.reworded:
        target = build_vocabulary(count_words(config), wanted)
        counts = _unknown_words(config, taken.vocabulary)
        return counts, [word for word in target.word_to_id if word in counts]
    room = _at_least(known, wanted.vocabulary_size, "vocabulary_size") - known
    counts = _unknown_words(config, taken.vocabulary) if room > 0 else Counter[str]()
    return counts, [w for w, _ in counts.most_common() if w not in config.excluded][:room]


def _reworded(
    grown: Vocabulary, parameters: Parameters, wanted: TrainConfig
) -> tuple[Vocabulary, Parameters]:
    """The words of the run's own text alone, in its own order; the rows of the others go."""
    target = build_vocabulary(count_words(wanted), wanted)
    found = (grown.id_of(word) for word in target.word_to_id)
    rows = [PADDING_ID, *(number for number in found if number is not None)]
    tables = {name: parameters[name][rows] for name in TABLES & parameters.keys()}
    return target, parameters | tables


def _at_least(trained: int, wanted: int, size: str) -> int:
    """What is wanted, 0 meaning what is there. Raises ModelError where that is more."""
    if 0 < wanted < trained:
        raise ModelError(f"a model grows, it does not shrink: {size} is {trained} already")
    return wanted or trained


def _unknown_words(config: TrainConfig, vocabulary: Vocabulary) -> Counter[str]:
    counts = count_words(config)
    return Counter({word: n for word, n in counts.items() if vocabulary.id_of(word) is None})


def teacher_of(
    folder: Path, config: TrainConfig, vocabulary: Vocabulary
) -> tuple[Teacher, dict[str, object]]:
    """The model in `folder` as a teacher of `vocabulary`'s words, and the card's facts about it.

    Raises ModelError where it has other words or marks, is of a kind that is not trained here, or
    where the run reads a running text, which a teacher does not.
    """
    if config.context != "sentence":
        raise ModelError("a teacher reads sentences, not a running text")
    model = load_model(folder)
    theirs = model.options.start, model.options.unknown, model.vocabulary.word_to_id
    if theirs != (config.start, config.unknown, vocabulary.word_to_id):
        raise ModelError("a teacher has the run's own words and marks, this model has others")
    parameters = parameters_of(model.network)
    net = Unrolled(shape_of_trained(parameters), parameters)
    return Teacher(net, model.fingerprint), _facts(model)


def _pairs(model: Model) -> tuple[Blocked, ...]:
    pairs = model.card["blocked_after"]
    return tuple(Blocked(tuple(pair["after"]), tuple(pair["words"])) for pair in pairs)


def shape_of_trained(parameters: Parameters) -> Shape:
    """The sizes of a network that is trained already."""
    tied = "output_kernel" not in parameters
    classes, columns = parameters["embeddings"].shape
    projection = parameters.get("projection_kernel")
    return Shape(
        classes,
        embedding=columns - tied,
        units=parameters["bias_0"].size,
        layers=sum(name.startswith("recurrent_kernel") for name in parameters),
        projection=0 if projection is None else projection.shape[1] - tied,
        tied=tied,
        slow=slow_units(parameters["recurrent_kernel_0"]),
    )


def _facts(model: Model) -> dict[str, object]:
    return {"model": model.id, "fingerprint": model.fingerprint, "training": model.card["training"]}
