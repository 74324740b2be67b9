"""Phrase -> tokens -> ids -> padded input. Training and serving call these same functions."""
