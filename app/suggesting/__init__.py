"""Suggestions for a text box: what comes next, what is half typed, what was mistyped."""
