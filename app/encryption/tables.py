"""The wrapped data keys."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from app.db import UTCDateTime


class DataKey(SQLModel, table=True):
    """The data key of one subject, wrapped. Without it nothing of the subject can be read, in a backup neither."""

    __tablename__ = "data_key"

    id: UUID = Field(primary_key=True, description="The subject: an outcome, an account, a team, or the blind index")
    wrapped: bytes = Field(description="Format byte, nonce, and the 32 bytes of the key in AES-256-GCM")
    key_id: str = Field(max_length=60, index=True, description="The key-encryption key that wraps it")
    rewrapped_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="None: as it was made")
