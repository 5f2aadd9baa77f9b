"""Making the document of a signed version. For the worker."""

import time
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from sqlmodel import Session, select

from app import audit
from app.db import Transaction, insert_if_absent, new_id
from app.documents.bundle import outcome_bundle
from app.documents.content import RecipientFacts, ReplacedFacts, SignatureFacts, document_content
from app.documents.pool import DocumentPool, SealedDocument
from app.documents.queries import closed, document_of
from app.documents.tables import Document
from app.outcomes.contents import SignedVersion
from app.outcomes.queries import VersionFacts, version_facts
from app.outcomes.tables import OutcomeVersion
from app.people.tables import Organisation
from app.questionnaires import Form, Forms, display, load_forms
from app.sites.queries import policy_of


def make_document(transaction: Transaction, pool: DocumentPool, *, version_id: UUID, now: datetime) -> None:
    """Render, seal and store the document of a version, once: a repeat finds it there and does nothing.

    now is when it begins; what is stored is when the seal was on it. No transaction is open in between. Nothing is
    made of what was withdrawn. Raises CannotRenderError and TryAgainError as `DocumentPool.make` does.
    """
    started = time.monotonic()
    with transaction() as session:
        facts = version_facts(session, version_id)
        if facts.is_withdrawn or document_of(session, version_id) is not None:
            return
        form = _forms().get(facts.outcome.form_name, facts.version.form_version)
        signature = _signature_facts(session, form, facts, pool)
        answers = facts.version.answers
    sealed = pool.make(document_content(form, answers, signature), outcome_bundle(form, answers, signature))
    sealed_at = now + timedelta(seconds=time.monotonic() - started)
    with transaction() as session:
        _store(session, sealed, version_id=version_id, now=sealed_at)


def _store(session: Session, sealed: SealedDocument, *, version_id: UUID, now: datetime) -> None:
    document_id = new_id()
    document = Document(
        id=document_id,
        version_id=version_id,
        data_encrypted=closed(session, document_id, version_id, sealed.data),
        sha256=sealed.sha256,
        pages=sealed.pages,
        seal_level=sealed.seal_level,
        seal_note=sealed.seal_note,
        certificate_sha256=sealed.certificate_sha256,
        created_at=now,
    )
    if insert_if_absent(session, document):
        audit.record(
            session,
            now=now,
            actor_id=None,
            action="seal-document",
            object_type="document",
            object_id=document.id,
            detail={"version_id": str(version_id), "seal_level": sealed.seal_level},
        )


@lru_cache(maxsize=1)
def _forms() -> Forms:
    return load_forms()


def _signature_facts(session: Session, form: Form, facts: VersionFacts, pool: DocumentPool) -> SignatureFacts:
    version = facts.version
    roles = form.item("recipient-role")
    return SignatureFacts(
        reference=facts.outcome.reference,
        version=version.number,
        service_name=pool.settings.service_name,
        site_name=facts.site.name,
        organisation_name=policy_of(facts.site).document.heading
        or session.get_one(Organisation, facts.site.organisation_id).name,
        verify_url=f"{pool.settings.base_url.rstrip('/')}/verify",
        signer_name=version.signer_name,
        signer_grade=version.signer_grade,
        signer_registration=version.signer_registration,
        signed_at=version.signed_at,
        formal_report_due=version.formal_report_due,
        content_sha256=version.content_sha256,
        recipients=tuple(
            RecipientFacts(display(roles, one.role), one.name, one.organisation_name, one.reason)
            for one in facts.recipients
        ),
        replaces=_replaced(session, version),
    )


def _replaced(session: Session, version: SignedVersion) -> ReplacedFacts | None:
    if version.amends_number is None:
        return None
    old = session.exec(
        select(OutcomeVersion).where(
            OutcomeVersion.outcome_id == version.outcome_id, OutcomeVersion.number == version.amends_number
        )
    ).one()
    return ReplacedFacts(old.number, old.signed_at, version.amendment_reason or "")
