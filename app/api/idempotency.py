"""Answers already given, kept so that a repeated POST gets the same answer and does nothing twice."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from sqlalchemy import ColumnElement, UniqueConstraint, and_, delete, text, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Field, Session, SQLModel, col, select

from app import encryption
from app.db import UTCDateTime, insert_if_absent, new_id
from app.doors import CurrentActor, DbSession, Now
from app.errors import DomainError

# The draft standard leaves the time to us (draft-ietf-httpapi-idempotency-key-header-07, 2.3): two days outlast any
# client's retries. Answers under a key hold no answers to the form: what is kept here may outlive a withdrawal.
KEPT_FOR = timedelta(hours=48)
# How long a repeat waits for the first call to end before it is told to come back. PostgreSQL only: on SQLite calls
# run one after the other.
WAIT_SECONDS = 3
_KEPT_HEADERS = ("location", "etag")


class IdempotentAnswer(SQLModel, table=True):
    """What one client was answered under one Idempotency-Key on one route."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (UniqueConstraint("account_id", "route", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    route: str = Field(max_length=200, description="Method and path as sent")
    key: str = Field(max_length=255)
    body_digest: str = Field(max_length=64, description="Keyed: a bare hash of a name and a birthday is guessed")
    status: int
    headers: str = Field(default="{}", description="JSON object of the headers that belong to the answer")
    body: str
    answered_at: datetime = Field(sa_type=UTCDateTime, index=True)


@dataclass(frozen=True, slots=True)
class Once:
    """Does a thing once per account, route, path and key. Calling it again gives the first answer.

    The answer is stored in the transaction of what it answers, so that both are there or neither is. A refusal rolls
    back and stores nothing: the same key may then be used for a corrected body.
    """

    session: Session
    account_id: UUID
    route: str
    key: str
    body_digest: str
    now: datetime

    def __call__(self, act: Callable[[], Response]) -> Response:
        """The answer of `act`, or the one it gave before under this key.

        Raises idempotency-key-reused when the key came with another body, and idempotency-key-in-use when the first
        call is still at work.
        """
        self._forget_old()
        if not self._claim():
            return self._first_answer()
        response = act()
        self._keep(response)
        return response

    def _claim(self) -> bool:
        # Of two claims one waits in the database until the other has committed (and loses) or rolled back (and wins).
        is_postgresql = self.session.get_bind().dialect.name == "postgresql"
        if is_postgresql:
            self._execute(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
        try:
            is_first = insert_if_absent(self.session, self._claimed())
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == "55P03":  # lock_not_available
                raise DomainError(
                    "idempotency-key-in-use", "The first call with this key is still at work. Try again in a moment."
                ) from error
            raise
        if is_postgresql:
            self._execute("SET LOCAL lock_timeout = DEFAULT")
        return is_first

    def _claimed(self) -> IdempotentAnswer:
        return IdempotentAnswer(
            account_id=self.account_id,
            route=self.route,
            key=self.key,
            body_digest=self.body_digest,
            status=0,
            body="",
            answered_at=self.now,
        )

    def _execute(self, sql: str) -> None:
        self.session.connection().execute(text(sql))

    def _first_answer(self) -> Response:
        first = self.session.exec(select(IdempotentAnswer).where(self._is_mine())).one()
        if first.body_digest != self.body_digest:
            raise DomainError("idempotency-key-reused", "This key was used with another body. Use a new key.")
        return Response(
            first.body, status_code=first.status, headers=json.loads(first.headers), media_type="application/json"
        )

    def _keep(self, response: Response) -> None:
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        self.session.connection().execute(
            update(IdempotentAnswer)
            .where(self._is_mine())
            .values(
                status=response.status_code,
                headers=json.dumps(headers),
                body=bytes(response.body).decode("utf-8"),
            )
        )

    def _is_mine(self) -> ColumnElement[bool]:
        return and_(
            col(IdempotentAnswer.account_id) == self.account_id,
            col(IdempotentAnswer.route) == self.route,
            col(IdempotentAnswer.key) == self.key,
        )

    def _forget_old(self) -> None:
        self.session.connection().execute(
            delete(IdempotentAnswer).where(
                col(IdempotentAnswer.answered_at) < self.now - KEPT_FOR,
            )
        )


def once(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    now: Now,
    idempotency_key: Annotated[
        str,
        Header(
            pattern=r"^[\x21-\x7e]{1,255}$",
            description="Made by the client, new for each thing it wants done; the same for every repeat of it",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ],
) -> Once:
    """Read the Idempotency-Key of a creating call."""
    state: Any = request.state
    return Once(
        session=session,
        account_id=actor.account_id,
        route=f"{request.method} {request.scope['path']}",
        key=idempotency_key,
        body_digest=encryption.blind_index(session, "body", state.body_sha256).hex(),
        now=now,
    )


OnceOnly = Annotated[Once, Depends(once, scope="function")]
