"""Memory that was needed for a moment goes back to the system.

glibc keeps what it once had, for the next time. Another C library has no such calls, and does
without.
"""

import ctypes
import os
from collections.abc import Callable

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE = 4 << 20  # bytes: more than a batch's logits
_KEPT = 8 << 20  # bytes at the heap's end: to return and fetch them cost a batch a quarter
_CHOSEN = "MALLOC_MMAP_THRESHOLD_"  # glibc's own variable


def return_what_is_large() -> None:
    """Have each large piece returned as soon as it is free. By itself glibc counts larger and
    larger ones, up to 32 MB, among those that it keeps between others that are still in use.
    """
    if _CHOSEN not in os.environ and (mallopt := _call("mallopt")):
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)  # else 128 KB once the other one is set


def return_what_is_free() -> None:
    """Return all that is free now; of what loading needed, a third of a model's size."""
    if malloc_trim := _call("malloc_trim"):
        malloc_trim(0)


def _call(name: str) -> Callable[..., int] | None:
    if os.name != "posix" or not hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        return None
    found: Callable[..., int] = getattr(library, name)
    return found
