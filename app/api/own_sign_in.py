"""How I sign in: my password, my authenticator app, my passkeys. All changes need a fresh sign-in."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request

from app.api.answers import PREFIX
from app.api.body import StrictRoute
from app.api.schemas import Listed
from app.api.sign_in import Us, two_at_a_time
from app.api.sign_in_schemas import ChangePassword, Code, NewPasskey, PasskeyOptions, PasskeyTold, TotpBegun
from app.api.values import IdInPath
from app.doors import FRESH, FRESH_FOR_LONG_WORK, SIGNED_IN, CurrentActor, DbSession, Now, SettingsGiven
from app.people import own_sign_in as verbs
from app.people import passkeys, totp
from app.people.sign_in_tables import Passkey
from app.people.tables import Account

router = APIRouter(prefix=f"{PREFIX}/me", route_class=StrictRoute, tags=["sign-in"])


@router.post("/password", status_code=204, operation_id="change-my-password", dependencies=[FRESH_FOR_LONG_WORK])
async def change_my_password(body: ChangePassword, request: Request, settings: SettingsGiven, now: Now) -> None:
    """Replace my password, or set the first one. My other sessions end."""
    work = partial(
        verbs.change_password,
        request.app.state.transaction,
        request.state.actor,
        current=body.current,
        new=body.new,
        memory_kib=settings.argon2_memory_kib,
        now=now,
    )
    await two_at_a_time(request, work)


@router.post("/totp", status_code=201, operation_id="begin-my-totp", dependencies=[FRESH])
def begin_my_totp(session: DbSession, actor: CurrentActor, settings: SettingsGiven, now: Now) -> TotpBegun:
    """Begin to add an authenticator app. The one that is there goes on until a code of the new one is sent."""
    secret = verbs.begin_totp(session, actor, now)
    return TotpBegun(secret=secret, address=totp.address_of(secret, actor.email, settings.service_name))


@router.post("/totp/confirmation", status_code=204, operation_id="confirm-my-totp", dependencies=[FRESH])
def confirm_my_totp(body: Code, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """Put the new app in the place of the former one. My other sessions end."""
    verbs.confirm_totp(session, actor, body.code, now)


@router.get("/passkeys", operation_id="list-my-passkeys", dependencies=[SIGNED_IN])
def list_my_passkeys(session: DbSession, actor: CurrentActor) -> Listed[PasskeyTold]:
    """My passkeys, oldest first."""
    return Listed(items=[_told(one) for one in passkeys.passkeys_of(session, actor.account_id)], next=None)


@router.post("/passkeys/options", operation_id="begin-my-passkey", dependencies=[FRESH])
def begin_my_passkey(us: Us, session: DbSession, actor: CurrentActor, now: Now) -> PasskeyOptions:
    """Options for the browser to make a passkey."""
    return PasskeyOptions(options=passkeys.begin_adding(session, us, session.get_one(Account, actor.account_id), now))


@router.post("/passkeys", status_code=201, operation_id="add-my-passkey", dependencies=[FRESH])
def add_my_passkey(body: NewPasskey, us: Us, session: DbSession, actor: CurrentActor, now: Now) -> PasskeyTold:
    """Keep a passkey."""
    return _told(verbs.add_passkey(session, us, actor, body.credential.given(), body.label, now))


@router.delete("/passkeys/{id}", status_code=204, operation_id="remove-my-passkey", dependencies=[FRESH])
def remove_my_passkey(passkey_id: IdInPath, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """Take a passkey away at once. My other sessions end."""
    verbs.remove_passkey(session, actor, UUID(passkey_id), now)


def _told(one: Passkey) -> PasskeyTold:
    return PasskeyTold(id=one.id, label=one.label, created_at=one.created_at, last_used_at=one.last_used_at)
