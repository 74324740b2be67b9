"""Model files and tokenizers that people have -> a model folder. Nothing in them is executed.

`sources.py` reads a `.h5` (`legacy.py`, `cudnn.py`), a `.keras`, or a model that was pickled
(`pickled.py`); `tokenizers.py` and `kept.py` the forms that vocabularies are kept in
(`unpickling.py`: pickles as plain data), `vectorization.py` the one inside a network, `fitting.py`
the text of one that was not kept; `words.py` brings the two together, and `folder.py` writes what
serving reads. Serving itself knows one format.
"""
