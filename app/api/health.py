"""Whether the process lives, whether it can work, and its figures."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlmodel import Session, func, select

from app import encryption
from app.api.body import StrictRoute
from app.api.metrics import Metrics
from app.api.schemas import Told
from app.db import as_service, is_migrated
from app.deliveries.tables import Delivery
from app.documents.tables import Document
from app.doors import PUBLIC, DbSession
from app.errors import DomainError

router = APIRouter(route_class=StrictRoute, tags=["operation"], dependencies=[PUBLIC])


class Health(Told):
    """The service's own account of itself."""

    status: Literal["alive", "ready"]


@router.get("/healthz", operation_id="is-alive")
def is_alive() -> Health:
    """The process lives. It says nothing of the database."""
    return Health(status="alive")


@router.get("/readyz", operation_id="is-ready")
def is_ready(session: DbSession) -> Health:
    """The database answers, has every migration, and its records can be opened; 503 otherwise."""
    if not is_migrated(session.connection()):
        raise DomainError("not-ready", "The database is not at the newest migration. Run 'sameday migrate'.")
    encryption.check_stored_keys(session)
    return Health(status="ready")


def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics


@router.get("/metrics", operation_id="read-metrics", response_class=Response)
def read_metrics(session: DbSession, metrics: Annotated[Metrics, Depends(_metrics)]) -> Response:
    """Figures for Prometheus. No personal data: counts only, by labels from closed lists."""
    text = metrics.text(deliveries=_deliveries_by_status(session), documents=_documents(session))
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


@as_service
def _deliveries_by_status(session: Session) -> dict[str, int]:
    rows = session.exec(select(Delivery.status, func.count()).group_by(Delivery.status))
    return dict(rows.all())


@as_service
def _documents(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Document)).one()
