"""Models in service: the folder they come from, the batches they compute, what is remembered."""
