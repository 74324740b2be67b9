"""Imported before NumPy: it computes on one thread, unless the environment says otherwise.

NumPy's own threads would compete with the event loop, and with each other, for the cores. A product
of the few phrases that wait together gains nothing from them, and rounds otherwise than with one.
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
