"""Colours: what can be read on what."""

import numpy as np
import pytest

from app.pictures.svg import NEGATIVE, POSITIVE, ZERO, colour, contrast, ink_on


def test_contrast_is_the_standard_s() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == 21
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.005)


def test_the_ends_and_the_middle_are_the_palette_s() -> None:
    assert [colour(value) for value in (-7.0, -1.0, 0.0, 1.0, 7.0)] == [
        NEGATIVE,
        NEGATIVE,
        ZERO,
        POSITIVE,
        POSITIVE,
    ]


def test_a_number_can_be_read_on_the_colour_of_any_value() -> None:
    assert min(contrast(ink_on(colour(v)), colour(v)) for v in np.linspace(-1, 1, 401)) >= 4.5
