"""Who someone is, and what a name, number or address must look like. Pure."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from app.errors import DomainError, Problem

ROLES: Final[dict[str, str]] = {
    "clinician": "writes and signs outcomes at the site",
    "site-lead": "withdraws outcomes and records formal reports at the site",
    "privacy-officer": "withdraws outcomes at the site",
    "evaluator": "reads released figures and never an outcome",
    "administrator": "keeps organisations, teams, accounts and sites; the role itself opens no outcome",
}
"""What an account may be given, at one site or (with no site) everywhere. Receiving needs no role, only a team."""

RECIPIENT_ROLES: Final[dict[str, str]] = {
    "social-worker": "social worker",
    "police": "police",
    "gp": "GP practice",
    "health-visitor": "health visitor",
    "school-nurse": "school nurse",
    "named-nurse": "named nurse",
    "sarc": "sexual assault referral centre",
    "other": "other",
}
"""What a team is to an outcome: the codes of the form's `recipient-role`, with words for people."""

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*")
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
_ODS_CODE = re.compile(r"[A-Z0-9]{3,10}")
_REGISTRATION: Final[dict[str, re.Pattern[str]]] = {
    "GMC": re.compile(r"\d{7}", re.ASCII),  # domain.md 6.3
    "NMC": re.compile(r"[0-9A-Z]{8}"),  # ours: no published pattern was confirmed
    "SWE": re.compile(r"SW[1-9]\d{0,5}", re.ASCII | re.IGNORECASE),  # domain.md 6.3
}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Actor:
    """The signed-in person who acts, as they are at this moment: open memberships and roles only.

    roles: pairs of a role and the site it holds for; None means every site.
    registration: body and number, such as 'GMC 9900001', taken from the account and never typed into a form.
    token_id, session_id, client_id: the personal token, the sign-in session or the machine of this call, for the audit;
    two tokens of one person are the same person.
    scopes: what a machine may do for the person (`people.policy.SCOPES`); None means everything the person may.
    fresh_until: until when this person counts as freshly signed in; None for tokens, which never do.
    """

    account_id: UUID
    name: str
    email: str
    grade: str | None
    registration: str | None
    organisation_id: UUID
    team_ids: frozenset[UUID]
    roles: frozenset[tuple[str, UUID | None]]
    token_id: UUID | None = field(default=None, compare=False)
    session_id: UUID | None = field(default=None, compare=False)
    client_id: UUID | None = field(default=None, compare=False)
    scopes: frozenset[str] | None = field(default=None, compare=False)
    fresh_until: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DirectoryMember:
    """A person who is in a team now."""

    account_id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class DirectoryTeam:
    """A team that can be told, with its present members. No address and no secret of a channel."""

    id: UUID
    code: str
    name: str
    role: str
    organisation_name: str
    members: tuple[DirectoryMember, ...]


class Denied(DomainError):  # noqa: N818 - `raise Denied` says it as the design does
    """Not there, or not for this person: on purpose the two look the same.

    It carries what the audit must say: who tried what on which object. The request's own transaction is rolled back
    when this is raised, so the door that catches it writes the event in a transaction of its own.
    """

    def __init__(self, *, actor_id: UUID | None, action: str, object_type: str, object_id: UUID | str) -> None:
        super().__init__("not-found", "There is nothing here, or it is not for you.")
        self.actor_id = actor_id
        self.action = action
        self.object_type = object_type
        self.object_id = str(object_id)


def problems_in_text(value: str, pointer: str, *, most: int) -> list[Problem]:
    """A name must say something, in one line of at most `most` characters."""
    if not value.strip():
        return [Problem(pointer, "missing", "Write something here.")]
    if len(value) > most:
        return [Problem(pointer, "too-long", f"Use at most {most} characters.")]
    if not value.isprintable():
        return [Problem(pointer, "control-character", "Use one line without control characters.")]
    return []


def problems_in_code(value: str, pointer: str) -> list[Problem]:
    """A short name of an organisation, team or site."""
    return _must_match(_CODE, value, pointer, "Use lower-case letters, digits and hyphens, at most 60.")


def problems_in_email(value: str | None, pointer: str) -> list[Problem]:
    """An e-mail address, in lower case (`normal_email`). None is allowed here."""
    if value is None:
        return []
    if len(value) > 254:
        return [Problem(pointer, "too-long", "Use at most 254 characters.")]
    return _must_match(_EMAIL, value, pointer, "Write an e-mail address such as name@council.example.")


def problems_in_ods_code(value: str | None, pointer: str) -> list[Problem]:
    """An ODS code (NHS Organisation Data Service), such as RHM. Police forces have none."""
    return [] if value is None else _must_match(_ODS_CODE, value, pointer, "Use 3 to 10 capitals and digits.")


def problems_in_registration(body: str | None, number: str | None) -> list[Problem]:
    """A registration is a body and its number, both or neither. That it exists is not checked on any register."""
    if body is None and number is None:
        return []
    if body is None or body not in _REGISTRATION:
        return [Problem("/registration_body", "not-offered", f"Choose one of {', '.join(_REGISTRATION)}.")]
    sentence = {
        "GMC": "A GMC number has 7 digits.",
        "NMC": "An NMC PIN has 8 capitals and digits.",
        "SWE": "A Social Work England number is SW and 1 to 6 digits, the first not 0.",
    }[body]
    return _must_match(_REGISTRATION[body], number or "", "/registration_number", sentence)


def problems_in_webhook(url: str | None, secret: str | None) -> list[Problem]:
    """A webhook is an https address and a Standard Webhooks secret. Plain http only to this machine, for trials."""
    if url is None:
        return [] if secret is None else [Problem("/webhook_url", "missing", "A webhook secret needs its address.")]
    try:
        address = urlsplit(url)
        host = address.hostname
    except ValueError:
        host = None
    problems = []
    if not host or address.scheme not in ("https", "http") or len(url) > 2000 or not url.isprintable():
        problems.append(Problem("/webhook_url", "wrong-format", "Write an https address of at most 2000 characters."))
    elif address.scheme == "http" and host not in _LOOPBACK:
        problems.append(Problem("/webhook_url", "not-encrypted", "Use https: http is only for this machine."))
    if secret is None or not re.fullmatch(r"whsec_[A-Za-z0-9+/=]{24,190}", secret):
        problems.append(Problem("/webhook_secret", "wrong-format", "Give a secret: whsec_ and base64."))
    return problems


def check_has_channel(inbox_email: str | None, webhook_url: str | None) -> None:
    """Raise `no-channel` for a team that nothing could reach (lessons.md, 9)."""
    if inbox_email is None and webhook_url is None:
        raise DomainError(
            "no-channel",
            "A team needs a duty inbox or a webhook, or nobody would be told.",
            problems=[Problem("/inbox_email", "missing", "Give a duty inbox, or a webhook.")],
        )


def check_no_problems(problems: list[Problem]) -> None:
    """Raise `invalid` with every problem found, or do nothing."""
    if problems:
        raise DomainError("invalid", "Some values are wrong. Each is listed.", problems=problems)


def normal_email(value: str) -> str:
    """An address as it is stored and looked up: without outer spaces, lower case."""
    return value.strip().lower()


def _must_match(pattern: re.Pattern[str], value: str, pointer: str, sentence: str) -> list[Problem]:
    return [] if pattern.fullmatch(value) else [Problem(pointer, "wrong-format", sentence)]
