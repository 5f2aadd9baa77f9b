"""Seals a PDF: a certification signature that allows no change (DocMDP P=1), PAdES B-T or B-B.

With a time stamp authority the level is B-T. When it does not answer the document is sealed at B-B all the same
and the reason is recorded: an outage costs a level, not an outcome (lessons 39).
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

from app import clock
from app.documents.faults import TryAgainError
from app.documents.keys import fingerprint, open_signer
from app.settings import Settings

FIELD = "Seal"
# Room for signature, certificates and time stamp. Given beforehand it saves a trial signature (pdf.md, 3).
BYTES_RESERVED = 16_384
TSA_SECONDS = 5.0
# Beyond this our clock or theirs is wrong, and a time on a document would be too (security.md, 2.3).
CLOCKS_MAY_DIFFER_SECONDS = 60

NO_TSA = "No time stamp authority is configured."
TSA_SILENT = "The time stamp authority gave no time stamp."


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

    def __init__(self, signer: Signer, tsa_url: str | None) -> None:
        self._signer = signer
        self._tsa_url = tsa_url
        self.certificate = signer.signing_cert

    def seal(self, data: bytes, *, reason: str) -> Sealed:
        """Seal a PDF that has no signature. Not for use inside an event loop."""
        if self._tsa_url is None:
            return self._sealed(data, reason, None, "B-B", NO_TSA)
        try:
            return self._sealed(data, reason, WebTimeStamper(self._tsa_url), "B-T", None)
        except TimestampRequestError:
            return self._sealed(data, reason, None, "B-B", TSA_SILENT)

    def _sealed(self, data: bytes, reason: str, stamper: WebTimeStamper | None, level: str, note: str | None) -> Sealed:
        what = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            reason=reason,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
            subfilter=SigSeedSubFilter.PADES,
        )
        writer = IncrementalPdfFileWriter(BytesIO(data))
        signing = PdfSigner(what, signer=self._signer, timestamper=stamper)
        out = asyncio.run(signing.async_sign_pdf(writer, bytes_reserved=BYTES_RESERVED))
        return Sealed(out.getvalue(), level, note, fingerprint(self.certificate))


def open_sealer(settings: Settings) -> Sealer:
    """Open the key that the settings name. Raises SealKeyError."""
    return Sealer(open_signer(settings), settings.tsa_url)
