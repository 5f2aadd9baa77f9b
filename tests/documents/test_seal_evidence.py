"""PAdES B-LT, against a certification authority and a time stamp authority that answer over HTTP on loopback."""

import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from asn1crypto import ocsp
from certomancer.integrations.animator import Animator, AnimatorArchStore
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from on_paper import Paper
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.settings import KeyUsageConstraints
from ruamel.yaml import YAML

from app.documents import seal
from app.documents.keys import SealKeyError, open_signer, pinned
from app.documents.pool import DocumentPool
from app.documents.render import Rendered
from app.documents.seal import (
    AUTHORITIES_SILENT,
    NO_AUTHORITIES,
    TSA_REVOKED,
    TSA_SILENT,
    Sealed,
    open_sealer,
)
from app.documents.seal_evidence import read_authorities
from app.documents.verify import verify
from app.settings import Settings
from bench.samples import sample

CONFIG = Path(__file__).with_name("pki.yaml")
UNANSWERED = "503 Service Unavailable"


class Server(ThreadingMixIn, WSGIServer):
    """Answers several questions at a time."""


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Authorities:
    """Root and issuing authority (RSA) with OCSP and CRL, and a time stamp authority.

    wrong: part of an address, such as "ocsp" -> what happens there instead of an answer.
    """

    def __init__(self, folder: Path) -> None:
        self.wrong: dict[str, Callable[[], bytes | None]] = {}
        self.server = make_server("127.0.0.1", 0, self._answer, Server, QuietHandler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        config = YAML(typ="safe").load(CONFIG.read_text("utf-8"))
        for name in config["keysets"]["keys"]["keys"]:
            key = ec.generate_private_key(ec.SECP256R1()) if name == "seal" else rsa.generate_private_key(65537, 2048)
            form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            (folder / f"{name}.pem").write_bytes(key.private_bytes(*form))
        self._pki = CertomancerConfig({"external-url-prefix": self.url, **config}, str(folder)).get_pki_arch(
            ArchLabel("pki")
        )
        self._web = Animator(AnimatorArchStore({ArchLabel("pki"): self._pki}), with_web_ui=False)

    def settings(self, folder: Path, *, key: str = "seal", stamps: str = "good", trusted: bool = True) -> Settings:
        """Settings of a service that seals with this certificate of the authority."""
        file, trust = folder / "seal.p12", folder / "trust.pem"
        file.write_bytes(self._pki.package_pkcs12(CertLabel(key), password=b"word"))
        above = [self.certificate(name) for name in ("root", "issuing")]
        trust.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in above))
        return Settings(
            state_dir=folder / "state",
            seal_pkcs12_file=file,
            seal_pkcs12_password="word",
            seal_trust_file=trust if trusted else None,
            tsa_url=f"{self.url}/pki/tsa/{stamps}",
        )

    def certificate(self, label: str) -> x509.Certificate:
        return x509.load_der_x509_certificate(self._pki.get_cert(CertLabel(label)).dump())

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        for part, instead in self.wrong.items():
            if part in environ["PATH_INFO"]:
                body = instead()
                start(UNANSWERED if body is None else "200 OK", [("Content-Type", "application/octet-stream")])
                return [body or b""]
        return self._web(environ, start)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    authorities = Authorities(tmp_path_factory.mktemp("pki"))
    threading.Thread(target=authorities.server.serve_forever, daemon=True).start()
    yield authorities
    authorities.server.shutdown()
    authorities.server.server_close()


@pytest.fixture
def authorities(running: Authorities) -> Iterator[Authorities]:
    """The authorities, which are well when the test begins."""
    running.wrong.clear()
    yield running
    running.wrong.clear()


def embedded(data: bytes) -> DocumentSecurityStore:
    return DocumentSecurityStore.read_dss(PdfFileReader(BytesIO(data)))


def holds_offline(data: bytes, settings: Settings) -> bool:
    """What a stranger finds who knows only the authorities, asks nobody, and insists on proof for every
    certificate, of the seal and of the time stamp."""
    reader = PdfFileReader(BytesIO(data))
    assert settings.seal_trust_file is not None
    context = embedded(data).as_validation_context(
        {"trust_roots": read_authorities(settings.seal_trust_file).roots, "revocation_mode": "require"}
    )
    usage = KeyUsageConstraints(key_usage={"non_repudiation", "digital_signature"})
    status = validate_pdf_signature(reader.embedded_signatures[0], context, key_usage_settings=usage)
    return bool(status.bottom_line and status.timestamp_validity and status.timestamp_validity.trusted)


def lower(made: Sealed) -> tuple[str, str | None]:
    """Level and reason, of a seal that is good for all that and carries no evidence."""
    with pytest.raises(NoDSSFoundError):
        embedded(made.data)
    return made.level, made.note


@pytest.mark.parametrize("key", ["seal", "seal-digital-signature-only"])
def test_a_seal_of_a_known_authority_carries_its_evidence(
    authorities: Authorities, leo: Rendered, tmp_path: Path, paper: Paper, key: str
) -> None:
    settings = authorities.settings(tmp_path, key=key)
    made = open_sealer(settings).seal(leo.data, reason="test")
    assert (made.level, made.note) == ("B-LT", None)
    assert holds_offline(made.data, settings)
    verdict = verify(made.data, pins=pinned(settings))
    assert verdict.is_genuine
    assert verdict.is_time_stamped
    told = paper.run("pdfsig", made.data, options=("-nocert",))
    assert "Signature is Valid" in told
    assert "Total document signed" in told


def test_a_rendering_process_reaches_that_level_within_its_limits(authorities: Authorities, tmp_path: Path) -> None:
    pool = DocumentPool(authorities.settings(tmp_path))
    try:
        made = pool.make(*sample())
    finally:
        pool.close()
    assert (made.seal_level, made.seal_note) == ("B-LT", None)


def test_the_evidence_stands_under_the_seal_and_not_behind_it(
    authorities: Authorities, leo: Rendered, tmp_path: Path
) -> None:
    made = open_sealer(authorities.settings(tmp_path)).seal(leo.data, reason="test")
    assert made.data.startswith(leo.data)
    assert made.data.count(b"startxref") == leo.data.count(b"startxref") + 1


def test_the_evidence_says_that_the_seal_was_good(authorities: Authorities, leo: Rendered, tmp_path: Path) -> None:
    made = open_sealer(authorities.settings(tmp_path)).seal(leo.data, reason="test")
    found = embedded(made.data)
    (answer,) = (ocsp.OCSPResponse.load(one.get_object().data) for one in found.ocsps)
    (revoked,) = (x509.load_der_x509_crl(one.get_object().data) for one in found.crls)
    (about,) = answer.response_data["responses"]
    assert about["cert_status"].name == "good"
    assert about["cert_id"]["serial_number"].native == authorities.certificate("seal").serial_number
    for name in ("issuing", "stamping"):
        assert revoked.get_revoked_certificate_by_serial_number(authorities.certificate(name).serial_number) is None


@pytest.mark.parametrize("who", ["ocsp", "crls"])
@pytest.mark.parametrize("instead", [lambda: None, lambda: b"not an answer"], ids=["unavailable", "nonsense"])
def test_a_silent_authority_costs_a_level_and_not_the_document(
    authorities: Authorities, leo: Rendered, tmp_path: Path, who: str, instead: Callable[[], bytes | None]
) -> None:
    settings = authorities.settings(tmp_path)
    authorities.wrong[who] = instead
    made = open_sealer(settings).seal(leo.data, reason="test")
    assert lower(made) == ("B-T", AUTHORITIES_SILENT)
    assert verify(made.data, pins=pinned(settings)).is_genuine


def test_an_authority_that_never_answers_is_not_waited_for(
    authorities: Authorities, leo: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()
    authorities.wrong["ocsp"] = lambda: None if done.wait(60) else b""
    monkeypatch.setattr(seal, "ALL_SECONDS", 1)
    try:
        made = open_sealer(authorities.settings(tmp_path)).seal(leo.data, reason="test")
        assert not done.is_set()
    finally:
        done.set()
    assert lower(made) == ("B-T", AUTHORITIES_SILENT)


def test_without_a_time_stamp_there_is_no_evidence_either(
    authorities: Authorities, leo: Rendered, tmp_path: Path
) -> None:
    authorities.wrong["tsa"] = lambda: None
    settings = authorities.settings(tmp_path)
    assert lower(open_sealer(settings).seal(leo.data, reason="test")) == ("B-B", TSA_SILENT)


def test_a_time_stamp_authority_above_which_nobody_is_known_costs_a_level(
    authorities: Authorities, leo: Rendered, tmp_path: Path
) -> None:
    settings = authorities.settings(tmp_path)
    assert settings.seal_trust_file is not None
    other = open_signer(Settings(state_dir=tmp_path / "other")).signing_cert.dump()
    pem = x509.load_der_x509_certificate(other).public_bytes(serialization.Encoding.PEM)
    settings.seal_trust_file.write_bytes(pem)
    assert lower(open_sealer(settings).seal(leo.data, reason="test")) == ("B-T", AUTHORITIES_SILENT)


def test_without_known_authorities_the_level_says_why(authorities: Authorities, leo: Rendered, tmp_path: Path) -> None:
    settings = authorities.settings(tmp_path, trusted=False)
    assert lower(open_sealer(settings).seal(leo.data, reason="test")) == ("B-T", NO_AUTHORITIES)


def test_a_revoked_certificate_seals_nothing(authorities: Authorities, leo: Rendered, tmp_path: Path) -> None:
    sealer = open_sealer(authorities.settings(tmp_path, key="seal-revoked"))
    with pytest.raises(SealKeyError, match="revoked"):
        sealer.seal(leo.data, reason="test")


def test_a_stamp_of_a_revoked_authority_is_left_out(authorities: Authorities, leo: Rendered, tmp_path: Path) -> None:
    settings = authorities.settings(tmp_path, stamps="revoked")
    made = open_sealer(settings).seal(leo.data, reason="test")
    assert lower(made) == ("B-B", TSA_REVOKED)
    assert not verify(made.data, pins=pinned(settings)).is_time_stamped


def test_a_flipped_bit_in_the_evidence_is_refused(authorities: Authorities, leo: Rendered, tmp_path: Path) -> None:
    settings = authorities.settings(tmp_path)
    data = open_sealer(settings).seal(leo.data, reason="test").data
    places = range(len(leo.data), data.index(b"/Contents <", len(leo.data)), 97)
    assert len(places) > 50
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1
        assert not verify(bytes(changed), pins=pinned(settings)).is_genuine, place


@pytest.mark.parametrize("held", [b"", b"not a certificate", None], ids=["empty", "nonsense", "missing"])
def test_a_trust_file_without_a_root_is_told_by_the_name_of_the_setting(
    authorities: Authorities, tmp_path: Path, held: bytes | None
) -> None:
    settings = authorities.settings(tmp_path)
    assert settings.seal_trust_file is not None
    settings.seal_trust_file.unlink()
    if held is not None:
        settings.seal_trust_file.write_bytes(held)
    with pytest.raises(SealKeyError, match="SAMEDAY_SEAL_TRUST_FILE"):
        open_sealer(settings)


def test_intermediates_alone_are_no_trust(authorities: Authorities, tmp_path: Path) -> None:
    settings = authorities.settings(tmp_path)
    assert settings.seal_trust_file is not None
    only = authorities.certificate("issuing").public_bytes(serialization.Encoding.PEM)
    settings.seal_trust_file.write_bytes(only)
    with pytest.raises(SealKeyError, match="root"):
        open_sealer(settings)
