"""The page: what is shown of a look or of the notebook, its templates and its files."""
