"""Reads bodies that are sent as forms (application/x-www-form-urlencoded), with one meaning for each."""

from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 20
MOST_BYTES = 64 * 1024


def fields_of(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises ValueError for a field given twice (RFC 6749, 3.2) and for what is no form."""
    if len(body) > MOST_BYTES:
        raise ValueError("too large")
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return {name: value for name, value in fields.items() if value}  # without a value: as if left out (RFC 6749, 3.2)
