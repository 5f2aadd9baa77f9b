"""The OpenID providers that people may sign in with: what the profile of one says. No code is written for any. Pure."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.people.oidc_tokens import ALGORITHMS

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def check_address(value: str) -> str:
    """An https address, or http on this machine. Raises ValueError."""
    address = urlsplit(value)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
        raise ValueError("must be an https address")
    if not address.hostname or "@" in address.netloc or address.fragment or not value.isprintable() or " " in value:
        raise ValueError("must be a plain address")
    return value


Address = Annotated[str, Field(max_length=500), AfterValidator(check_address)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
Algorithm = Literal["RS256", "PS256", "ES256"]


class _Profile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Demand(_Profile):
    """What one of `claims` must say, or nobody is signed in. `sentence` tells the person what to do."""

    claims: tuple[Name, ...] = Field(min_length=1)
    at_least: int | None = Field(None, description="A level, as a number or its digits")
    has_any: tuple[Name, ...] = Field((), description="The value, or one in the list of values")
    same_as: Name | None = Field(None, description="Another claim that must hold the same text")
    sentence: Name


class RoleClaims(_Profile):
    """Where the provider says for which organisation and in which role a person acts, and which roles may."""

    roles: Name
    selected: Name
    role_id: Name
    organisation: Name
    role_code: Name
    workgroups: Name
    allowed_role_codes: tuple[Name, ...] = Field(min_length=1, description="Whole codes, or their last part (R8000)")
    allowed_workgroups: tuple[Name, ...] = Field((), description="Empty: any")


def _check_free(name: str) -> str:
    if name == "link":
        raise ValueError("is the address of one-time links")
    return name


class Provider(_Profile):
    """One provider, as the operator wrote it into the file that `oidc_providers_file` names."""

    name: Annotated[str, AfterValidator(_check_free)] = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="In our addresses; not 'link'"
    )
    title: Name = Field(description="What people know it by")
    issuer: Address = Field(description="Exactly as its own description says it")
    client_id: Name
    scope: Name
    acr_values: Name | None = None
    algorithms: tuple[Algorithm, ...] = Field(ALGORITHMS, min_length=1, description="What may sign its tokens")
    subject: tuple[Name, ...] = Field(("sub",), min_length=1, description="Claims that together name a person for good")
    demands: tuple[Demand, ...] = ()
    role: RoleClaims | None = None
    organisations: tuple[Name, ...] = Field(
        (), description="Codes of organisations whose people may use it; empty: all"
    )
    userinfo: bool = Field(True, description="Ask its userinfo endpoint too")
    sign_in_seconds: int = Field(300, ge=30, le=3600, description="Longest since the person proved who they are (CIS2)")
    reauthenticates: bool = Field(
        True, description="It honours prompt=login: whoever was signed in there already must do so again"
    )
    logout_type_may_be_missing: bool = Field(False, description="Only when it is known to send none")
    client_algorithm: Algorithm = "RS256"
    client_key_id: Name | None = Field(None, description="The `kid` it knows our key by; none: its RFC 7638 thumbprint")
    client_certificate_sha256: Name | None = Field(None, description="`x5t#S256` of our certificate, for Entra ID")
