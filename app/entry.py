"""Where the `unrolled` command begins: signals are heeded before what takes time is imported.

Until the service has something to lose, a signal that asks it to stop ends it at once, with 0. As
process 1 of a container it could not be asked at all without a handler.
"""

import gc
import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["serve"]:
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, _end)
        _hasten()
    from app.cli import main as command_line  # only now: it takes a while

    command_line()


def _hasten() -> None:
    """Spare a fifth of the start: nothing that is loaded now is garbage (`serve` has the collector
    go on), no plugin of Pydantic's is looked for among all that is installed, and what FastAPI
    checks an OpenAPI document with is built when somebody asks for that document.
    """
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from pydantic import BaseModel  # only now: it looks for plugins

    BaseModel.model_config["defer_build"] = True  # what FastAPI's models inherit
    import fastapi  # noqa: F401

    del BaseModel.model_config["defer_build"]


def _end(_sig: int, _frame: FrameType | None) -> None:
    os._exit(0)
