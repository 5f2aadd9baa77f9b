"""The only place where the HTTP app is put together."""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from app.api import (
    access,
    admin,
    break_glass,
    clients,
    deliveries,
    directory,
    documents,
    drafts,
    forms,
    grants,
    health,
    links,
    oauth,
    oidc,
    openapi,
    outcomes,
    own_sign_in,
    problems,
    security_txt,
    sign_in,
    signposts,
    versions,
)
from app.api.envelope import Envelope
from app.api.headers import SecurityHeaders
from app.api.hosts import OwnHosts
from app.api.limits import BodyLimit, CallsAtWork
from app.api.metrics import Metrics
from app.api.oidc_flow import THREADS
from app.api.rate_limits import NetworkLimit, RateLimits
from app.db import engine_for, transactions
from app.doors import DENIALS_AT_ONCE, PASSKEYS_AT_ONCE, check_policies
from app.people.oidc_client import provider_clients
from app.people.passwords import HASHES_AT_ONCE
from app.questionnaires import load_forms
from app.settings import Settings
from app.version import VERSION
from app.worker import Worker

_ROUTERS = (
    health,
    openapi,
    directory,
    forms,
    outcomes,
    drafts,
    versions,
    documents,
    deliveries,
    grants,
    break_glass,
    signposts,
    security_txt,
    admin,
    access,
    sign_in,
    links,
    own_sign_in,
    clients,
    oauth,
    oidc,  # last: /sign-in/{provider} would take what others have below /sign-in
)


def create_app(settings: Settings) -> FastAPI:
    """The service for these settings. Raises PolicyMissingError when a route says nothing about who may call it.

    With `settings.run_worker` the worker starts and stops with the app, in this process.
    """
    # No documentation pages: they load scripts from elsewhere. The description is at /api/v1/openapi.json.
    # No redirects for a missing slash: they would be built from the Host header.
    app = FastAPI(
        title="Sameday",
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.forms = load_forms()
    app.state.providers = provider_clients(settings)
    for module in _ROUTERS:
        app.include_router(module.router)
    problems.install(app)
    _add_layers(app, settings)
    check_policies(app)
    return app


def _add_layers(app: FastAPI, settings: Settings) -> None:
    """What stands around the routes, from the inside out: a call meets the last one first."""
    rate_limits = RateLimits(settings)
    app.state.check_account = rate_limits.check_account
    app.add_middleware(CallsAtWork, most=settings.calls_at_once)
    app.add_middleware(
        BodyLimit,
        default=settings.body_limit_bytes,
        limits={documents.VERIFICATION_PATH: settings.verify_limit_bytes},
    )
    app.add_middleware(NetworkLimit, limits=rate_limits)
    app.add_middleware(OwnHosts, base_url=settings.base_url, names=settings.trusted_hosts)
    app.add_middleware(Envelope, metrics=app.state.metrics)
    app.add_middleware(SecurityHeaders)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    engine = engine_for(settings)
    app.state.transaction = transactions(engine)
    app.state.denials_at_once = Semaphore(DENIALS_AT_ONCE)
    app.state.hashes_at_once = CapacityLimiter(HASHES_AT_ONCE)
    app.state.passkeys_at_once = CapacityLimiter(PASSKEYS_AT_ONCE)
    app.state.sign_in_threads = CapacityLimiter(THREADS)
    worker = Worker(settings, engine) if settings.run_worker else None
    try:
        if worker is not None:
            await run_in_threadpool(worker.start)
        yield
    finally:
        if worker is not None:
            await run_in_threadpool(worker.stop)
        engine.dispose()
