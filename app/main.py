"""The only place where the HTTP app is put together."""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from app.api import (
    access,
    admin,
    deliveries,
    directory,
    documents,
    drafts,
    forms,
    health,
    openapi,
    outcomes,
    problems,
    signposts,
    versions,
)
from app.api.limits import BodyLimit, Envelope
from app.api.metrics import Metrics
from app.db import engine_for, transactions
from app.doors import DENIALS_AT_ONCE, check_policies
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
    signposts,
    admin,
    access,
)


def create_app(settings: Settings) -> FastAPI:
    """The service for these settings. Raises PolicyMissingError when a route says nothing about who may call it.

    With `settings.run_worker` the worker starts and stops with the app, in this process.
    """
    metrics = Metrics()
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
    app.state.metrics = metrics
    app.state.forms = load_forms()
    for module in _ROUTERS:
        app.include_router(module.router)
    problems.install(app)
    app.add_middleware(
        BodyLimit,
        default=settings.body_limit_bytes,
        limits={documents.VERIFICATION_PATH: settings.verify_limit_bytes},
    )
    app.add_middleware(Envelope, metrics=metrics)
    check_policies(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    engine = engine_for(settings)
    app.state.transaction = transactions(engine)
    app.state.denials_at_once = Semaphore(DENIALS_AT_ONCE)
    worker = Worker(settings, engine) if settings.run_worker else None
    try:
        if worker is not None:
            await run_in_threadpool(worker.start)
        yield
    finally:
        if worker is not None:
            await run_in_threadpool(worker.stop)
        engine.dispose()
