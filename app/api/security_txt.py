"""Where to tell of a weakness: /.well-known/security.txt (RFC 9116) and the page of our policy on that."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse

from app.api.pages import page
from app.api.problems import not_found
from app.doors import PUBLIC, Now, SettingsGiven
from app.settings import Settings

SECURITY_TXT = "/.well-known/security.txt"
POLICY = "/security-policy"
# RFC 9116, 2.5.5 recommends less than a year. The file is made at each call, so it never runs out while we live.
VALID_FOR = timedelta(days=180)

router = APIRouter(tags=["operation"], dependencies=[PUBLIC])


@router.get(SECURITY_TXT, operation_id="read-security-txt", response_class=PlainTextResponse)
def read_security_txt(settings: SettingsGiven, now: Now) -> PlainTextResponse:
    """Whom to tell of a weakness, for programs; 404 where the setting `security_contact` is not set."""
    return PlainTextResponse(_security_txt(_contact(settings), settings.base_url.rstrip("/"), now))


@router.get(POLICY, operation_id="read-security-policy", response_class=HTMLResponse)
def read_security_policy(request: Request, settings: SettingsGiven) -> HTMLResponse:
    """What we ask of those who find a weakness, and promise them; 404 where nobody is named who could be told."""
    return page(request, "security-policy.html", service_name=settings.service_name, contact=_contact(settings))


def _security_txt(contact: str, base_url: str, now: datetime) -> str:
    expires = (now + VALID_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    fields = {
        "Contact": contact,
        "Expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Preferred-Languages": "en",
        "Canonical": base_url + SECURITY_TXT,
        "Policy": base_url + POLICY,
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def _contact(settings: Settings) -> str:
    if settings.security_contact is None:
        raise not_found()
    return settings.security_contact
