"""Measurements, side by side with what people use today. Not tests: see README.md."""
