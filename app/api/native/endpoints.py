"""All endpoints of the service's own protocol; its errors are problem documents (RFC 9457)."""

from app.api.native import models, notebook, phrases, suggestions
from app.api.native.glossary import FIELDS
from app.api.shapes import both
from app.http.endpoint import Protocol

PROTOCOL = Protocol(
    (*phrases.ENDPOINTS, *suggestions.ENDPOINTS, *notebook.ENDPOINTS, *models.ENDPOINTS),
    fields=FIELDS,
    examples={"model_id": "notebook", "name": "simple_rnn/kernel"},
)

# OpenAI's clients ask for much below /v1 that is not here: they should be able to read that.
NOTHING_ELSE = Protocol((), both, ("/v1",))
