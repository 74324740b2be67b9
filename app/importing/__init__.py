"""Model files and tokenizers that people have -> a model folder. Nothing in them is executed.

`unpickling.py` reads pickles as plain data, `tokenizers.py` the forms that vocabularies are kept
in, `fitting.py` the text of one that was not kept, `sources.py` a `.h5` or `.keras`, `pickled.py` a
model that was pickled, `vectorization.py` the vocabulary inside one, and `folder.py` writes what
serving reads. Serving itself knows one format.
"""
