"""Door: the JSON API under /api/v1."""
