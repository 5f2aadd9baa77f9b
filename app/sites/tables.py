"""Pilot sites."""

from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from app.db import new_id


class Site(SQLModel, table=True):
    """A pilot site, with its policy: clocks, recipients, escalation chain (`sites.rules.SitePolicy` as JSON)."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    code: str = Field(unique=True, max_length=60)
    name: str = Field(max_length=200)
    ods_code: str | None = Field(default=None, max_length=10)
    policy: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
