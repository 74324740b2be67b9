"""Unrolled: next-word prediction with Keras SimpleRNN models, every number inspectable."""

__version__ = "0.1.0"
