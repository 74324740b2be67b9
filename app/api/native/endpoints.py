"""All endpoints of the service's own protocol; its errors are problem documents (RFC 9457)."""

from app.api.native import models, notebook, phrases, suggestions
from app.http.endpoint import Protocol

PROTOCOL = Protocol(
    (*phrases.ENDPOINTS, *suggestions.ENDPOINTS, *notebook.ENDPOINTS, *models.ENDPOINTS)
)
