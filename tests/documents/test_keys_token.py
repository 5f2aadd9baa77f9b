"""Keys in a PKCS#11 token: SoftHSM2, a token in software (Debian package softhsm2)."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pkcs11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from on_paper import Paper
from pkcs11.util.x509 import decode_x509_certificate

from app import clock
from app.documents.faults import TryAgainError
from app.documents.keys import SealKeyError, is_self_made, pinned
from app.documents.pool import DocumentPool
from app.documents.render import Rendered
from app.documents.seal import open_sealer
from app.documents.verify import verify
from app.settings import Settings
from bench.samples import sample

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
KINDS = ("p-256", "rsa")


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """SoftHSM with a token for each kind of key; token, key and certificate are labelled with the kind."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        fill(folder, "p-256", ec.generate_private_key(ec.SECP256R1()))
        fill(folder, "rsa", rsa.generate_private_key(65537, 2048))
        yield
        pkcs11.lib(str(LIBRARY)).finalize()


def fill(folder: Path, label: str, key: Key) -> None:
    """A token with this key and a certificate for it."""
    file = folder / f"{label}.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*form))
    softhsm2_util("--init-token", "--free", "--so-pin", "12345678", label=label)
    softhsm2_util("--import", str(file), "--token", label, "--id", "01", label=label)
    file.unlink()
    module = pkcs11.lib(str(LIBRARY))
    module.reinitialize()
    with module.get_token(token_label=label).open(rw=True, user_pin=PIN) as session:
        attributes = decode_x509_certificate(certificate(key))
        session.create_object({**attributes, pkcs11.Attribute.TOKEN: True, pkcs11.Attribute.LABEL: label})


def softhsm2_util(*options: str, label: str) -> None:
    subprocess.run(["softhsm2-util", *options, "--label", label, "--pin", PIN], check=True, capture_output=True)


def certificate(key: Key) -> bytes:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Trust")]), clock.now()
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=90))
    signed = builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def token_settings(folder: Path, label: str | None, pin: str | None = PIN) -> Settings:
    return Settings(state_dir=folder, seal_pkcs11_library=LIBRARY, seal_pkcs11_label=label, seal_pkcs11_pin=pin)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_in_a_token_seals(softhsm: None, leo: Rendered, tmp_path: Path, paper: Paper, kind: str) -> None:
    settings = token_settings(tmp_path, kind)
    made = open_sealer(settings).seal(leo.data, reason="test")
    assert not is_self_made(settings)
    verdict = verify(made.data, pins=pinned(settings))
    assert verdict.is_genuine
    assert verdict.certificate_sha256 == made.certificate_sha256
    told = paper.run("pdfsig", made.data, options=("-nocert",))
    assert "Signature is Valid" in told
    assert "Total document signed" in told


def test_a_rendering_process_opens_the_token_by_itself(softhsm: None, tmp_path: Path) -> None:
    settings = token_settings(tmp_path, "p-256")
    pool = DocumentPool(settings)
    try:
        made = pool.make(*sample())
        assert pool.check() == ()
    finally:
        pool.close()
    assert verify(made.data, pins=pinned(settings)).is_genuine


def test_a_token_may_be_opened_twice_in_a_process(softhsm: None, leo: Rendered, tmp_path: Path) -> None:
    settings = token_settings(tmp_path, "p-256")
    first, second = open_sealer(settings), open_sealer(settings)
    for sealer in (first, second, first):
        assert verify(sealer.seal(leo.data, reason="test").data, pins=pinned(settings)).is_genuine


def test_a_token_that_forgot_us_is_logged_in_to_again(softhsm: None, leo: Rendered, tmp_path: Path) -> None:
    settings = token_settings(tmp_path, "rsa")
    sealer = open_sealer(settings)
    pkcs11.lib(str(LIBRARY)).reinitialize()
    assert verify(sealer.seal(leo.data, reason="test").data, pins=pinned(settings)).is_genuine


def test_a_token_that_has_gone_may_be_tried_again(
    softhsm: None, leo: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealer = open_sealer(token_settings(tmp_path, "p-256"))
    with monkeypatch.context() as patch:
        (tmp_path / "tokens").mkdir()
        (tmp_path / "none.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
        patch.setenv("SOFTHSM2_CONF", str(tmp_path / "none.conf"))
        pkcs11.lib(str(LIBRARY)).reinitialize()
        with pytest.raises(TryAgainError, match="token"):
            sealer.seal(leo.data, reason="test")
    assert sealer.seal(leo.data, reason="test").level == "B-B"


@pytest.mark.parametrize(
    ("label", "pin"), [("p-256", "4321"), ("p-256", None), ("other", PIN)], ids=["wrong pin", "no pin", "no such token"]
)
def test_a_token_that_cannot_be_opened_says_what_to_check(
    softhsm: None, tmp_path: Path, label: str, pin: str | None
) -> None:
    with pytest.raises(SealKeyError, match="check library, label and PIN"):
        open_sealer(token_settings(tmp_path, label, pin))


def test_a_library_that_is_not_there_says_what_to_check(tmp_path: Path) -> None:
    settings = token_settings(tmp_path, "p-256").model_copy(update={"seal_pkcs11_library": tmp_path / "none.so"})
    with pytest.raises(SealKeyError, match="check library"):
        open_sealer(settings)


def test_a_token_without_a_label_is_told_by_the_name_of_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SealKeyError, match="SAMEDAY_SEAL_PKCS11_LABEL"):
        open_sealer(token_settings(tmp_path, None))
