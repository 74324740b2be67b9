"""Looks at the models folder from time to time, and whenever it is asked to.

Nothing ends it: whatever goes wrong is logged, counted, and tried again with the next look.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.metrics import Metrics
from app.model import Model
from app.serving.repository import Repository

log = logging.getLogger("unrolled")


async def watch(
    repository: Repository,
    metrics: Metrics,
    seconds: float,
    asked: asyncio.Event,
    changed: Callable[[Iterable[Model]], None],
) -> None:
    """Refresh the repository every `seconds` (0: never by itself), at once when `asked` is set;
    `changed` is told what models are served now.

    Reading has a thread of its own, so that requests with much to compute do not keep it waiting.
    """
    if repository.folder is None:
        return
    said = ""
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, "models")
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), seconds or None)
        look = partial(repository.refresh, at_once=asked.is_set(), count=metrics.reloaded)
        asked.clear()
        try:
            if await loop.run_in_executor(thread, look):
                changed(repository.models.values())
        except Exception as error:
            metrics.reloaded("failed")
            if said != repr(error):  # once, not with every look
                traceback = None if isinstance(error, OSError) else error
                log.error(
                    "the models folder was not looked at, what is served stays: %s",
                    error,
                    exc_info=traceback,
                )
            said = repr(error)
        else:
            said = ""
