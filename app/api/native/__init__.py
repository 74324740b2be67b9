"""The service's own protocol, /v1: phrases and models."""
