"""A model on disk, both ways: file names, card, reading, writing."""
