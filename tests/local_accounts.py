"""People with local accounts for the tests: made through the real verbs, with cheap hashes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyotp
from authenticator import Passkey
from sqlmodel import Session, select

from app.audit import AuditEvent
from app.db import Transaction
from app.people import actions, by_link, links, passkeys
from app.people import queries as people
from app.people.by_link import NewPassword
from app.people.passkeys import RelyingParty
from app.people.sign_in import Tried, sign_in_by_passkey, sign_in_by_password
from app.people.tables import Account

BASE_URL = "https://sameday.example"
US = RelyingParty("Sameday", "sameday.example", BASE_URL)
CHEAP = 8
"""KiB for argon2id: the hash is real, and takes no time."""
PASSWORD = "correct horse battery staple"
STEP = timedelta(seconds=30)


@dataclass
class Local:
    """A person with password and app. `code` gives the app's code for a moment."""

    account: Account
    secret: str

    def code(self, at: datetime) -> str:
        return pyotp.TOTP(self.secret).at(at)

    def tried(self, at: datetime, **other: str) -> Tried:
        given: dict[str, Any] = {"email": self.account.email, "password": PASSWORD, "code": self.code(at)} | other
        return Tried(**given)


def settle(transaction: Transaction, now: datetime) -> None:
    """Two people who have no way to sign in yet."""
    with transaction() as session:
        home = actions.add_organisation(session, None, code="coast", name="Coast", now=now)
        for name in ("Asha Kerrin", "Tom Lyle"):
            email = f"{name.lower().replace(' ', '.')}@coast.example"
            actions.add_account(session, None, organisation_id=home.id, email=email, name=name, now=now)


def account_of(session: Session, person: str = "asha.kerrin") -> Account:
    """The account by the part of its address before the @."""
    return next(one for one in people.accounts(session) if one.email.split("@")[0] == person)


def link_for(
    transaction: Transaction, now: datetime, *, purpose: str = links.INVITATION, resets: bool = False, **who: str
) -> str:
    """The secret of a new link."""
    with transaction() as session:
        account = account_of(session, **who)
        address = links.print_link(session, account, purpose, BASE_URL, resets_second_factor=resets, now=now)
    assert address.startswith(f"{BASE_URL}/sign-in/link#")
    return address.partition("#")[2]


def invited(transaction: Transaction, now: datetime, **who: str) -> Local:
    """A person who has followed an invitation a minute before `now`."""
    before = now - 2 * STEP
    link = link_for(transaction, before, **who)
    with transaction() as session:
        account = account_of(session, **who)
        secret, _ = by_link.begin_totp(session, link, before)
    person = Local(account, secret)
    given = NewPassword(link, PASSWORD, person.code(before))
    by_link.set_password(transaction, given, memory_kib=CHEAP, former=None, now=before)
    return person


def with_passkey(transaction: Transaction, now: datetime, **who: str) -> Passkey:
    """The passkey of a person who has followed an invitation with it."""
    link = link_for(transaction, now, **who)
    device = Passkey(US.origin, US.id)
    with transaction() as session:
        options = by_link.begin_passkey(session, US, link, now)
        by_link.add_passkey(session, US, link, device.create(options), label="Phone", former=None, now=now)
    return device


def by_password(transaction: Transaction, tried: Tried, now: datetime, former: str | None = None) -> str:
    return sign_in_by_password(transaction, tried, memory_kib=CHEAP, former=former, now=now)


def by_passkey(transaction: Transaction, device: Passkey, now: datetime, former: str | None = None) -> str:
    with transaction() as session:
        options = passkeys.begin_passkey_sign_in(session, US, now)
    return sign_in_by_passkey(transaction, US, device.get(options), former=former, now=now)


def audited(session: Session, action: str) -> list[AuditEvent]:
    """Every event of this action, oldest first."""
    return list(session.exec(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)))  # type: ignore[arg-type]
