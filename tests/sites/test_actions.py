"""Sites and their policies, on both databases."""

from datetime import datetime

import factories
import pytest
from sqlmodel import Session, select

from app.audit import AuditEvent
from app.errors import DomainError
from app.people.rules import Denied
from app.sites import actions, queries
from app.sites.rules import EscalationStep, RecipientPolicy, SitePolicy, StandingRecipient

NAMED_NURSES = StandingRecipient(
    role="named-nurse", team="meon-named-nurses", reason="Told of every outcome of the site"
)


def test_a_policy_is_changed_and_the_change_is_audited(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    site = cast.sites["meon"]
    policy = SitePolicy(recipients=RecipientPolicy(always=(NAMED_NURSES,)))
    actions.change_policy(session, cast["demo.admin"], site, policy, now=now)
    session.flush()
    session.expire(site)
    assert queries.policy_of(site) == policy
    event = session.exec(select(AuditEvent).where(AuditEvent.action == "change-policy")).one()
    assert (event.object_id, event.actor_id) == (str(site.id), cast["demo.admin"].account_id)


def test_a_policy_names_only_teams_of_the_directory_in_their_role(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    policy = SitePolicy(
        recipients=RecipientPolicy(
            always=(
                NAMED_NURSES.model_copy(update={"team": "nobody"}),
                NAMED_NURSES.model_copy(update={"role": "police"}),
            )
        ),
        escalation=(EscalationStep(after="PT1H", tell="team", team="no-team"),),
    )
    with pytest.raises(DomainError, match="invalid-policy") as caught:
        actions.change_policy(session, None, cast.sites["meon"], policy, now=now)
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [
        ("/recipients/always/0/team", "unknown-team"),
        ("/escalation/0/team", "unknown-team"),
        ("/recipients/always/1/role", "wrong-role"),
    ]
    assert queries.policy_of(cast.sites["meon"]).recipients.always == ()


def test_a_site_lead_cannot_change_the_policy(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    with pytest.raises(Denied):
        actions.change_policy(session, cast["lila.crane"], cast.sites["meon"], SitePolicy(), now=now)


def test_a_site_s_code_is_taken_once(session: Session, now: datetime) -> None:
    cast = factories.load_cast(session, now)
    with pytest.raises(DomainError, match="already-exists"):
        actions.add_site(
            session,
            None,
            organisation_id=cast.sites["meon"].organisation_id,
            code="meon",
            name="Meon again",
            policy=SitePolicy(),
            now=now,
        )
    with pytest.raises(DomainError, match="unknown-site"):
        queries.site_by_code(session, "atlantis")
