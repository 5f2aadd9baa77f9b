"""What a site may set, and what is refused when the service starts."""

import pytest
from pydantic import ValidationError

from app.settings import Settings


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://Sameday.Trust.example", "https://sameday.trust.example"),
        ("https://sameday.trust.example/", "https://sameday.trust.example"),
        ("https://sameday.trust.example:443", "https://sameday.trust.example"),
        ("https://sameday.trust.example:8443", "https://sameday.trust.example:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_address_is_kept_as_browsers_write_it(typed: str, origin: str) -> None:
    assert Settings(base_url=typed).base_url == origin


@pytest.mark.parametrize(
    "typed",
    [
        "http://sameday.trust.example",
        "ftp://sameday.trust.example",
        "https://",
        "sameday.trust.example",
        "https://me@sameday.trust.example",
        "https://sameday.trust.example/app",
        "https://sameday.trust.example:99999",
    ],
)
def test_an_address_that_keeps_people_out_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        Settings(base_url=typed)
