"""`null` in a field that has a default is the default, as in a field that is left out."""

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticUseDefault, core_schema


def _told(value: object) -> object:
    if value is None:
        raise PydanticUseDefault
    return value


class _OrNull:
    """The type beside it, or null, in the document too. Whether it is null is looked at behind the
    type: what a query string has would be Python's strings behind us, which strict types refuse.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        either = core_schema.nullable_schema(handler(source))
        return core_schema.no_info_after_validator_function(_told, either)


# Last of all: Annotated[int, Field(ge=1), WHOLE, OR_NULL].
OR_NULL = _OrNull()
