"""What may cross the wire when people sign in."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.schemas import Told
from app.api.values import Line, Sent

Secret = Annotated[str, StringConstraints(max_length=512)]
"""Typed by people and looked at by the verbs only: a rule that answers here would tell something."""
LinkSecret = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
OneTimeCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
Encoded = Annotated[str, StringConstraints(max_length=8000)]


class SignInByPassword(Sent):
    """Address and password, and the code that the authenticator app shows."""

    email: Annotated[Line, Field(max_length=254)]
    password: Secret
    code: OneTimeCode


class SignedByDevice(BaseModel):
    """What the device signed. Browsers send more members than we need, and new ones; those are left out."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    client_data: Encoded = Field(alias="clientDataJSON")
    attestation: Encoded | None = Field(default=None, alias="attestationObject")
    authenticator_data: Encoded | None = Field(default=None, alias="authenticatorData")
    signature: Encoded | None = None
    user_handle: Encoded | None = Field(default=None, alias="userHandle")


class Credential(BaseModel):
    """A `PublicKeyCredential` as its `toJSON()` gives it (WebAuthn level 3)."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    id: Encoded
    raw_id: Encoded = Field(alias="rawId")
    type: Literal["public-key"]
    response: SignedByDevice

    def given(self) -> dict[str, Any]:
        """As the library reads it."""
        return self.model_dump(by_alias=True, exclude_none=True)


class SignInByPasskey(Sent):
    """The answer of `navigator.credentials.get()`."""

    credential: Credential


class NewPasskey(Sent):
    """The answer of `navigator.credentials.create()`, and what the person calls the device."""

    credential: Credential
    label: Annotated[Line, Field(max_length=100)]


class Link(Sent):
    """The secret of a one-time link: what stands behind the '#'."""

    link: LinkSecret


class PasswordByLink(Link):
    """The new password, and a code: of the app just added, or of the one that is there."""

    password: Secret
    code: OneTimeCode


class PasskeyByLink(Link):
    """The new passkey."""

    credential: Credential
    label: Annotated[Line, Field(max_length=100)]


class LinkTold(Told):
    """What a link is for."""

    purpose: Literal["invitation", "recovery"]
    name: str
    email: str
    expires_at: datetime
    second_factor: Literal["new", "code", "passkey"] = Field(
        description="new: one must be added now; code: the app that is there; passkey: sign in with the one there is"
    )


class TotpBegun(Told):
    """A new authenticator app; shown this once."""

    secret: str = Field(description="Base32, to be typed")
    address: str = Field(description="The otpauth: address, for a QR code")


class PasskeyOptions(Told):
    """Options for the browser: `PublicKeyCredential.parse…OptionsFromJSON(options)`."""

    options: dict[str, Any]


class ChangePassword(Sent):
    """The present password, when there is one, and the new one."""

    current: Secret | None = None
    new: Secret


class Code(Sent):
    """A code of the app that is being added."""

    code: OneTimeCode


class PasskeyTold(Told):
    """A passkey of mine."""

    id: UUID
    label: str
    created_at: datetime
    last_used_at: datetime | None


class SessionTold(Told):
    """A session of mine that holds."""

    id: UUID
    method: str
    started_at: datetime
    last_action_at: datetime
    ends_at: datetime = Field(description="If nothing more is done in it")
    is_this: bool


class IssueRecovery(Sent):
    """Whether a new second factor may take the place of the one there is: for somebody who has lost their device."""

    resets_second_factor: bool = False


class LinkIssued(Told):
    """A link is on its way to the registered address. It is never shown to anybody else."""

    id: UUID
    expires_at: datetime
