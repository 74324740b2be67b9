"""Templates, made by whoever asks first."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from app.web.render import _environment, render


def test_many_that_ask_first_at_once_have_the_templates_read_once() -> None:
    _environment.cache_clear()
    at_once = Barrier(8)

    def first(_: int) -> bytes:
        at_once.wait()
        return render("key.html", keyed=True, here="look")

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(first, range(8)))) == 1
    assert _environment.cache_info().misses == 1
