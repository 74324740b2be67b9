"""What endpoints of one model share: whose model it is, and answers from memory."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from app.http.exchange import Exchange, Reply, encode
from app.http.service import Service
from app.model import Model


def noted(service: Service, exchange: Exchange, asked: Any) -> Model:
    """The model that is asked. Raises ModelNotFound."""
    exchange.phrase = getattr(asked, "phrase", None)
    model = service.model(asked.model)
    exchange.model = model.id
    return model


async def remembered(
    service: Service,
    exchange: Exchange,
    model: Model,
    asked: Hashable | None,
    make: Callable[[], Awaitable[tuple[Any, bool]]],
) -> Reply:
    """What is answered to `asked`, which is all that decides it: as it was written when it was last
    asked, or made and written now. None is asked by one person alone, and nothing of it is kept.

    `make` says too whether what it made may be asked again, so that it is worth keeping.
    """
    body = None if asked is None else service.batcher.recall(model, asked)
    if body is None:
        answer, again = await make()
        exchange.mark(b"compute")
        body = encode(answer)
        if again and asked is not None:
            service.batcher.keep(model, asked, body)
    else:
        exchange.mark(b"compute")
    exchange.mark(b"encode")
    return Reply(body)
