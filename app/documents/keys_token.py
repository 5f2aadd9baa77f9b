"""A seal key inside a PKCS#11 token: a hardware security module, a smart card, or SoftHSM."""

from pathlib import Path

import pkcs11
from pyhanko.config.pkcs11 import TokenCriteria
from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session
from pyhanko.sign.signers.pdf_cms import Signer

from app.documents.faults import TryAgainError


class TokenSigner(Signer):
    """Signs in the token with the key labelled label; its certificate has the same label, and so has the token.

    Raises PKCS11Error when there is no such token, key or certificate, or the PIN is wrong.
    """

    def __init__(self, library: Path, label: str, pin: str | None) -> None:
        self._where = (library, label, pin)
        self._token = _logged_in(*self._where)
        super().__init__(signing_cert=self._token.signing_cert, cert_registry=self._token.cert_registry)

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """The raw signature over data. A token that has dropped the session (restarted, unplugged for a moment) is
        logged in to once more; TryAgainError when that does not help."""
        try:
            return bytes(await self._token.async_sign_raw(data, digest_algorithm, dry_run))
        except pkcs11.PKCS11Error:
            pass
        try:
            self._token = _logged_in(*self._where)
            return bytes(await self._token.async_sign_raw(data, digest_algorithm, dry_run))
        except pkcs11.PKCS11Error as error:
            raise TryAgainError("The PKCS#11 token with the seal's key does not sign.") from error


def _logged_in(library: Path, label: str, pin: str | None) -> PKCS11Signer:
    # Ends what this process had open in the token: a token refuses a second log-in of the same process.
    pkcs11.lib(str(library)).reinitialize()
    session = open_pkcs11_session(str(library), token_criteria=TokenCriteria(label=label), user_pin=pin)
    # SoftHSM has no combined ECDSA-with-SHA-256 mechanism: the digest is made here (pdf.md, 3).
    return PKCS11Signer(session, cert_label=label, key_label=label, use_raw_mechanism=True)
