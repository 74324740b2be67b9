"""All endpoints of the service's own protocol; its errors are problem documents (RFC 9457)."""

from app.api.native import models, notebook, phrases, suggestions
from app.api.native.glossary import FIELDS
from app.http.endpoint import Protocol

PROTOCOL = Protocol(
    (*phrases.ENDPOINTS, *suggestions.ENDPOINTS, *notebook.ENDPOINTS, *models.ENDPOINTS),
    fields=FIELDS,
    examples={"model_id": "notebook", "name": "simple_rnn/kernel"},
)
