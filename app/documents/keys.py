"""The key that seals documents: from a PKCS#12 file, a PKCS#11 token, or self-made for trying things out.

Only rendering processes call `open_signer`; certificates are public and are kept in the state folder, so that
`pinned` can say which seals are ours without touching a key.
"""

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from app import clock
from app.settings import Settings

SELF_MADE_FILE = "test-seal.pem"
CERTIFICATES_FOLDER = "seal-certificates"
SELF_MADE_YEARS = 10


class SealKeyError(Exception):
    """The seal key cannot be used; the message says which setting to look at."""


class CachedKeySigner(Signer):
    """Holds the parsed key. pyHanko's own signer parses and checks it twice for each seal: with RSA-3072 that
    costs more than rendering the document (pdf.md, 3)."""

    def __init__(self, key: Any, certificate: x509.Certificate, chain: tuple[x509.Certificate, ...]) -> None:
        registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        registry.register_multiple([_asn1(one) for one in chain])
        super().__init__(signing_cert=_asn1(certificate), cert_registry=registry)
        self._key = key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """The raw signature over data; digest_algorithm is always sha256 here."""
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return bytes(self._key.sign(data, ec.ECDSA(hashes.SHA256())))


def is_self_made(settings: Settings) -> bool:
    """Whether documents carry a test seal, because no key is configured."""
    return settings.seal_pkcs12_file is None and settings.seal_pkcs11_library is None


def open_signer(settings: Settings) -> Signer:
    """The signer that the settings name; its certificate is noted as ours.

    Raises SealKeyError when the key cannot be read or its certificate is not valid today (lessons 38).
    """
    if settings.seal_pkcs11_library is not None:
        pin = settings.seal_pkcs11_pin
        label = settings.seal_pkcs11_label
        signer = _from_token(settings.seal_pkcs11_library, label, pin.get_secret_value() if pin else None)
    elif settings.seal_pkcs12_file is not None:
        password = settings.seal_pkcs12_password
        signer = _from_pkcs12(settings.seal_pkcs12_file, password.get_secret_value() if password else "")
    else:
        signer = _self_made(settings.state_dir)
    _check_valid_today(signer.signing_cert)
    _note_as_ours(settings.state_dir, signer.signing_cert)
    return signer


def fingerprint(certificate: asn1_x509.Certificate) -> str:
    """SHA-256 of the certificate, in hex."""
    return hashlib.sha256(certificate.dump()).hexdigest()


def pinned(settings: Settings) -> frozenset[str]:
    """SHA-256 of every certificate whose seals are ours: those used here, and those the settings add."""
    used = (settings.state_dir / CERTIFICATES_FOLDER).glob("*.pem")
    return frozenset({*(path.stem for path in used), *(pin.lower() for pin in settings.pinned_certificates)})


def days_left(certificate: asn1_x509.Certificate) -> int:
    """Whole days until the certificate ends; negative when it has."""
    left: dt.timedelta = certificate.not_valid_after - clock.now()
    return left.days


def _from_token(library: Path, label: str | None, pin: str | None) -> Signer:
    from app.documents.keys_token import TokenSigner  # here, so that only who uses a token loads PKCS#11

    if label is None:
        raise SealKeyError("SAMEDAY_SEAL_PKCS11_LABEL must name the token, key and certificate.")
    try:
        return TokenSigner(library, label, pin)
    except Exception as error:
        raise SealKeyError("The PKCS#11 token cannot be opened: check library, label and PIN.") from error


def _from_pkcs12(path: Path, password: str) -> Signer:
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(path.read_bytes(), password.encode() or None)
    except (OSError, ValueError) as error:
        raise SealKeyError("SAMEDAY_SEAL_PKCS12_FILE cannot be read with this password.") from error
    if key is None or certificate is None:
        raise SealKeyError("SAMEDAY_SEAL_PKCS12_FILE must hold a key and its certificate.")
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise SealKeyError("SAMEDAY_SEAL_PKCS12_FILE must hold an elliptic curve or RSA key.")
    return CachedKeySigner(key, certificate, tuple(chain))


def _self_made(state_dir: Path) -> Signer:
    """The test key, made at the first use. Several processes may get here at once: the first file wins."""
    path = state_dir / SELF_MADE_FILE
    if not path.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        mine = state_dir / f"{SELF_MADE_FILE}.{hashlib.sha256(made := _make_self_signed()).hexdigest()[:12]}"
        mine.touch(mode=0o600)
        mine.write_bytes(made)
        try:
            path.hardlink_to(mine)
        except FileExistsError:
            pass  # another process was first: its key is used
        finally:
            mine.unlink()
    pem = path.read_bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    return CachedKeySigner(key, x509.load_pem_x509_certificate(pem), ())


def _make_self_signed() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sameday TEST SEAL, self-made, proves nothing")])
    now = clock.now()
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=365 * SELF_MADE_YEARS))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)


def _check_valid_today(certificate: asn1_x509.Certificate) -> None:
    if not certificate.not_valid_before <= clock.now() <= certificate.not_valid_after:
        raise SealKeyError("The seal's certificate is not valid today: renew it before documents can be sealed.")


def _note_as_ours(state_dir: Path, certificate: asn1_x509.Certificate) -> None:
    folder = state_dir / CERTIFICATES_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pem = x509.load_der_x509_certificate(certificate.dump()).public_bytes(serialization.Encoding.PEM)
    (folder / f"{fingerprint(certificate)}.pem").write_bytes(pem)


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
