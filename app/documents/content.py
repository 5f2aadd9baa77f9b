"""What a document says: plain, frozen values, the only thing a template may see (design, section 7).

Pure. `document_content` puts each answered question either in its own place on the paper (opinion, injuries,
what is asked of whom) or, when it has none, in the list of facts of its section; so that nothing that was
answered can be lost by a template. What is left out on purpose is listed in `labels.NOT_PRINTED`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.documents import examination, facts, injuries, opinion
from app.documents.labels import (
    GP_LINE,
    NAME_WITHHELD,
    ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL,
    WITHHELD_WHEN_ADDRESS_IS_CONFIDENTIAL,
)
from app.documents.parts import Ask, Fact, Identity, Injury, Opinion, Section, View
from app.documents.wording import (
    age_words,
    birth_words,
    date_words,
    london_day,
    name_words,
    nhs_number_words,
    time_words,
)
from app.questionnaires.form import Form, display


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """One recipient as it was fixed at signature.

    role: in the form's words. name: the person, or the team when no person is named.
    """

    role: str
    name: str
    organisation: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReplacedFacts:
    """The version that this one replaces: its number, when it was signed, and why it had to be replaced."""

    number: int
    signed_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """What the service knows about a signed version beside its answers. Times are aware."""

    reference: str
    version: int
    service_name: str
    site_name: str
    organisation_name: str
    verify_url: str
    signer_name: str
    signer_grade: str | None
    signer_registration: str | None
    signed_at: datetime
    formal_report_due: date
    content_sha256: str
    recipients: tuple[RecipientFacts, ...]
    replaces: ReplacedFacts | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """Who put their name to it and when. at: for people; at_iso: for the file's metadata (RFC 3339)."""

    by: str
    at: str
    at_iso: str


@dataclass(frozen=True, slots=True)
class Amendment:
    """The box on top of a version that replaces another (lessons 34)."""

    headline: str
    reason: str


@dataclass(frozen=True, slots=True)
class DocumentContent:
    """All that is printed. Every text is ready for paper: no codes to translate and no times to convert."""

    form_name: str
    form_version: str
    service_name: str
    site_name: str
    organisation_name: str
    reference: str
    version: int
    child: Identity
    signed: Signed
    formal_report_due: str
    amendment: Amendment | None
    occasion: str
    opinion: Opinion
    asks: tuple[Ask, ...]
    nothing_asked: str
    injuries: tuple[Injury, ...]
    views: tuple[View, ...]
    not_examined: str
    seen_without_examination: tuple[str, ...]
    absence: str
    sections: tuple[Section, ...]
    recipients: tuple[Fact, ...]
    gp_line: str
    verify_url: str
    content_sha256: str
    is_test_seal: bool = False

    @property
    def file_stem(self) -> str:
        """Name of the file without its ending; says nothing of the child (domain facts, section 4.3)."""
        return f"outcome-{self.reference}-v{self.version}"


def document_content(form: Form, answers: Mapping[str, Any], signature: SignatureFacts) -> DocumentContent:
    """Say what the document of a signed version says.

    answers must have passed `problems_in(form, answers, complete=True)`: nothing is checked again here.
    """
    answers = withhold_where_the_child_lives(answers)
    seen = facts.look_at(form, answers)
    return DocumentContent(
        form_name=form.name,
        form_version=form.version,
        service_name=signature.service_name,
        site_name=signature.site_name,
        organisation_name=signature.organisation_name,
        reference=signature.reference,
        version=signature.version,
        child=_identity(seen, signature.signed_at),
        signed=_signed(signature),
        formal_report_due=date_words(signature.formal_report_due),
        amendment=_amendment(signature),
        occasion=examination.occasion_of(seen, amended_on=_amended_on(signature)),
        opinion=opinion.opinion_of(seen),
        asks=opinion.asks_of(seen),
        nothing_asked=seen.words("asked-of-absent"),
        injuries=injuries.injuries_of(seen),
        views=injuries.views_of(seen),
        not_examined=examination.not_examined_words(seen),
        seen_without_examination=seen.paragraphs("seen-without-examination"),
        absence=opinion.absence_words(seen),
        sections=facts.sections_of(seen),
        recipients=(*_recipients(seen, signature.recipients), *facts.facts_beside("sharing", seen)),
        gp_line=GP_LINE,
        verify_url=signature.verify_url,
        content_sha256=signature.content_sha256,
    )


def withhold_where_the_child_lives(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what would give the area away, when the address is confidential (lessons 42)."""
    if answers.get("child", {}).get("address-confidential") is not True:
        return dict(answers)
    return without_where_the_child_lives(answers)


def without_where_the_child_lives(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The same whatever these answers say: a newer version may have made the address confidential."""
    kept = {name: _without_withheld(section) for name, section in answers.items()}
    return {**kept, **_with_roles_alone(answers)}


def _without_withheld(section: Any) -> Any:
    if not isinstance(section, Mapping):
        return section
    return {key: value for key, value in section.items() if key not in WITHHELD_WHEN_ADDRESS_IS_CONFIDENTIAL}


def _with_roles_alone(answers: Mapping[str, Any]) -> dict[str, Any]:
    sharing = answers.get("sharing", {})
    if "recipients" not in sharing:
        return {}
    rows = [
        {"recipient-role": row["recipient-role"]}
        if row["recipient-role"] in ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL
        else row
        for row in sharing["recipients"]
    ]
    return {"sharing": {**sharing, "recipients": rows}}


def _identity(seen: facts.Seen, on: datetime) -> Identity:
    born = date.fromisoformat(seen.value("birth-date"))
    number = seen.value("nhs-number")
    estimated = " (estimated)" if seen.value("birth-date-estimated") else ""
    return Identity(
        name=name_words(seen.value("surname"), seen.value("forenames")),
        born=birth_words(born) + estimated,
        age=age_words(born, on.date()),
        nhs_number=nhs_number_words(number) if number else f"none: {seen.words('nhs-number-absent').lower()}",
    )


def _recipients(seen: facts.Seen, recipients: Sequence[RecipientFacts]) -> tuple[Fact, ...]:
    """Everyone who is told; where the address is confidential, some only by their role, each role once."""
    is_confidential = seen.value("address-confidential") is True
    codes = ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL if is_confidential else ()
    nameless = {display(seen.form.item("recipient-role"), code) for code in codes}
    printed = (
        Fact(one.role, (NAME_WITHHELD,))
        if one.role in nameless
        else Fact(one.name, (f"{one.role}, {one.organisation}: {one.reason}",))
        for one in recipients
    )
    return tuple(dict.fromkeys(printed))


def _signed(signature: SignatureFacts) -> Signed:
    parts: Sequence[str | None] = (signature.signer_name, signature.signer_grade, signature.signer_registration)
    return Signed(
        by=", ".join(part for part in parts if part),
        at=time_words(signature.signed_at),
        at_iso=signature.signed_at.isoformat(timespec="seconds"),
    )


def _amended_on(signature: SignatureFacts) -> str:
    return date_words(london_day(signature.signed_at)) if signature.replaces else ""


def _amendment(signature: SignatureFacts) -> Amendment | None:
    old = signature.replaces
    if old is None:
        return None
    return Amendment(
        headline=f"Version {signature.version} replaces version {old.number} of {time_words(old.signed_at)}.",
        reason=old.reason,
    )
