"""The edges of what a provider may say: how old, how new, and in which spelling."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from providers import CLIENT_ID, THEIR_KEY

from app.people.oidc_rules import (
    LOGOUT_EVENT,
    SignInRefused,
    check_id_token,
    check_logout_token,
    person_from,
    proofs_of,
)
from app.people.oidc_tokens import TokenRefusedError, usable_keys
from app.people.providers import Demand, Provider

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
KEYS = usable_keys({"keys": [THEIR_KEY.as_dict(private=False)]})
ISSUER = "https://provider.example"


def provider(**more: Any) -> Provider:
    values = {"name": "test", "title": "Test", "issuer": ISSUER, "client_id": CLIENT_ID, "scope": "openid"}
    return Provider.model_validate(values | more)


def token(claims: dict[str, Any], typ: str | None = "JWT") -> str:
    header = {"alg": "RS256", "kid": "theirs"} | ({"typ": typ} if typ else {})
    return jwt.encode(header, claims, THEIR_KEY, default_type=None)


def logout(typ: str | None = "logout+jwt", **changed: Any) -> str:
    claims = {"iss": ISSUER, "aud": CLIENT_ID, "iat": SECONDS, "exp": SECONDS + 120, "jti": "j", "sid": "s"}
    return token(claims | {"events": {LOGOUT_EVENT: {}}} | changed, typ)


def id_claims(profile: Provider, began_at: datetime = NOW, **changed: Any) -> dict[str, Any]:
    claims = {"iss": ISSUER, "aud": CLIENT_ID, "sub": "s", "iat": SECONDS, "exp": SECONDS + 60, "nonce": "n"}
    text = token(claims | {"auth_time": SECONDS} | changed)
    return check_id_token(profile, text, KEYS, nonce="n", access_token="a", began_at=began_at, now=NOW)


@pytest.mark.parametrize(("offset", "is_believed"), [(-300, True), (300, True), (-301, False), (301, False)])
def test_a_logout_token_is_believed_within_five_minutes_of_its_issue(offset: int, is_believed: bool) -> None:
    text = logout(iat=SECONDS + offset)
    if is_believed:
        assert check_logout_token(provider(), text, KEYS, NOW).issued_at == SECONDS + offset
    else:
        with pytest.raises(TokenRefusedError, match="iat"):
            check_logout_token(provider(), text, KEYS, NOW)


def test_only_a_profile_that_says_so_takes_a_logout_token_without_a_type() -> None:
    lenient = provider(logout_type_may_be_missing=True)
    assert check_logout_token(lenient, logout(None), KEYS, NOW).provider_session == "s"
    for profile, typ in ((provider(), None), (lenient, "JWT"), (lenient, "at+jwt")):
        with pytest.raises(TokenRefusedError, match="wrong-type"):
            check_logout_token(profile, logout(typ), KEYS, NOW)


def test_the_type_of_a_token_is_read_without_regard_to_capitals() -> None:
    assert check_logout_token(provider(), logout("Logout+JWT"), KEYS, NOW).token_id == "j"


@pytest.mark.parametrize(("auth_time", "is_believed"), [(-60, True), (-61, False), (60, True), (61, False)])
def test_a_provider_that_asks_again_must_have_asked_for_this_sign_in(auth_time: int, is_believed: bool) -> None:
    if is_believed:
        assert id_claims(provider(), auth_time=SECONDS + auth_time)["sub"] == "s"
    else:
        with pytest.raises(SignInRefused):
            id_claims(provider(), auth_time=SECONDS + auth_time)


@pytest.mark.parametrize(("auth_time", "is_believed"), [(-300, True), (-301, False)])
def test_one_that_does_not_must_have_asked_within_five_minutes(auth_time: int, is_believed: bool) -> None:
    lenient = provider(reauthenticates=False)
    if is_believed:
        assert id_claims(lenient, auth_time=SECONDS + auth_time)["sub"] == "s"
    else:
        with pytest.raises(SignInRefused):
            id_claims(lenient, auth_time=SECONDS + auth_time)


def test_a_sign_in_that_took_long_there_is_still_for_this_one() -> None:
    began_at = NOW - timedelta(minutes=9)
    assert id_claims(provider(), began_at, auth_time=SECONDS - 299)["sub"] == "s"
    with pytest.raises(SignInRefused):
        id_claims(provider(), began_at, auth_time=SECONDS - 301)


@pytest.mark.parametrize(
    ("said", "is_enough"),
    [
        ("3", True),
        (3, True),
        ("2", False),
        (2, False),
        ("03", False),
        ([3], False),
        (3.5, False),
        ("³", False),
        (None, False),
    ],
)
def test_a_level_is_a_digit_or_a_number(said: Any, is_enough: bool) -> None:
    demand = Demand(claims=("level",), at_least=3, sentence="More.")
    claims = {"sub": "s", "level": said}
    if is_enough:
        assert person_from(provider(demands=(demand,)), claims, None).sub == "s"
    else:
        with pytest.raises(SignInRefused, match="More"):
            person_from(provider(demands=(demand,)), claims, None)


def test_what_the_signed_token_says_counts_before_userinfo() -> None:
    demand = Demand(claims=("level",), at_least=3, sentence="More.")
    with pytest.raises(SignInRefused):
        person_from(provider(demands=(demand,)), {"sub": "s", "level": 1}, {"sub": "s", "level": 3})


def test_two_parts_of_a_subject_cannot_be_shifted_into_each_other() -> None:
    profile = provider(subject=("tid", "oid"))
    one = person_from(profile, {"sub": "s", "tid": "a", "oid": "b"}, None)
    assert (one.subject, one.sub) == ("a/b", "s")
    for tid, oid in (("a/b", "c"), ("a", "b/c")):
        with pytest.raises(TokenRefusedError):
            person_from(profile, {"sub": "s", "tid": tid, "oid": oid}, None)


def test_each_proof_is_another_and_none_tells_the_secret() -> None:
    proofs = proofs_of("secret")
    assert len({proofs.state, proofs.nonce, proofs.verifier, "secret"}) == 4
    assert proofs == proofs_of("secret") != proofs_of("Secret")
    assert len(proofs.verifier) == 43
