"""Signed heads: made with a key of their own, kept durably, sent to another machine, and told from false ones."""

import json
import logging
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from peers import Peer, receiver
from tampering import Tamper, look, write

from app.audit.collecting import heads_from
from app.audit.head_keys import noted_keys, public_keys, signing_key
from app.audit.heads import (
    Head,
    Read,
    append_head,
    fingerprint,
    head_of,
    is_genuine,
    last_head,
    line_of,
    read_heads,
    sign_head,
)
from app.audit.publishing import ContradictionError, head_file, publish, publish_or_log, publish_until
from app.db import Transaction
from app.errors import DomainError
from app.settings import Settings, SettingsError

KEY = Ed25519PrivateKey.generate()
KEYS = {fingerprint(KEY.public_key()): KEY.public_key()}
HASH = "ab" * 32


def kept(settings: Settings) -> list[int]:
    return [json.loads(line)["number"] for line in head_file(settings).read_text().splitlines()]


def test_a_head_is_genuine_for_its_key_and_for_nothing_else(now: datetime) -> None:
    head = sign_head(KEY, 7, HASH, now)
    assert is_genuine(head, KEYS)
    other = Ed25519PrivateKey.generate().public_key()
    assert not is_genuine(head, {fingerprint(other): other})
    assert not is_genuine(head, {head.key: other})
    for changed in (
        head._replace(number=8),
        head._replace(sha256="0" * 64),
        head._replace(at="2026-11-24T00:00:00.000000+00:00"),
        head._replace(signature=sign_head(KEY, 8, HASH, now).signature),
        head._replace(signature=""),
        head._replace(signature="é"),
        head._replace(signature=head.signature[:-4]),
    ):
        assert not is_genuine(changed, KEYS)


def test_a_head_can_be_checked_without_any_of_our_code(now: datetime, head_settings: Settings, tmp_path: Path) -> None:
    head = sign_head(signing_key(head_settings), 7, HASH, now)
    (public,) = (head_settings.state_dir / "audit-keys").glob("*.pem")
    signed = f'{{"at":"{head.at}","key":"{head.key}","number":7,"sha256":"{HASH}"}}'
    (tmp_path / "signed").write_text(signed)
    (tmp_path / "signature.b64").write_text(head.signature + "\n")
    for command in (
        "openssl base64 -d -A -in signature.b64 -out signature",
        f"openssl pkeyutl -verify -pubin -inkey {public} -rawin -in signed -sigfile signature",
    ):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", "{}", '{"number": 1}', "x" * 5000, "[" * 4000, line_of(Head(1, "", "", "", ""))[:-3]],
    ids=repr,
)
def test_what_is_no_head_is_none(line: str | bytes) -> None:
    assert head_of(line) is None


@pytest.mark.parametrize("number", [0, -1, 1.0, True, "1", None, 2**60])
def test_a_head_names_a_whole_number_of_an_event(number: object, now: datetime) -> None:
    values = sign_head(KEY, 1, HASH, now)._asdict() | {"number": number}
    assert head_of(json.dumps(values)) is None


def test_heads_are_sorted_into_genuine_false_and_unreadable(now: datetime) -> None:
    genuine, other = sign_head(KEY, 3, HASH, now), sign_head(Ed25519PrivateKey.generate(), 4, HASH, now)
    heads = [genuine, genuine, genuine._replace(number=5), other, sign_head(KEY, 3, "cd" * 32, now)]
    found = Read()
    read_heads([*(line_of(one).decode() for one in heads), "", "cut o"], KEYS, "there", found)
    assert found.by_number == {3: [HASH, "cd" * 32]}
    assert ["event 5 has a wrong signature" in found.false[0], "names a key" in found.false[1]] == [True, True]
    assert (len(found.false), found.unreadable) == (2, ["Line 7 of there is no head."])


def test_a_line_cut_off_by_a_crash_spoils_no_other(tmp_path: Path, now: datetime) -> None:
    file = tmp_path / "new" / "heads.jsonl"
    heads = [sign_head(KEY, number, HASH, now) for number in (1, 2)]
    append_head(file, heads[0])
    with file.open("ab") as opened:
        opened.write(line_of(heads[1])[:50])
    assert last_head(file) == heads[0]
    append_head(file, heads[1])
    assert last_head(file) == heads[1]
    assert file.stat().st_mode & 0o077 == 0
    assert last_head(tmp_path / "none") is None


def test_many_who_append_at_once_keep_every_head_whole(tmp_path: Path, now: datetime) -> None:
    file = tmp_path / "heads.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append_head(file, sign_head(KEY, number, HASH, now)), range(1, 101)))
    assert sorted(heads_from([str(file)], KEYS).by_number) == list(range(1, 101))


def test_the_self_made_key_is_made_once_and_for_its_owner_only(head_settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(signing_key, [head_settings] * 8))
    assert len({fingerprint(key.public_key()) for key in made}) == 1
    assert (head_settings.state_dir / "audit-key.pem").stat().st_mode & 0o777 == 0o600
    assert set(noted_keys(head_settings)) == {fingerprint(made[0].public_key())}
    assert sorted(one.name for one in head_settings.state_dir.iterdir()) == ["audit-key.pem", "audit-keys"]


def test_a_key_of_the_settings_is_used_and_noted_beside_the_one_before(head_settings: Settings, tmp_path: Path) -> None:
    own = fingerprint(signing_key(head_settings).public_key())
    file = tmp_path / "key.pem"
    file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    given = head_settings.model_copy(update={"audit_key_file": file})
    assert fingerprint(signing_key(given).public_key()) == fingerprint(KEY.public_key())
    assert set(noted_keys(given)) == {own, fingerprint(KEY.public_key())}


@pytest.mark.parametrize("kind", ["missing", "text", "with a password", "of another kind"])
def test_a_key_that_cannot_sign_is_named_with_its_setting(head_settings: Settings, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "key.pem"
    if kind == "text":
        file.write_text("no key")
    elif kind == "with a password":
        file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    elif kind == "of another kind":
        other = generate_private_key(SECP256R1())
        file.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SettingsError, match="SAMEDAY_AUDIT_KEY_FILE"):
        signing_key(head_settings.model_copy(update={"audit_key_file": file}))


def test_a_file_that_is_no_public_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "some.pem"
    file.write_text("no key")
    with pytest.raises(SettingsError, match=r"some\.pem"):
        public_keys([file])


def test_a_head_is_kept_only_when_something_was_recorded(
    transaction: Transaction, settings: Settings, now: datetime
) -> None:
    publish(transaction, settings, now=now)
    assert not head_file(settings).exists()
    for names in (["a", "b"], ["c"]):
        with transaction() as session:
            write(session, now, *names)
        for _ in range(2):
            assert publish(transaction, settings, now=now) == 0
    assert kept(settings) == [2, 3]
    read = heads_from([str(head_file(settings))], noted_keys(settings))
    assert (read.false, read.unreadable) == ([], [])
    assert look(transaction, read.by_number)[0] == []


def test_no_head_is_signed_over_an_audit_that_contradicts_the_last_one(
    transaction: Transaction, settings: Settings, now: datetime, tamper: Tamper, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction() as session:
        write(session, now, "a", "b", "c")
    publish(transaction, settings, now=now)
    tamper("DELETE FROM audit_event WHERE number = 3")
    with pytest.raises(ContradictionError):
        publish(transaction, settings, now=now)
    with transaction() as session:
        write(session, now, "other", "more")
    assert publish_or_log(transaction, settings, now=now) == 0
    assert kept(settings) == [3]
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]


def test_a_head_is_sent_once_and_again_after_a_start(
    transaction: Transaction, settings: Settings, now: datetime
) -> None:
    with transaction() as session:
        write(session, now, "a")
    peer = Peer()
    with receiver(peer) as url:
        there = settings.model_copy(update={"audit_head_url": url})
        assert publish(transaction, there, now=now) == 1
        assert publish(transaction, there, now=now, sent=1) == 1
        assert publish(transaction, there, now=now) == 1
    assert [body for _, body in peer.got] == [head_file(settings).read_bytes()] * 2
    assert peer.got[0][0]["Content-Type"] == "application/json"


@pytest.mark.parametrize("behaviour", ["later", "302", "drop", "away"])
def test_a_head_that_was_not_taken_is_logged_and_sent_at_the_next_interval(
    transaction: Transaction, settings: Settings, now: datetime, behaviour: str, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction() as session:
        write(session, now, "a")
    peer = Peer(behaviour)
    with receiver(peer) as url:
        there = settings.model_copy(update={"audit_head_url": url})
        if behaviour == "away":
            there = settings.model_copy(update={"audit_head_url": "http://127.0.0.1:1/"})
        assert publish_or_log(transaction, there, now=now) == 0
        assert "will be at the next interval" in caplog.text
        peer.behaviour = "accept"
        there = settings.model_copy(update={"audit_head_url": url})
        assert publish_or_log(transaction, there, now=now + timedelta(minutes=1)) == 1
    assert kept(settings) == [1]


def test_a_machine_that_never_answers_is_given_up(
    transaction: Transaction, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.audit.publishing.SEND_SECONDS", 0.2)
    with transaction() as session:
        write(session, now, "a")
    with receiver(Peer("hang")) as url, pytest.raises(httpx.ReadTimeout):
        publish(transaction, settings.model_copy(update={"audit_head_url": url}), now=now)


def test_heads_are_published_at_intervals_until_it_is_stopped(
    transaction: Transaction, settings: Settings, now: datetime
) -> None:
    with transaction() as session:
        write(session, now, "a")
    stopping, often = Event(), settings.model_copy(update={"audit_head_seconds": 0.01})
    thread = Thread(target=publish_until, args=(stopping, transaction, often, lambda: now))
    thread.start()
    while not head_file(settings).exists():
        stopping.wait(0.01)
    stopping.set()
    thread.join()
    assert kept(settings) == [1]


def test_heads_that_cannot_be_fetched_are_named(tmp_path: Path) -> None:
    for source in (str(tmp_path / "none"), "http://127.0.0.1:1/heads", "http://", os.fspath(tmp_path)):
        with pytest.raises(DomainError, match="unreadable-file"):
            heads_from([source], KEYS)
