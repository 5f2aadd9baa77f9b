"""Profiles of providers are data: what is wrong in the file is said when the service starts."""

import json
from pathlib import Path
from typing import Any

import pytest
from providers import OUR_KEY, cis2, entra, providers_file
from pydantic import SecretStr

from app.people.oidc_client import provider_clients
from app.people.oidc_rules import SignInRefused, check_role
from app.people.providers_file import load_providers
from app.settings import Settings, SettingsError


def test_a_shape_gives_what_a_profile_does_not_say(tmp_path: Path) -> None:
    found = load_providers(_file(tmp_path, cis2("https://cis2.example"), entra("https://login.example/v2.0")))
    assert found["cis2"].acr_values == "AAL2_OR_AAL3_ANY"
    assert found["cis2"].role is not None
    assert found["cis2"].role.roles == "nhsid_nrbac_roles"
    assert found["council"].subject == ("tid", "oid")
    assert (found["council"].role, found["council"].client_algorithm) == (None, "PS256")


def test_a_profile_overrides_its_shape_down_to_one_member_of_the_role(tmp_path: Path) -> None:
    changed = cis2("https://cis2.example", acr_values="AAL3_ANY", algorithms=["PS256"])
    changed["role"] |= {"organisation": "org_id"}
    found = load_providers(_file(tmp_path, changed))["cis2"]
    assert (found.acr_values, found.algorithms) == ("AAL3_ANY", ("PS256",))
    assert found.role is not None
    assert (found.role.organisation, found.role.role_code) == ("org_id", "role_code")


def test_without_a_file_there_are_no_providers_and_no_key_is_needed() -> None:
    assert provider_clients(Settings(database_url="sqlite://")) == {}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"issuer": "http://cis2.example"}, "issuer: Value error, must be an https address"),
        ({"issuer": "https://user@cis2.example"}, "must be a plain address"),
        ({"name": "link"}, "one-time links"),
        ({"name": "CIS2"}, "name"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": []}, "algorithms"),
        ({"sign_in_seconds": 86_400}, "sign_in_seconds"),
        ({"role": {"allowed_role_codes": []}}, "role/allowed_role_codes"),
        ({"role": {}}, "role/allowed_role_codes"),
        ({"sceret": "x"}, "sceret: Extra inputs"),
        ({"shape": "cis3"}, "write a JSON object such as"),
        ({"client_id": ""}, "client_id"),
    ],
    ids=str,
)
def test_a_wrong_profile_is_explained(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_providers(_file(tmp_path, cis2("https://cis2.example") | changed))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"providers": {}}', '{"providers": ["cis2"]}', '{"providers": 1}'])
def test_a_file_that_is_none_is_explained(tmp_path: Path, text: str) -> None:
    file = tmp_path / "providers.json"
    file.write_text(text, "utf-8")
    if text == '{"providers": {}}':
        assert load_providers(file) == {}
        return
    with pytest.raises(SettingsError, match="write a JSON object such as"):
        load_providers(file)


def test_a_file_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_providers(tmp_path / "none.json")


def test_two_profiles_of_one_name_or_issuer_are_refused(tmp_path: Path) -> None:
    same_name = entra("https://other.example", name="cis2")
    for second in (same_name, entra("https://cis2.example")):
        with pytest.raises(SettingsError, match="one name, or one issuer"):
            load_providers(_file(tmp_path, cis2("https://cis2.example"), second))


@pytest.mark.parametrize(
    "key",
    [None, "", "no key", OUR_KEY.as_pem(private=False).decode()],
    ids=["none", "empty", "no PEM", "public"],
)
def test_without_a_private_key_that_fits_the_service_does_not_start(tmp_path: Path, key: str | None) -> None:
    given = providers_file(tmp_path, cis2("https://cis2.example")) | {"oidc_client_key": key and SecretStr(key)}
    with pytest.raises(SettingsError, match="SAMEDAY_OIDC_CLIENT_KEY"):
        provider_clients(Settings(database_url="sqlite://", **given))


def test_a_key_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    given = providers_file(tmp_path, cis2("https://cis2.example", client_algorithm="ES256"))
    with pytest.raises(SettingsError, match="for ES256"):
        provider_clients(Settings(database_url="sqlite://", **given))


@pytest.mark.parametrize(
    ("allowed", "groups", "held", "is_let_in"),
    [
        (["R8000"], [], {}, True),
        (["S8000:G8000:R8000"], [], {}, True),
        (["S8000"], [], {}, False),
        (["R800"], [], {}, False),
        (["R8000"], ["W1"], {}, False),
        (["R8000"], ["W1"], {"workgroups_codes": ["W2", "W1"]}, True),
        (["R8000"], ["W1"], {"workgroups_codes": "W1"}, False),
        (["R8000"], ["W1"], {"workgroups_codes": [["W1"]]}, False),
    ],
)
def test_a_role_is_let_in_by_its_code_and_its_workgroup(
    tmp_path: Path, allowed: list[str], groups: list[str], held: dict[str, Any], is_let_in: bool
) -> None:
    profile = cis2("https://cis2.example", role={"allowed_role_codes": allowed, "allowed_workgroups": groups})
    role = load_providers(_file(tmp_path, profile))["cis2"].role
    assert role is not None
    one = {"person_roleid": "1", "org_code": "RHM", "role_code": "S8000:G8000:R8000"} | held
    claims = {"nhsid_nrbac_roles": [one], "selected_roleid": "1"}
    if is_let_in:
        check_role(role, claims, "RHM")
    else:
        with pytest.raises(SignInRefused):
            check_role(role, claims, "RHM")
    with pytest.raises(SignInRefused, match="another organisation"):
        check_role(role, claims, None)  # an organisation without an ODS code cannot be compared


def _file(folder: Path, *profiles: dict[str, Any]) -> Path:
    file = folder / "providers.json"
    file.write_text(json.dumps({"providers": profiles}), "utf-8")
    return file
