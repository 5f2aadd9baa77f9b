"""A key-encryption key inside a PKCS#11 token: a hardware security module, or SoftHSM. The key never leaves it.

The token makes AES-GCM itself (CKM_AES_GCM), so that wrapping there is bound to the subject as it is here.
"""

import threading
from pathlib import Path

import pkcs11
from cryptography.exceptions import InvalidTag
from pkcs11.mechanisms import GCMParams

from app.encryption.faults import KeyAwayError
from app.encryption.gcm import TAG_BYTES, Cipher
from app.settings import Settings

# What a token says when the ciphertext, not the token, is wrong. SoftHSM 2.6 says only the second, which may mean
# anything; so it counts when it comes again after a new log-in.
_NOT_AUTHENTIC = (pkcs11.EncryptedDataInvalid, pkcs11.GeneralError)

_lock = threading.RLock()
_keys: dict[tuple[Path, str, str], pkcs11.Object] = {}
"""The keys in use, by module, token and label, each with a session of its own that lives as long as the process."""


def token_cipher(settings: Settings, key_label: str) -> Cipher:
    """The AES key labelled key_label in the token of the settings. Raises KeyAwayError when it is used, not here."""
    return _TokenCipher(settings, key_label)


class _TokenCipher:
    def __init__(self, settings: Settings, key_label: str) -> None:
        assert settings.encryption_pkcs11_library is not None
        self._where = (settings.encryption_pkcs11_library, settings.encryption_pkcs11_label or "")
        self._pin = settings.encryption_pkcs11_pin
        self._key_label = key_label

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        return self._in_token("encrypt", nonce, data, associated)

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        return self._in_token("decrypt", nonce, data, associated)

    def _in_token(self, verb: str, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """Do it; log in once more when the token has forgotten us (restarted, unplugged for a moment)."""
        with _lock:
            try:
                return self._once(verb, nonce, data, associated)
            except pkcs11.PKCS11Error:
                _forget(self._where)
            try:
                return self._once(verb, nonce, data, associated)
            except pkcs11.PKCS11Error as error:
                _forget(self._where)
                if verb == "decrypt" and isinstance(error, _NOT_AUTHENTIC):
                    raise InvalidTag from error
                raise self._away() from error

    def _away(self) -> KeyAwayError:
        return KeyAwayError(
            f"The PKCS#11 token with the key {self._key_label!r} does not answer: check "
            "SAMEDAY_ENCRYPTION_PKCS11_LIBRARY, _LABEL, _KEY and _PIN, and the token."
        )

    def _once(self, verb: str, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        options = {
            "mechanism": pkcs11.Mechanism.AES_GCM,
            "mechanism_param": GCMParams(nonce, associated, TAG_BYTES * 8),
        }
        return bytes(getattr(self._key(), verb)(data, **options))

    def _key(self) -> pkcs11.Object:
        name = (*self._where, self._key_label)
        if name not in _keys:
            wanted = {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
                pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.AES,
                pkcs11.Attribute.LABEL: self._key_label,
            }
            # All of them: a search that is not run to its end stays open in the token.
            found = list(self._new_session().get_objects(wanted))
            if len(found) != 1:
                raise self._away()
            _keys[name] = found[0]
        return _keys[name]

    def _new_session(self) -> pkcs11.Session:
        library, label = self._where
        token = pkcs11.lib(str(library)).get_token(token_label=label)
        try:
            return token.open(user_pin=self._pin.get_secret_value() if self._pin else None)
        except pkcs11.UserAlreadyLoggedIn:  # a log-in counts for every session of the process
            return token.open()


def _forget(where: tuple[Path, str]) -> None:
    """Drop what this process had open in the token, so that the next use logs in again."""
    _keys.clear()  # a new start of the library ends every session in it
    try:
        pkcs11.lib(str(where[0])).reinitialize()
    except (pkcs11.PKCS11Error, RuntimeError):
        return  # no such library, or it does not start: the next use says so
