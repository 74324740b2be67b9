"""What schemathesis looks at besides its own checks, loaded by it: `operations.toml` says where.

A request that fits the document may still be refused, for what no schema can say: words that a
model does not know, a model that is not there. Those are the codes that it may be refused with.
"""

from typing import Any

import schemathesis
from schemathesis.core.transport import Response

CODES = {
    "body_too_large",
    "empty_phrase",
    "model_not_found",
    "not_finite",
    "not_found",
    "target_too_long",
    "too_expensive",
    "unknown_words",
}
# Fields whose rule depends on the model or on another field, which makes a request invalid.
FIELDS = {"best_of", "layer", "logit_bias", "prompt", "stream_options", "text", "tokens", "weights"}


@schemathesis.check
def refused_for_what_no_schema_can_say(
    ctx: schemathesis.CheckContext, response: Response, case: "schemathesis.Case[Any]"
) -> bool | None:
    """Nothing that fits the document is called invalid."""
    fits = case.meta is not None and case.meta.generation.mode.is_positive
    if not fits or not 400 <= response.status_code < 500 or case.path.startswith("/v2/"):
        return True  # of the last, whatever is wrong is a 400 without a code
    told = response.json()
    error = told.get("error", told)
    fields = {one["pointer"].split("/")[1] for one in told.get("errors", ())} or {
        error.get("param")
    }
    known = error["code"] in CODES or (error["code"] == "invalid_request" and fields <= FIELDS)
    assert known, f"a request that fits the document is refused: {error['code']} of {fields}"
    return None
