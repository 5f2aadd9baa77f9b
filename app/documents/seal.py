"""Seals a PDF: a certification signature that allows no change (DocMDP P=1), PAdES B-LT, B-T or B-B.

With a time stamp authority the level is B-T, and with the certification authorities above seal and stamp it is
B-LT. When one of them does not answer the document is sealed at a lower level all the same and the reason is
recorded: an outage costs a level, not an outcome (lessons 39).
"""

import asyncio
from dataclasses import dataclass
from io import BytesIO

import httpx
from asn1crypto import tsp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko_certvalidator.errors import RevokedError

from app import clock
from app.documents.faults import TryAgainError
from app.documents.keys import SealKeyError, fingerprint, open_signer
from app.documents.seal_evidence import ALL_SECONDS, NO_EVIDENCE, Authorities, read_authorities, with_evidence
from app.settings import Settings

FIELD = "Seal"
# Room for signature, certificates and time stamp. Given beforehand it saves a trial signature (pdf.md, 3).
# In hexadecimal digits, so half as many bytes.
BYTES_RESERVED = 16_384
# A public authority's stamp brings its own certificates with it, often 6 KiB.
BYTES_RESERVED_WITH_STAMP = 32_768
TSA_SECONDS = 5.0
# Beyond this our clock or theirs is wrong, and a time on a document would be too (security.md, 2.3).
CLOCKS_MAY_DIFFER_SECONDS = 60

NO_TSA = "No time stamp authority is configured."
TSA_SILENT = "The time stamp authority gave no time stamp."
TSA_REVOKED = "The time stamp authority's certificate has been revoked."
NO_AUTHORITIES = "No certification authority is configured."
AUTHORITIES_SILENT = "The certification authorities gave no complete proof that no certificate has been revoked."


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed PDF. level: PAdES level reached; note: why not higher, or None."""

    data: bytes
    level: str
    note: str | None
    certificate_sha256: str


class WebTimeStamper(TimeStamper):
    """Asks an RFC 3161 authority over HTTP; ignores proxies from the environment."""

    def __init__(self, url: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._url = url

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Raises TimestampRequestError when there is no usable answer, TryAgainError when clocks differ."""
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        try:
            async with httpx.AsyncClient(timeout=TSA_SECONDS, trust_env=False) as client:
                reply = await client.post(self._url, content=req.dump(), headers=headers)
                reply.raise_for_status()
            response = tsp.TimeStampResp.load(reply.content, strict=True)
            stamped_at = response["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed["gen_time"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise TimestampRequestError(TSA_SILENT) from error
        if abs((stamped_at.native - clock.now()).total_seconds()) > CLOCKS_MAY_DIFFER_SECONDS:
            raise TryAgainError("This machine's clock and the time stamp authority's differ by over a minute.")
        return response


class Sealer:
    """Seals with one key that was opened once."""

    def __init__(self, signer: Signer, tsa_url: str | None, authorities: Authorities | None = None) -> None:
        self._signer = signer
        self._tsa_url = tsa_url
        self._authorities = authorities
        self.certificate = signer.signing_cert

    def seal(self, data: bytes, *, reason: str) -> Sealed:
        """Seal a PDF that has no signature, at the highest level that can be had now.

        Not for use inside an event loop. Raises SealKeyError when the seal's certificate has been revoked, and
        TryAgainError when our clock and the time stamp authority's differ.
        """
        if self._tsa_url is None:
            return self._sealed(data, reason, NO_TSA)
        stamper = WebTimeStamper(self._tsa_url)
        try:
            return self._stamped(data, reason, stamper)
        except TimestampRequestError:
            return self._sealed(data, reason, TSA_SILENT)

    def _stamped(self, data: bytes, reason: str, stamper: WebTimeStamper) -> Sealed:
        if self._authorities is None:
            return self._sealed(data, reason, NO_AUTHORITIES, stamper)
        try:
            return self._sealed(data, reason, None, stamper, self._authorities)
        except NO_EVIDENCE as error:
            if isinstance(error.__cause__, RevokedError):
                raise SealKeyError("The seal's certificate, or one above it, has been revoked.") from error
            if isinstance(error, RevokedError):  # bare, it is about the time stamp: pyHanko wraps the other
                return self._sealed(data, reason, TSA_REVOKED)
            return self._sealed(data, reason, AUTHORITIES_SILENT, stamper)

    def _sealed(
        self,
        data: bytes,
        reason: str,
        note: str | None,
        stamper: WebTimeStamper | None = None,
        authorities: Authorities | None = None,
    ) -> Sealed:
        what = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            reason=reason,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
            subfilter=SigSeedSubFilter.PADES,
        )
        level = "B-B" if stamper is None else "B-T" if authorities is None else "B-LT"
        sealed = asyncio.run(self._signed(data, what, stamper, authorities))
        return Sealed(sealed, level, note, fingerprint(self.certificate))

    async def _signed(
        self, data: bytes, what: PdfSignatureMetadata, stamper: TimeStamper | None, authorities: Authorities | None
    ) -> bytes:
        if authorities is not None:
            async with asyncio.timeout(ALL_SECONDS), authorities.asked() as context:
                return await self._signed(data, with_evidence(what, context), stamper, None)
        signing = PdfSigner(what, signer=self._signer, timestamper=stamper)
        room = BYTES_RESERVED if stamper is None else BYTES_RESERVED_WITH_STAMP
        out = await signing.async_sign_pdf(IncrementalPdfFileWriter(BytesIO(data)), bytes_reserved=room)
        return bytes(out.getvalue())


def open_sealer(settings: Settings) -> Sealer:
    """Open the key that the settings name. Raises SealKeyError."""
    file = settings.seal_trust_file
    return Sealer(open_signer(settings), settings.tsa_url, None if file is None else read_authorities(file))
