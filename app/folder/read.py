"""A model folder -> a Model: card, vocabulary and archive, held against each other."""

import re
from pathlib import Path

from app.engines import make_engine
from app.errors import ArchiveError, ModelError, UnsupportedNetwork, VocabularyError
from app.folder.advice import advice
from app.folder.card import parse_card, parse_word_to_id
from app.folder.contents import read_contents
from app.folder.files import is_folder
from app.folder.hints import import_command
from app.folder.keras import parse_network
from app.layers import Bidirectional
from app.model import Model
from app.network import Network
from app.text.tokens import TextOptions, tokenize

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def load_model(folder: Path, engine: str = "numpy") -> Model:
    """Load one model folder.

    Raises ModelError (its subclasses say which file is at fault), or MissingDependency where the
    engine is not installed.
    """
    try:
        if not is_folder(folder):
            raise ModelError(f"{folder} is not a folder")
        return _load(folder, engine)
    except (ArchiveError, VocabularyError) as error:
        command = import_command(folder)
        if command is None:
            raise
        raise type(error)(f"{error}; to make a model folder of these files: {command}") from error
    except OSError as error:  # it may change, or go, while it is read
        raise ModelError(f"{folder.name} cannot be read: {error.strerror}") from error


def check_name(folder: Path) -> None:
    """Raises ModelError where the name of a folder cannot be a model's id, which URLs carry."""
    if not ID.fullmatch(folder.name):
        raise ModelError(
            f"{folder.name!r:.80} cannot be a model's name: up to 64 letters, digits, "
            "'.', '_' and '-', a letter or digit first"
        )


def _load(folder: Path, engine: str) -> Model:
    contents = read_contents(folder)
    card = parse_card(contents.card)
    contents.check_digests(card)
    word_to_id = parse_word_to_id(contents.vocabulary)
    network = parse_network(contents.archive, apart=True)
    vocabulary = card.vocabulary(word_to_id, network)
    options = card.text_options(network, vocabulary)
    _check_last_step(network, options)
    tokenize("é", options)  # what beyond ASCII is a letter takes 20 ms to list: not while serving
    model = Model(
        id=folder.name,
        vocabulary=vocabulary,
        options=options,
        card=card.model_dump(mode="json"),
        blocked=frozenset(card.blocked),
        engine=make_engine(engine, network, vocabulary.id_of(options.start)),
        fingerprint=contents.fingerprint(),
        created=contents.created,
        warnings=advice(card, vocabulary, options),
    )
    model.ids_beginning_with("a")  # builds an index of all words: not while serving either
    return model


def _check_last_step(network: Network, options: TextOptions) -> None:
    """Keras's answer to a last timestep that is masked: of a Bidirectional, zeros."""
    last = network.layers[network.last_recurrent]
    sequences = isinstance(last, Bidirectional) and last.return_sequences
    if sequences and network.mask_zero and options.padding == "post":
        raise UnsupportedNetwork(
            f"layer {last.name!r} ({last.class_name}): its last timestep answers, which "
            'padding "post" masks; use return_sequences = False'
        )
