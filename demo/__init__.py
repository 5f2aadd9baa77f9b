"""The demonstration: fifteen worked cases, played by clients of the public REST API. Not part of the service."""
