"""A notebook as both the page and the native endpoint ask for it: its fields, and its training."""

import asyncio
from typing import Annotated

from pydantic import BaseModel, Field

from app import costs
from app.api.nulls import OR_NULL
from app.api.whole import WHOLE
from app.http.exchange import Exchange
from app.http.pieces import made
from app.http.service import Service
from app.notebook.answer import NotebookAnswer, Training
from app.notebook.steps import TEXT, WINDOW


class NotebookFields(BaseModel):
    """What a notebook is made of."""

    text: Annotated[
        str, Field(max_length=4096, description="The text to train on", examples=[TEXT]), OR_NULL
    ] = TEXT
    window: Annotated[
        int, Field(ge=1, le=10, description="Words of an example's phrase"), WHOLE, OR_NULL
    ] = WINDOW
    units: Annotated[
        int, Field(ge=1, le=16, description="Units of the recurrent layer"), WHOLE, OR_NULL
    ] = 1
    epochs: Annotated[
        int,
        Field(ge=0, le=5000, description="How often to go through all examples"),
        WHOLE,
        OR_NULL,
    ] = 500
    seed: Annotated[
        int,
        Field(ge=0, le=2**32 - 1, description="What the first weights are drawn from"),
        WHOLE,
        OR_NULL,
    ] = 56


async def trained(service: Service, exchange: Exchange, asked: NotebookFields) -> NotebookAnswer:
    """Train as asked, in slices beside the event loop; it ends when the client is gone.

    Raises InvalidRequest for a text it cannot use, TooExpensive before a training begins that would
    take too long.
    """
    told = asked.text, asked.window, asked.units, asked.epochs, asked.seed
    training = await made(service.large, len(asked.text) * asked.window, Training, *told)
    expected = costs.training_seconds(*training.size, asked.epochs)
    costs.check(expected, service.settings.max_seconds, "epochs, units or words")
    loop = asyncio.get_running_loop()
    async with exchange.while_connected():
        while await loop.run_in_executor(service.large, training.advance):
            pass
        return await loop.run_in_executor(service.large, training.answer)
