"""An integer as JSON Schema has it, where 5.0 is one, in JSON and in a query string."""

import re
from typing import Any

from pydantic import (
    BeforeValidator,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

_LONGEST = 20  # digits, of which no bound has so many
_NUMBER = re.compile(r"([+-]?[0-9]+)(\.0+)?")


def whole(value: object, info: ValidationInfo) -> object:
    """In a query string all values are letters, which are read here: what follows is strict."""
    if isinstance(value, str) and info.mode != "json":
        number = _NUMBER.fullmatch(value.strip())
        return value if number is None else int(number[1][:_LONGEST])
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Behind the bounds, which the document would lack otherwise: Annotated[int, Field(ge=1), WHOLE].
WHOLE = BeforeValidator(whole)


def wholes(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """A list of integers: each is looked at in Python only where one is not written as one."""
    try:
        return handler(value)
    except ValidationError:
        if not isinstance(value, list):
            raise
        found = (isinstance(one, float) and one.is_integer() for one in value)
        return handler([int(one) if at else one for one, at in zip(value, found, strict=True)])


WHOLES = WrapValidator(wholes)
