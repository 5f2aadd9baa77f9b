"""Sealing, and judging seals."""

import datetime as dt
import hashlib
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.timestamps import DummyTimeStamper

from app import clock
from app.documents.faults import TryAgainError
from app.documents.keys import SELF_MADE_FILE, CachedKeySigner, SealKeyError, is_self_made, open_signer, pinned
from app.documents.render import Rendered
from app.documents.seal import NO_AUTHORITIES, NO_TSA, TSA_SILENT, Sealer, open_sealer
from app.documents.verify import verify
from app.settings import Settings

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
WEEK = dt.timedelta(days=7)


def certificate(key: Key, name: str, ends: dt.timedelta = WEEK, *, stamps: bool = False) -> x509.Certificate:
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), clock.now()
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    builder = builder.not_valid_before(now - 2 * WEEK).not_valid_after(now + ends).add_extension(usage, True)
    if stamps:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
    return builder.sign(key, hashes.SHA256())


def pkcs12_settings(folder: Path, key: Key, ends: dt.timedelta = WEEK) -> Settings:
    file = folder / "seal.p12"
    secret = serialization.BestAvailableEncryption(b"word")
    file.write_bytes(pkcs12.serialize_key_and_certificates(b"seal", key, certificate(key, "Trust"), None, secret))
    if ends != WEEK:
        file.write_bytes(
            pkcs12.serialize_key_and_certificates(b"seal", key, certificate(key, "Trust", ends), None, secret)
        )
    return Settings(state_dir=folder / "state", seal_pkcs12_file=file, seal_pkcs12_password="word")


class Authority:
    """A time stamp authority on loopback. shift: how far its clock is off; is_up: whether it answers with a stamp."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        own = certificate(key, "Test TSA", stamps=True)
        self.shift = dt.timedelta()
        self.is_up = True
        self._certificate = asn1_x509.Certificate.load(own.public_bytes(serialization.Encoding.DER))
        self._key = asn1_keys.PrivateKeyInfo.load(
            key.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200 if authority.is_up else 503)
                self.end_headers()
                if authority.is_up:
                    self.wfile.write(authority.answer(asked))

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def answer(self, asked: bytes) -> bytes:
        stamper = DummyTimeStamper(self._certificate, self._key, fixed_dt=clock.now() + self.shift)
        return bytes(stamper.request_tsa_response(tsp.TimeStampReq.load(asked)).dump())


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    authority = Authority()
    threading.Thread(target=authority.server.serve_forever, daemon=True).start()
    yield authority
    authority.server.shutdown()
    authority.server.server_close()


@pytest.fixture
def stamped(authority: Authority, state: Settings) -> Sealer:
    """A sealer that asks the authority, which is well when the test begins."""
    authority.is_up, authority.shift = True, dt.timedelta()
    return Sealer(open_signer(state), authority.url)


def test_a_sealed_document_passes_in_poppler_and_in_our_own_check(
    sealed: bytes, pins: frozenset[str], paper: Any
) -> None:
    told = paper.run("pdfsig", sealed, options=("-nocert",))
    assert "Signature is Valid" in told
    assert "Total document signed" in told
    assert "ETSI.CAdES.detached" in told
    verdict = verify(sealed, pins=pins)
    assert verdict.is_genuine
    assert verdict.sha256 == hashlib.sha256(sealed).hexdigest()
    assert verdict.certificate_sha256 in pins


def test_the_seal_forbids_every_change(sealed: bytes) -> None:
    with pikepdf.open(BytesIO(sealed)) as pdf:
        reference = pdf.Root.Perms.DocMDP.Reference[0]
        assert reference.TransformParams.P == 1


def test_the_sealed_file_begins_with_the_rendered_one(leo: Rendered, sealed: bytes) -> None:
    assert sealed.startswith(leo.data)


def test_every_flipped_bit_in_the_signed_bytes_is_refused(sealed: bytes, pins: frozenset[str]) -> None:
    hole = range(sealed.index(b"/Contents <") + 10, sealed.index(b">", sealed.index(b"/Contents <") + 12) + 1)
    chance = random.Random(20261123)
    places = [place for place in chance.sample(range(len(sealed)), 150) if place not in hole]
    assert len(places) > 80
    for place in places:
        changed = bytearray(sealed)
        changed[place] ^= 1 << chance.randrange(8)
        assert not verify(bytes(changed), pins=pins).is_genuine, place


def test_a_flipped_bit_in_the_padding_of_the_signature_changes_the_hash_of_the_file(
    sealed: bytes, pins: frozenset[str]
) -> None:
    last = sealed.rindex(b"0>", 0, sealed.rindex(b"/ByteRange") + 40_000)
    changed = bytearray(sealed)
    changed[last] = ord("1")
    assert verify(bytes(changed), pins=pins).sha256 != verify(sealed, pins=pins).sha256


def test_something_added_behind_the_seal_is_refused(sealed: bytes, pins: frozenset[str]) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(sealed))
    writer.root["/Extra"] = writer.root["/Type"]
    writer.update_root()
    out = BytesIO()
    writer.write(out)
    assert not verify(out.getvalue(), pins=pins).is_genuine
    assert not verify(sealed + b"\n", pins=pins).is_genuine


def test_a_seal_by_another_key_is_refused(leo: Rendered, pins: frozenset[str], tmp_path: Path) -> None:
    stranger = open_sealer(Settings(state_dir=tmp_path))
    assert not verify(stranger.seal(leo.data, reason="test").data, pins=pins).is_genuine


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"not a pdf at all", b"\x00" * 5000])
def test_what_cannot_be_read_is_not_genuine(data: bytes, pins: frozenset[str]) -> None:
    assert not verify(data, pins=pins).is_genuine


def test_a_document_without_a_seal_is_not_genuine(leo: Rendered, pins: frozenset[str]) -> None:
    assert not verify(leo.data, pins=pins).is_genuine


def test_a_time_stamp_authority_raises_the_level(leo: Rendered, stamped: Sealer, pins: frozenset[str]) -> None:
    made = stamped.seal(leo.data, reason="test")
    assert (made.level, made.note) == ("B-T", NO_AUTHORITIES)
    verdict = verify(made.data, pins=pins)
    assert verdict.is_genuine
    assert verdict.is_time_stamped


def test_a_long_chain_and_a_time_stamp_find_room_together(leo: Rendered, authority: Authority, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    chain = tuple(certificate(key, f"Authority {number}") for number in range(9))
    assert sum(len(one.public_bytes(serialization.Encoding.DER)) for one in chain) > 6 * 1024
    sealer = Sealer(CachedKeySigner(key, certificate(key, "Trust"), chain), authority.url)
    assert sealer.seal(leo.data, reason="test").level == "B-T"


def test_a_silent_authority_costs_a_level_and_not_the_document(
    leo: Rendered, authority: Authority, stamped: Sealer, pins: frozenset[str]
) -> None:
    authority.is_up = False
    made = stamped.seal(leo.data, reason="test")
    assert (made.level, made.note) == ("B-B", TSA_SILENT)
    assert verify(made.data, pins=pins).is_genuine


def test_an_authority_that_is_not_there_costs_a_level(leo: Rendered, state: Settings) -> None:
    made = Sealer(open_signer(state), "http://127.0.0.1:9/").seal(leo.data, reason="test")
    assert (made.level, made.note) == ("B-B", TSA_SILENT)


def test_nothing_is_sealed_when_our_clock_and_the_authority_disagree(
    leo: Rendered, authority: Authority, stamped: Sealer
) -> None:
    authority.shift = dt.timedelta(minutes=2)
    with pytest.raises(TryAgainError, match="clock"):
        stamped.seal(leo.data, reason="test")


def test_without_an_authority_the_level_says_why(leo: Rendered, sealer: Sealer) -> None:
    made = sealer.seal(leo.data, reason="test")
    assert (made.level, made.note) == ("B-B", NO_TSA)


@pytest.mark.parametrize("kind", ["p-256", "rsa"])
def test_a_key_from_a_pkcs12_file_seals(leo: Rendered, tmp_path: Path, kind: str) -> None:
    key: Key = ec.generate_private_key(ec.SECP256R1()) if kind == "p-256" else rsa.generate_private_key(65537, 2048)
    settings = pkcs12_settings(tmp_path, key)
    made = open_sealer(settings).seal(leo.data, reason="test")
    assert not is_self_made(settings)
    assert verify(made.data, pins=pinned(settings)).is_genuine


def test_a_certificate_that_has_ended_seals_nothing(tmp_path: Path) -> None:
    settings = pkcs12_settings(tmp_path, ec.generate_private_key(ec.SECP256R1()), -dt.timedelta(days=1))
    with pytest.raises(SealKeyError, match="not valid today"):
        open_sealer(settings)


def test_a_wrong_password_is_told_by_the_name_of_the_setting(tmp_path: Path) -> None:
    settings = pkcs12_settings(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(SealKeyError, match="SAMEDAY_SEAL_PKCS12_FILE"):
        open_sealer(settings.model_copy(update={"seal_pkcs12_password": None}))


def test_a_self_made_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    first, second = open_signer(settings), open_signer(settings)
    assert first.signing_cert.dump() == second.signing_cert.dump()
    assert (tmp_path / SELF_MADE_FILE).stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [SELF_MADE_FILE]


def test_an_older_certificate_stays_ours_when_the_settings_pin_it(leo: Rendered, tmp_path: Path) -> None:
    old = open_sealer(Settings(state_dir=tmp_path / "old"))
    made = old.seal(leo.data, reason="test")
    now = Settings(state_dir=tmp_path / "new", pinned_certificates=(made.certificate_sha256,))
    assert verify(made.data, pins=pinned(now)).is_genuine
