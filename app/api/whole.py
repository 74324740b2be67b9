"""An integer as JSON Schema has it, where 5.0 is one, in JSON and in a query string."""

from typing import Any

from pydantic import (
    BeforeValidator,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

_LONGEST = 20  # digits, of which no bound has so many


def whole(value: object, info: ValidationInfo) -> object:
    """In a query string all values are letters, which are read here: what follows is strict."""
    if isinstance(value, str) and info.mode != "json" and _is_number(value):
        return int(value[:_LONGEST])
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_number(value: str) -> bool:
    digits = value.removeprefix("-")
    return digits.isascii() and digits.isdigit()


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
