"""Turns templates into HTML answers. Everything in a template is escaped; nothing is fetched from elsewhere."""

from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(request: Request, template: str, **values: str) -> HTMLResponse:
    """The page made of `template` and `values`; its styles carry the nonce of this answer (`app.api.headers`)."""
    text = _pages.get_template(template).render(csp_nonce=request.state.csp_nonce, **values)
    return HTMLResponse(text)
