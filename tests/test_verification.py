"""The difference from Keras that `unrolled check` reports, where a network overflows too."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.layers import Recurrent
from app.network import Network
from app.verification import _difference, compare_with_keras
from tests.small_models import small_network

pytestmark = pytest.mark.filterwarnings("error")


def test_what_both_overflow_to_is_no_difference() -> None:
    ours = np.array([1, np.inf, -np.inf, np.nan], np.float32)
    assert _difference(ours, ours) == 0
    assert _difference(ours, np.array([1.5, np.inf, -np.inf, np.nan], np.float32)) == 0.5


def test_what_one_of_them_overflows_to_is_an_infinite_difference() -> None:
    assert _difference(np.array([np.nan], np.float32), np.array([1], np.float32)) == np.inf
    assert _difference(np.array([np.inf], np.float32), np.array([1], np.float32)) == np.inf


@pytest.mark.tensorflow
def test_a_sound_network_differs_by_rounding(keras: Any) -> None:
    agreement = compare_with_keras(small_network(units=(5, 4)), max_length=6)
    assert agreement.phrases == 8
    assert 0 <= agreement.hidden_states < 1e-6
    assert 0 <= agreement.probabilities < 1e-6


@pytest.mark.tensorflow
def test_a_network_that_overflows_is_compared_without_a_warning(keras: Any) -> None:
    network = small_network(units=(5, 4))
    layers = [
        replace(layer, activation="linear", kernel=np.asarray(layer.kernel) * np.float32(1e30))
        if isinstance(layer, Recurrent)
        else layer
        for layer in network.layers
    ]
    overflowing = Network(network.name, network.class_name, tuple(layers), network.max_length)
    assert compare_with_keras(overflowing, max_length=6).phrases == 8
