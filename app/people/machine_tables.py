"""Integrations that call for people of one organisation, and their short-lived access tokens."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class ApiClient(SQLModel, table=True):
    """An integration of one organisation. It proves itself by a key of its own or, when small, by a secret."""

    __tablename__ = "api_client"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    name: str = Field(max_length=100)
    jwks: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    secret_sha256: str | None = Field(default=None, max_length=64, description="Of 256 random bits made by us")
    scopes: str = Field(max_length=200, description="What it may do at most, with spaces between")
    created_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ClientToken(SQLModel, table=True):
    """An access token of an integration. Only the SHA-256 of its 256 random bits is kept."""

    __tablename__ = "client_token"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    client_id: UUID = Field(foreign_key="api_client.id", index=True)
    token_sha256: str = Field(unique=True, max_length=64)
    scopes: str = Field(max_length=200)
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)
