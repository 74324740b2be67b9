"""The teaching notebook for a text of one's own: every step, trained here and now in NumPy."""
