"""The sealed PDF of a version."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from app.db import UTCDateTime, new_id


class Document(SQLModel, table=True):
    """The sealed PDF: its bytes are kept and never made again. A trigger refuses UPDATE and DELETE."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    version_id: UUID = Field(foreign_key="outcome_version.id", unique=True)
    data_encrypted: bytes
    sha256: str = Field(max_length=64, unique=True, description="Of the plain PDF")
    pages: int
    seal_level: str = Field(max_length=10, description="PAdES level reached: B-B, B-T or B-LT")
    seal_note: str | None = Field(default=None, max_length=500, description="Why not higher, when it is not")
    certificate_sha256: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=UTCDateTime)
