"""What endpoints of one model share: whose model it is, and answers from memory."""

from collections.abc import Hashable
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


def recalled(
    service: Service, exchange: Exchange, model: Model, asked: Hashable | None
) -> Reply | None:
    """What is answered to `asked`, which is all that decides it, as it was last written, where that
    is remembered. None is asked by one person alone.
    """
    body = None if asked is None else service.batcher.recall(model, asked)
    if body is None:
        return None
    exchange.mark(b"compute")
    exchange.mark(b"encode")
    return Reply(body)


def written(
    service: Service, exchange: Exchange, model: Model, asked: Hashable | None, answer: Any
) -> Reply:
    """What is answered to `asked`, to be recalled. Nothing is kept where that is None."""
    exchange.mark(b"compute")
    body = encode(answer)
    if asked is not None:
        service.batcher.keep(model, asked, body)
    exchange.mark(b"encode")
    return Reply(body)
