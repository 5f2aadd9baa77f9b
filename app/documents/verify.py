"""Is this PDF one of ours, unchanged? The strict rule of security.md, 2.2.

Exactly one signature, over the whole file, with nothing added after it, by a certificate that is pinned as
ours and was valid at the time. Whatever cannot be read is not genuine. A file with changed padding inside the
signature's own bytes passes here, as in every PDF reader; comparing the whole file's SHA-256 with what is
stored catches that, and old versions too (`queries.standing_of`).
"""

import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from app.documents.keys import fingerprint

STAMP_MAY_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. sha256: of the whole file. sealed_at: by our clock, None unless genuine.

    is_time_stamped: a time stamp confirms that time.
    """

    is_genuine: bool
    sha256: str
    sealed_at: datetime | None = None
    is_time_stamped: bool = False
    certificate_sha256: str | None = None


class _NotGenuineError(Exception):
    pass


def verify(data: bytes, *, pins: Collection[str]) -> Verdict:
    """Judge a file. pins: SHA-256, in hex, of the certificates whose seals are ours (`keys.pinned`). Never raises."""
    sha256 = hashlib.sha256(data).hexdigest()
    noisy = logging.getLogger("pyhanko")
    before, noisy.disabled = noisy.disabled, True
    try:
        return _judged(data, sha256, pins)
    except Exception:  # noqa: BLE001  damaged files raise many types (pdf.md, 3): each means "not genuine"
        return Verdict(False, sha256)
    finally:
        noisy.disabled = before


def _judged(data: bytes, sha256: str, pins: Collection[str]) -> Verdict:
    signature = _the_one_signature(PdfFileReader(BytesIO(data), strict=True))
    certificate = signature.signer_cert
    if fingerprint(certificate) not in pins:
        raise _NotGenuineError
    at = signature.self_reported_timestamp
    if at is None:
        raise _NotGenuineError
    context = ValidationContext(trust_roots=[certificate], allow_fetching=False, moment=at)
    status = validate_pdf_signature(signature, context)
    valid_then = certificate.not_valid_before <= at <= certificate.not_valid_after
    if not (valid_then and _is_whole_and_unchanged(status) and _stamp_agrees(status, at)):
        raise _NotGenuineError
    return Verdict(True, sha256, at, status.timestamp_validity is not None, fingerprint(certificate))


def _the_one_signature(reader: PdfFileReader) -> EmbeddedPdfSignature:
    signatures = reader.embedded_signatures
    if len(signatures) != 1 or reader.embedded_timestamp_signatures:
        raise _NotGenuineError
    signature: EmbeddedPdfSignature = signatures[0]
    return signature


def _is_whole_and_unchanged(status: PdfSignatureStatus) -> bool:
    return bool(
        status.intact
        and status.valid
        and status.trusted
        and status.docmdp_ok
        and status.seed_value_ok
        and status.coverage == SignatureCoverageLevel.ENTIRE_FILE
        and status.modification_level == ModificationLevel.NONE
    )


def _stamp_agrees(status: PdfSignatureStatus, at: datetime) -> bool:
    """The time that counts is the one our key signed. A time stamp is outside of what our key signed, so anyone
    could add one: it may confirm that time, never move it."""
    stamp = status.timestamp_validity
    if stamp is None:
        return True
    return bool(stamp.intact and stamp.valid and abs(stamp.timestamp - at) < STAMP_MAY_DIFFER)
