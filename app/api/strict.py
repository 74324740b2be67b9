"""How a request is read: what is of another type or name is an error, which quotes no value."""

from pydantic import ConfigDict

BODY = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)
QUERY = ConfigDict(extra="forbid", hide_input_in_errors=True)  # whose values are letters
