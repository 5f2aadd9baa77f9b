"""Stage 3: the sealed PDF of a signed version."""
