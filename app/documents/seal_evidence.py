"""The evidence that lifts a seal to PAdES B-LT: certificates, and word from their issuers that none is revoked.

It is fetched for each seal from the addresses that the certificates themselves name (OCSP, CRL), so that what a
document carries is as old as the document. Without all of it there is no B-LT.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from asn1crypto import pem, x509
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, SigDSSPlacementPreference
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.fetchers.aiohttp_fetchers import AIOHttpFetcherBackend

from app.documents.keys import SealKeyError

REQUEST_SECONDS = 5
# All questions for one seal together. Beyond it the document goes out at B-T: it is waited for.
ALL_SECONDS = 15

# In the seal's own revision: nothing may come behind the seal (verify.py). Without VRI, which would name a hash of
# the signature that is not made yet.
WITH_THE_SEAL = DSSContentSettings(placement=SigDSSPlacementPreference.TOGETHER_WITH_SIGNATURE, include_vri=False)

# pyHanko's ways to say that a chain, or word about a certificate in it, could not be had.
NO_EVIDENCE = (SigningError, PathError, ValidationError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Authorities:
    """Who vouches for the seal and for the time stamps. roots: self-signed; between: their intermediates."""

    roots: tuple[x509.Certificate, ...]
    between: tuple[x509.Certificate, ...]

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[ValidationContext]:
        """A context that asks the issuers about every certificate below the roots, and insists on an answer."""
        async with AIOHttpFetcherBackend(per_request_timeout=REQUEST_SECONDS) as fetchers:
            yield ValidationContext(
                trust_roots=self.roots,
                other_certs=self.between,
                allow_fetching=True,
                revocation_mode="require",
                fetchers=fetchers,
            )


def read_authorities(file: Path) -> Authorities:
    """Read a PEM bundle. Raises SealKeyError when it cannot be read or holds no self-signed certificate."""
    try:
        found = [x509.Certificate.load(der) for _, _, der in pem.unarmor(file.read_bytes(), multiple=True)]
        roots = tuple(one for one in found if one.self_issued)
    except (OSError, ValueError) as error:
        raise SealKeyError("SAMEDAY_SEAL_TRUST_FILE cannot be read as PEM certificates.") from error
    if not roots:
        raise SealKeyError("SAMEDAY_SEAL_TRUST_FILE must hold at least one root certificate.")
    return Authorities(roots, tuple(one for one in found if one not in roots))


def with_evidence(what: PdfSignatureMetadata, context: ValidationContext) -> PdfSignatureMetadata:
    """The same signature, with what the context learns embedded in the document."""
    return replace(
        what,
        embed_validation_info=True,
        validation_context=context,
        dss_settings=WITH_THE_SEAL,
        signer_key_usage=set(),  # pyHanko asks for non-repudiation, which many an organisation's certificate lacks
    )
