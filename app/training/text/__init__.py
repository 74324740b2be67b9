"""A corpus -> vocabulary, ids and batches; what the text says beyond the next word."""
