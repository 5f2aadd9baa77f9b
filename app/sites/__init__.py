"""Pilot sites and their policy: clocks, recipients and the escalation chain."""
