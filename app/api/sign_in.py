"""Signing in and out. Whatever is wrong with a sign-in, the answer is the same 401."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response

from app.api.answers import PREFIX
from app.api.body import StrictRoute
from app.api.networks import network_of_call
from app.api.schemas import Listed
from app.api.session_cookie import forget_session, former_session, give_session
from app.api.sign_in_schemas import PasskeyOptions, SessionTold, SignInByPasskey, SignInByPassword
from app.doors import (
    PUBLIC,
    SIGNED_IN,
    CurrentActor,
    DbSession,
    Now,
    SettingsGiven,
    TimesGiven,
    check_same_site,
)
from app.people import passkeys, sessions
from app.people import sign_in as verbs
from app.people.passkeys import RelyingParty, relying_party
from app.people.sign_in import Tried

Done = TypeVar("Done")


def own_page(request: Request, settings: SettingsGiven) -> None:
    """Only for our own pages: nobody is to be signed in by another site's, as somebody else."""
    check_same_site(request, settings)


OWN_PAGE = Depends(own_page, scope="function")
router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["sign-in"])


def us(settings: SettingsGiven) -> RelyingParty:
    """This service as passkeys know it."""
    return relying_party(settings.service_name, settings.base_url)


Us = Annotated[RelyingParty, Depends(us)]


async def two_at_a_time(request: Request, work: Callable[[], Done]) -> Done:
    """Do what computes a password hash, in threads of its own. Who waits holds neither a thread nor a transaction."""
    return await to_thread.run_sync(work, limiter=request.app.state.hashes_at_once)


@router.post("/sign-in/password", status_code=204, operation_id="sign-in-by-password", dependencies=[PUBLIC, OWN_PAGE])
async def sign_in_by_password(
    body: SignInByPassword, request: Request, response: Response, settings: SettingsGiven, now: Now
) -> None:
    """Sign in with password and code. 401 sign-in-failed for everything that is wrong; 429 after many failures."""
    work = partial(
        verbs.sign_in_by_password,
        request.app.state.transaction,
        Tried(body.email, body.password, body.code, network_of_call(request.scope)),
        memory_kib=settings.argon2_memory_kib,
        former=former_session(request),
        now=now,
    )
    give_session(response, await two_at_a_time(request, work))


@router.post("/sign-in/passkey/options", operation_id="begin-sign-in-by-passkey", dependencies=[PUBLIC, OWN_PAGE])
def begin_sign_in_by_passkey(us: Us, session: DbSession, now: Now) -> PasskeyOptions:
    """Options for the browser; the same for everybody but for the challenge, which is good for one use."""
    return PasskeyOptions(options=passkeys.begin_passkey_sign_in(session, us, now))


@router.post("/sign-in/passkey", status_code=204, operation_id="sign-in-by-passkey", dependencies=[PUBLIC, OWN_PAGE])
async def sign_in_by_passkey(body: SignInByPasskey, request: Request, response: Response, us: Us, now: Now) -> None:
    """Sign in with a passkey. Wrong passwords, however many, never delay this."""
    work = partial(
        verbs.sign_in_by_passkey,
        request.app.state.transaction,
        us,
        body.credential.given(),
        former=former_session(request),
        now=now,
    )
    give_session(response, await to_thread.run_sync(work, limiter=request.app.state.passkeys_at_once))


@router.get("/sessions", operation_id="list-sessions", dependencies=[SIGNED_IN])
def list_sessions(session: DbSession, actor: CurrentActor, now: Now, times: TimesGiven) -> Listed[SessionTold]:
    """My sessions, newest first."""
    return Listed(
        items=[
            SessionTold(
                id=one.id,
                method=one.method,
                started_at=one.started_at,
                last_action_at=one.last_action_at,
                ends_at=sessions.ends_at(one, times),
                is_this=one.id == actor.session_id,
            )
            for one in sessions.live_sessions_of(session, actor.account_id, now, times)
        ],
        next=None,
    )


@router.delete("/session", status_code=204, operation_id="sign-out", dependencies=[SIGNED_IN])
def sign_out(response: Response, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """Sign out here. The browser forgets all it keeps of this service."""
    sessions.end_session(session, actor, now)
    forget_session(response)


@router.delete("/sessions", status_code=204, operation_id="sign-out-everywhere", dependencies=[SIGNED_IN])
def sign_out_everywhere(response: Response, session: DbSession, actor: CurrentActor, now: Now) -> None:
    """End all my sessions, this one too."""
    sessions.end_sessions_of(session, actor.account_id, now)
    forget_session(response)
