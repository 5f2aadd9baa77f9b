"""Every column that could hold words says whether they are encrypted, or why they tell nothing of a child.

A new column must choose: without a line here, and without a name that ends in `_encrypted`, it does not pass.
"""

import pytest
from sqlalchemy import Boolean, Column, DateTime, Integer, LargeBinary, Uuid
from sqlmodel import SQLModel

from app import main as _main  # noqa: F401  (every table must be known)
from app.db import UTCDateTime

CODE = "a code from a list of ours"
DIRECTORY = "the directory: organisations, and professionals in their office"
DIGEST = "a digest or random bits"
KEY = "a key, wrapped or public, or its name"
LABEL = "a name that a person of the directory gave to a token or key of their own"
OURS = "fixed words of ours"
RANDOM = "random: says nothing of anyone"
PROVIDER = "how a provider of sign-in calls itself and its accounts"
SENT = "what is sent by mail and webhook, which names no child; and where to"

PLAIN: dict[str, dict[str, str]] = {
    "account": dict.fromkeys(("email", "name", "grade", "registration_body", "registration_number"), DIRECTORY),
    "acknowledgement": {"helpfulness": CODE},
    "api_client": {"name": DIRECTORY, "jwks": KEY, "secret_sha256": DIGEST, "scopes": CODE},
    "api_token": {"label": LABEL, "token_sha256": DIGEST},
    "attempt": {"result": CODE, "detail": "what a mail server or webhook said to a notice that names no child"},
    "audit_event": {
        "action": CODE, "object_type": CODE, "object_id": "an id or a reference", "result": CODE,
        "detail": "ids, codes and names of fields; never a value", "previous_sha256": DIGEST, "sha256": DIGEST,
    },
    "break_glass": {"reason_code": CODE},
    "break_glass_review": {"finding": CODE},
    "client_token": {"token_sha256": DIGEST, "scopes": CODE},
    "data_key": {"wrapped": KEY, "key_id": KEY},
    "delivery": {"channel": CODE, "purpose": CODE, "address": SENT, "payload": SENT, "status": CODE},
    "document": {
        "sha256": DIGEST, "seal_level": CODE, "seal_note": OURS, "certificate_sha256": DIGEST,
    },
    "draft": {"form_version": CODE},
    "escalation": {"told": DIRECTORY, "address": DIRECTORY},
    "formal_report": {"issued_on": "the day on which the service's work ended"},
    "grant": {"kind": CODE, "reason": OURS},
    "idempotent_answer": {
        "route": "a path, with a reference at most", "key": RANDOM, "body_digest": DIGEST,
        "headers": "an address and a revision", "body": "answers to creating calls, which leave all words out",
    },
    "identity": dict.fromkeys(("issuer", "subject", "sub"), PROVIDER),
    "nhs_number_index": {"digest": "HMAC-SHA-256 under a key that is wrapped"},
    "one_time_link": {"purpose": CODE, "secret_sha256": DIGEST},
    "organisation": dict.fromkeys(("code", "name", "ods_code"), DIRECTORY),
    "outcome": {"reference": RANDOM, "form_name": CODE},
    "outcome_version": {
        "form_version": CODE, "content_sha256": DIGEST, "signer_name": DIRECTORY, "signer_grade": DIRECTORY,
        "signer_registration": DIRECTORY, "formal_report_due": "the day by which the service's work must end",
    },
    "passkey": {"credential_id": KEY, "public_key": KEY, "label": LABEL},
    "passkey_challenge": {"challenge_sha256": DIGEST},
    "password": {"hash": DIGEST},
    "recipient": {"role": CODE, "name": DIRECTORY, "organisation_name": DIRECTORY},
    "role_assignment": {"role": CODE},
    "sign_in_attempt": {"provider": PROVIDER, "secret_sha256": DIGEST, "return_to": "a path, with a reference at most"},
    "sign_in_session": {
        "secret_sha256": DIGEST, "method": CODE, "issuer": PROVIDER, "provider_session": PROVIDER,
    },
    "sign_in_throttle": {"address_index": DIGEST},
    "site": {"code": DIRECTORY, "name": DIRECTORY, "ods_code": DIRECTORY, "policy": "what a site decided"},
    "team": dict.fromkeys(("code", "name", "role", "inbox_email", "webhook_url"), DIRECTORY),
    "used_token_id": {"issuer": PROVIDER, "token_id": PROVIDER},
    "withdrawal": {"reason_code": CODE},
}  # fmt: skip

# What these types hold cannot be words: ids, counts, yes or no, and the moments of the service's own doing.
WORDLESS = (Uuid, Integer, Boolean, DateTime, UTCDateTime)
COLUMNS = [
    column
    for table in SQLModel.metadata.sorted_tables
    for column in table.columns
    if not isinstance(column.type, WORDLESS)
]


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_a_column_is_encrypted_or_says_why_it_need_not_be(column: Column[object]) -> None:
    why = PLAIN.get(column.table.name, {}).get(column.name)
    if column.name.endswith("_encrypted"):
        assert isinstance(column.type, LargeBinary)
        assert why is None
    else:
        assert why, f"{column}: encrypt it, or say here why it tells nothing of a child"


def test_no_line_is_kept_for_a_column_that_is_gone() -> None:
    said = {(table, name) for table, names in PLAIN.items() for name in names}
    assert said - {(column.table.name, column.name) for column in COLUMNS} == set()


def test_what_the_form_asks_is_kept_in_encrypted_columns_only() -> None:
    """The columns of which design, section 5 speaks, typed by hand."""
    encrypted = {str(column) for column in COLUMNS if column.name.endswith("_encrypted")}
    assert encrypted >= {
        "draft.answers_encrypted", "outcome_version.answers_encrypted", "outcome_version.amendment_reason_encrypted",
        "recipient.reason_encrypted", "withdrawal.reason_encrypted", "withdrawal.incident_number_encrypted",
        "document.data_encrypted", "acknowledgement.note_encrypted", "not_mine.note_encrypted",
        "grant.reason_encrypted", "break_glass.reason_encrypted", "team.webhook_secret_encrypted",
        "totp.secret_encrypted",
    }  # fmt: skip
