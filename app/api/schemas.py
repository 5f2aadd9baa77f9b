"""The whitelist of what may cross the wire: bodies that clients send (strict), and bodies that we answer."""

from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.api.values import Code, Day, Id, Prose, Sent, Surname

State = Literal["draft", "discarded", "signed", "amending", "withdrawn"]


class Told(BaseModel):
    """A body that we answer."""

    model_config = ConfigDict(frozen=True)


Item = TypeVar("Item")


class Listed(Told, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(default=None, description="Send it as ?after= for the page that follows; null at the end")


class BeginOutcome(Sent):
    """Begin an outcome. The id is made by the client, so that a repeat never makes a second outcome."""

    id: Id = Field(examples=["019ab2c3-0000-7000-8000-000000000000"])
    site: Code = Field(description="Code of the site", examples=["solent-royal"])
    form: Literal["cp-medical-outcome"] = "cp-medical-outcome"


class SaveDraft(Sent):
    """All answers of the draft; what is left out is gone."""

    answers: dict[str, Any] = Field(examples=[{"child": {"surname": "Example", "birth-date": "2024-03-09"}}])


class Sign(Sent):
    """Sign the draft. Surname and date of birth are typed again, against signing for the wrong child."""

    surname: Surname = Field(examples=["Example"])
    birth_date: Day = Field(examples=["2024-03-09"])
    amendment_reason: Prose | None = Field(default=None, description="Required when it replaces a signed version")


class Withdraw(Sent):
    """Take the outcome back, all versions of it."""

    reason_code: Literal["wrong-child", "entered-in-error", "other"]
    reason: Prose
    incident_number: Code | None = None
    surname: Surname
    birth_date: Day


class RecordFormalReport(Sent):
    """The full report has been issued; we keep the date only."""

    issued_on: Day


class FormNamed(Told):
    """A form version."""

    name: str
    version: str


class Signer(Told):
    """Who signed, as they were at that moment."""

    name: str
    grade: str | None
    registration: str | None = Field(examples=["GMC 9900001"])


class RecipientNamed(Told):
    """A person or a team, and what they are to the outcome."""

    role: str
    name: str
    organisation: str


class RecipientTold(RecipientNamed):
    """Who is told. reason: why, in words."""

    reason: str


class Missing(Told):
    """A question that still needs an answer before the draft can be signed."""

    pointer: str
    code: str
    detail: str


class Begun(Told):
    """The outcome that was begun."""

    id: UUID
    reference: str = Field(description="Random; says nothing of the child", examples=["7Q4K-2P"])
    site: str
    form: FormNamed


class AmendmentBegun(Told):
    """An amendment was begun; its draft is at Location. The answers are not repeated: this is kept for a repeat."""

    revision: int
    form: FormNamed
    amends_number: int | None


class DraftTold(Told):
    """What is being written. Only its author sees it."""

    revision: int
    form: FormNamed
    answers: dict[str, Any]
    amends_number: int | None
    saved_at: datetime
    missing: list[Missing]
    asked_back: list[Missing] = Field(
        description="What a reader would ask about the words, such as the evidence for 'malicious'; stops nothing"
    )
    recipients: list[RecipientTold] = Field(description="Who will be told when it is signed now")


class DocumentFacts(Told):
    """The sealed PDF of a version."""

    sha256: str
    seal_level: str = Field(description="PAdES level", examples=["B-T"])
    pages: int
    sealed_at: datetime


class VersionSummary(Told):
    """A signed version, without its answers."""

    number: int
    signed_at: datetime
    signer: Signer
    amends_number: int | None
    amendment_reason: str | None
    content_sha256: str
    document: DocumentFacts | None


class WithdrawalTold(Told):
    """That and why the outcome was taken back."""

    at: datetime
    reason_code: str
    reason: str | None = Field(description="Absent from the answer to the withdrawal itself, which is kept for repeats")


class OutcomeSummary(Told):
    """An outcome in a list."""

    id: UUID
    reference: str
    site: str
    state: State
    begun_at: datetime
    current_version: int | None
    formal_report_due: date | None
    formal_report_issued_on: date | None


class OutcomeTold(OutcomeSummary):
    """An outcome and its signed versions."""

    versions: list[VersionSummary]
    withdrawal: WithdrawalTold | None


class VersionTold(VersionSummary):
    """A signed version, as far as it is for the reader; `withheld` lists what is not."""

    id: UUID
    reference: str
    site: str
    form: FormNamed
    answers: dict[str, Any]
    recipients: list[RecipientTold]
    is_current: bool
    superseded_by: int | None
    formal_report_due: date
    withheld: list[str] = Field(
        description="JSON pointers into this answer to what is left out or replaced: what your role does not need, and "
        "where the child lives when the address is confidential. Empty: nothing is",
        examples=[["/answers/history"]],
    )


class Tombstone(Told):
    """What is left of a version of an outcome that was taken back."""

    reference: str
    number: int
    withdrawn: WithdrawalTold


class FormalReportTold(Told):
    """When the full report was issued."""

    issued_on: date
    recorded_at: datetime


class VerificationTold(Told):
    """All that an outsider is told about a PDF."""

    standing: Literal["genuine-and-current", "genuine-but-superseded", "withdrawn", "not-genuine"]
