"""Every operation of the API: what it is called with, and by what one sees that it was done or shown."""

from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import factories
from matrix_calls import Call, Values
from matrix_world import emergency, withdrawal
from sign_in_calls import FOR_ANYONE, OF_ONES_OWN

from app import clock

_OUTCOME = {"outcome": "outcome"}
_VERSION = {"outcome": "outcome", "number": "number"}
_CHILD = {"surname": factories.SURNAME, "birth_date": factories.BIRTH_DATE.isoformat()}

ON_OUTCOMES = {
    "list-outcomes": Call(shows="outcome", newest=True),
    "read-outcome": Call(_OUTCOME, shows="outcome"),
    "read-version": Call(_VERSION, shows=f"text: {factories.SURNAME}"),
    "read-document": Call(_VERSION, shows="text: %PDF"),
    "list-deliveries": Call(_OUTCOME, shows='text: "items":['),
    "verify-document": Call(
        body=lambda _: b"%PDF-1.7 not ours", media_type="application/pdf", shows="text: not-genuine"
    ),
    "begin-outcome": Call(body=lambda values: {"id": str(uuid4()), "site": values["site"]}, writes="outcome"),
    "read-draft": Call(_OUTCOME, shows=f"text: {factories.SURNAME}"),
    "save-draft": Call(
        _OUTCOME,
        body=lambda _: {"answers": factories.complete_answers(clock.now())},
        if_match="revision",
        writes="draft",
    ),
    "discard-draft": Call(_OUTCOME, if_match="revision", writes="draft"),
    "sign-version": Call(_OUTCOME, body=lambda _: _CHILD, if_match="revision", writes="outcome_version"),
    "begin-amendment": Call(_OUTCOME, writes="draft"),
    "withdraw-outcome": Call(_OUTCOME, body=lambda _: withdrawal(), writes="withdrawal"),
    "record-formal-report": Call(_OUTCOME, body=lambda _: {"issued_on": _today()}, writes="formal_report"),
    "read-inbox": Call(shows="outcome", newest=True),
    "acknowledge": Call(
        {"id": "delivery"}, body=lambda _: {"helpfulness": "very", "note": "Thank you."}, writes="acknowledgement"
    ),
    "say-not-mine": Call({"id": "delivery"}, body=lambda _: {"note": "I have left."}, writes="not_mine"),
    "retry-delivery": Call({"id": "mail"}, writes="workflow_status"),
    "list-grants": Call(query={"outcome_id": "id"}, shows="grant"),
    "revoke-grant": Call({"id": "grant"}, writes="grant"),
    "open-outcome": Call(_OUTCOME, body=lambda _: _given(), writes="grant"),
    "list-outcome-grants": Call(_OUTCOME, shows="grant"),
    "end-grant": Call(_OUTCOME | {"id": "examiner_grant"}, writes="grant"),
    "break-glass": Call(_OUTCOME, body=lambda _: emergency(), writes="break_glass"),
    "list-break-glass": Call(shows='text: "items":['),
    "review-break-glass": Call({"id": "glass"}, body=lambda _: {"finding": "appropriate"}, writes="break_glass_review"),
    "read-audit": Call(query={"object_id": "id"}, shows="id"),
}

_ACCOUNT = {"id": "account"}


def _account(values: Values) -> Any:
    return {"organisation": values["organisation"], "email": f"n{uuid4().hex}@meon.example", "name": "New"}


def _team(values: Values) -> Any:
    code = f"n-{uuid4().hex}"
    return {
        "organisation": values["organisation"],
        "code": code,
        "name": "N",
        "role": "gp",
        "inbox_email": "a@b.example",
    }


def _client(values: Values) -> Any:
    return {"organisation": values["organisation"], "name": "Theirs", "scopes": ["outcomes:read"]}


def _identity(_: Values) -> Any:
    return {"issuer": "https://provider.example", "subject": uuid4().hex}


ON_THE_DIRECTORY = {
    "read-me": Call(shows="text: account_id"),
    "list-sites": Call(shows="site"),
    "list-teams": Call(shows="text: beacon-police"),
    "list-forms": Call(shows="form"),
    "read-form": Call({"name": "form", "version": "form_version"}, shows="text: Questionnaire"),
    "read-form-schema": Call({"name": "form", "version": "form_version"}, shows="text: properties"),
    "add-organisation": Call(body=lambda _: {"code": f"n-{uuid4().hex}", "name": "New"}, writes="organisation"),
    "list-organisations": Call(shows="organisation"),
    "add-team": Call(body=_team, writes="team"),
    "read-team": Call({"code": "team"}, shows="team"),
    "change-team": Call(
        {"code": "team"}, body=lambda _: {"name": "Changed"}, if_match="team_etag", writes="team", spare=True
    ),
    "add-account": Call(body=_account, writes="account"),
    "list-accounts": Call(shows="text: joan.tapper"),
    "close-account": Call(_ACCOUNT, writes="account", spare=True),
    "add-site": Call(
        body=lambda values: {"organisation": values["organisation"], "code": f"n-{uuid4().hex}", "name": "New"},
        writes="site",
    ),
    "join-team": Call(_ACCOUNT, body=lambda _: {"team": "meon-gp"}, writes="membership", spare=True),
    "leave-team": Call(_ACCOUNT | {"code": "team"}, writes="membership", spare=True),
    "give-role": Call(
        _ACCOUNT, body=lambda _: {"role": "clinician", "site": "meon"}, writes="role_assignment", spare=True
    ),
    "end-role": Call(_ACCOUNT | {"role": "role"}, query={"site": "role_site"}, writes="role_assignment", spare=True),
    "issue-token": Call(_ACCOUNT, body=lambda _: {"label": "new", "days": 1}, writes="api_token", spare=True),
    "list-tokens": Call(_ACCOUNT, shows="token"),
    "revoke-token": Call({"id": "token"}, writes="api_token", spare=True),
    "send-invitation": Call(_ACCOUNT, writes="one_time_link", spare=True),
    "send-recovery": Call(_ACCOUNT, body=lambda _: {}, writes="one_time_link", spare=True),
    "register-client": Call(body=_client, writes="api_client"),
    "list-clients": Call(shows="text: has_keys"),
    "renew-client": Call({"id": "client"}, body=lambda _: {}, writes="api_client", spare=True),
    "end-client": Call({"id": "client"}, writes="api_client", spare=True),
    "link-identity": Call(_ACCOUNT, body=_identity, writes="identity", spare=True),
    "list-identities": Call(_ACCOUNT, shows="identity"),
    "unlink-identity": Call({"id": "identity"}, writes="identity", spare=True),
}

CALLS = ON_OUTCOMES | ON_THE_DIRECTORY | OF_ONES_OWN | FOR_ANYONE
"""Operation -> how it is called. A test compares it with the routes of the service and with the oracle."""


def _given() -> Any:
    return {"kind": "given", "email": "dora.quayle@coast-community.example", "reason": "She visits the family."}


def _today() -> str:
    """By the site's calendar."""
    return clock.now().astimezone(ZoneInfo("Europe/London")).date().isoformat()
