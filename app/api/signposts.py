"""What stands behind the addresses on documents and in notices until there are pages: plain words on how to go on.

The same words for every reference, known or not, so that they tell nobody anything; no reference is repeated.
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.api.pages import page
from app.doors import PUBLIC, SettingsGiven
from app.version import VERSION

router = APIRouter(tags=["operation"], dependencies=[PUBLIC], default_response_class=HTMLResponse)


@router.get("/verify", operation_id="how-to-verify")
def how_to_verify(request: Request, settings: SettingsGiven) -> HTMLResponse:
    """How to ask whether a document is genuine and current."""
    return page(request, "how-to-verify.html", service_name=settings.service_name, version=VERSION)


@router.get("/sign-in/link", operation_id="how-to-use-a-link")
def how_to_use_a_link(request: Request, settings: SettingsGiven) -> HTMLResponse:
    """How to go on with a one-time link. Its secret stands behind the '#', so it is not even sent here."""
    return page(request, "how-to-use-a-link.html", service_name=settings.service_name)


@router.get("/outcomes/{reference}", operation_id="how-to-read")
def how_to_read(request: Request, reference: str, settings: SettingsGiven) -> HTMLResponse:
    """How to read what a notice tells of."""
    return page(request, "how-to-read.html", service_name=settings.service_name)
