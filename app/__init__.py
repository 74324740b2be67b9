"""Unrolled: next-word prediction with recurrent Keras models, every number inspectable."""

__version__ = "0.1.0"
