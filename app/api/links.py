"""One-time links: sent by administrators, used by the person they were sent to."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from app.api.answers import PREFIX, answer
from app.api.body import StrictRoute
from app.api.idempotency import OnceOnly
from app.api.session_cookie import former_session, give_session
from app.api.sign_in import OWN_PAGE, Us, two_at_a_time
from app.api.sign_in_schemas import (
    IssueRecovery,
    Link,
    LinkIssued,
    LinkTold,
    PasskeyByLink,
    PasskeyOptions,
    PasswordByLink,
    TotpBegun,
)
from app.api.values import IdInPath
from app.doors import ADMINISTRATOR, PUBLIC, CurrentActor, DbSession, Now, SettingsGiven
from app.errors import DomainError
from app.people import by_link, links, totp
from app.people.by_link import NewPassword
from app.people.sign_in_tables import OneTimeLink
from app.people.tables import Account

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["sign-in"])
ANYONE = [PUBLIC, OWN_PAGE]


@router.post("/sign-in/link/look", operation_id="look-at-link", dependencies=ANYONE)
def look_at_link(body: Link, session: DbSession, now: Now) -> LinkTold:
    """What a link is for. Looking does not use it up; mail programs that open links do no harm."""
    found = by_link.look(session, body.link, now)
    return LinkTold(
        purpose="invitation" if found.purpose == links.INVITATION else "recovery",
        name=found.name,
        email=found.email,
        expires_at=found.expires_at,
        second_factor=found.second_factor,
    )


@router.post("/sign-in/link/totp", operation_id="begin-totp-by-link", dependencies=ANYONE)
def begin_totp_by_link(body: Link, session: DbSession, settings: SettingsGiven, now: Now) -> TotpBegun:
    """Begin to add an authenticator app. It counts when the password is set with a code of it."""
    secret, email = by_link.begin_totp(session, body.link, now)
    return TotpBegun(secret=secret, address=totp.address_of(secret, email, settings.service_name))


@router.post("/sign-in/link/password", status_code=204, operation_id="set-password-by-link", dependencies=ANYONE)
async def set_password_by_link(
    body: PasswordByLink, request: Request, response: Response, settings: SettingsGiven, now: Now
) -> None:
    """Set the password, use the link up, and sign in. Every other session of the account ends."""
    work = partial(
        by_link.set_password,
        request.app.state.transaction,
        NewPassword(body.link, body.password, body.code),
        memory_kib=settings.argon2_memory_kib,
        former=former_session(request),
        now=now,
    )
    give_session(response, await two_at_a_time(request, work))


@router.post("/sign-in/link/passkey/options", operation_id="begin-passkey-by-link", dependencies=ANYONE)
def begin_passkey_by_link(body: Link, us: Us, session: DbSession, now: Now) -> PasskeyOptions:
    """Options for the browser to make a passkey, in place of password and app."""
    return PasskeyOptions(options=by_link.begin_passkey(session, us, body.link, now))


@router.post("/sign-in/link/passkey", status_code=204, operation_id="add-passkey-by-link", dependencies=ANYONE)
def add_passkey_by_link(
    body: PasskeyByLink, request: Request, response: Response, us: Us, session: DbSession, now: Now
) -> None:
    """Keep the passkey, use the link up, and sign in. Every other session of the account ends."""
    credential, former = body.credential.given(), former_session(request)
    secret = by_link.add_passkey(session, us, body.link, credential, label=body.label, former=former, now=now)
    give_session(response, secret)


@router.post(
    "/accounts/{id}/invitations",
    status_code=201,
    operation_id="send-invitation",
    response_model=LinkIssued,
    dependencies=[ADMINISTRATOR],
)
def send_invitation(
    account_id: IdInPath, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Send the person a link to set up their sign-in; it works for seven days. A newer link ends older ones."""
    return once(lambda: _send(session, actor, account_id, links.INVITATION, False, now))


@router.post(
    "/accounts/{id}/recoveries",
    status_code=201,
    operation_id="send-recovery",
    response_model=LinkIssued,
    dependencies=[ADMINISTRATOR],
)
def send_recovery(
    account_id: IdInPath, body: IssueRecovery, once: OnceOnly, session: DbSession, actor: CurrentActor, now: Now
) -> Response:
    """Send the person a link to set a new password; it works for an hour. A newer link ends older ones."""
    return once(lambda: _send(session, actor, account_id, links.RECOVERY, body.resets_second_factor, now))


def _send(
    session: Session, actor: CurrentActor, account_id: str, purpose: str, resets_second_factor: bool, now: Now
) -> Response:
    account = session.get(Account, UUID(account_id))
    if account is None:
        raise DomainError("not-found", "There is no account with this id.")
    sent: OneTimeLink = links.mail_link(
        session, actor, account, purpose, resets_second_factor=resets_second_factor, now=now
    )
    return answer(LinkIssued(id=sent.id, expires_at=sent.expires_at))
