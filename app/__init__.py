"""Sameday: the outcome of a child protection medical, in the right hands the same day."""
