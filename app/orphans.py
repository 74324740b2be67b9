"""No process outlives the one that started it."""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(parent: int, sig: int) -> None:
    """Have this process sent `sig` once `parent`, which started it, has ended; end if it has.

    Linux can be told so. Elsewhere, a child has to notice that its pipe to the parent is closed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, sig, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
