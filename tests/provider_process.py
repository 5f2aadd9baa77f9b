"""A real OpenID provider, oidc-provider-mock on Authlib's server, in a process of its own.

It is made to insist on what ours must do: PKCE with S256 and a signed assertion of the client. Claims of a person are
set by its own PUT /users/{sub}. `POST /sign` signs what a test gives it with the provider's own key.

Run as: python tests/provider_process.py CLIENT_ID PUBLIC_KEY.json; it prints its port.
"""

import json
import sys
from pathlib import Path
from typing import Any

import flask
import werkzeug.serving
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7636 import CodeChallenge
from joserfc import jwt
from joserfc.jwk import RSAKey
from oidc_provider_mock import _app as provider

challenges: dict[str, tuple[str, str]] = {}
used_assertions: set[str] = set()


class Assertion(JWTBearerClientAssertion):
    CLIENT_AUTH_METHOD = "private_key_jwt"

    def get_audiences(self) -> list[str]:
        return [flask.url_for("oidc-provider-mock.issue_token", _external=True)]

    def validate_jti(self, claims: Any, jti: str) -> bool:
        is_new = jti not in used_assertions
        used_assertions.add(jti)
        return is_new

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> Any:
        # As Authlib does it, but for PS256, which Entra ID asks for and joserfc takes only when it is named.
        claims = jwt.decode(assertion, resolve_key, algorithms=["RS256", "PS256"]).claims
        self.verify_claims(claims)
        return claims

    def resolve_client_public_key(self, client: Any) -> RSAKey:
        assert client.get_client_id() == sys.argv[1]
        return RSAKey.import_key(json.loads(Path(sys.argv[2]).read_text("utf-8")))


class Grant(provider.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["private_key_jwt"]  # noqa: RUF012

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        challenges[code] = (asked["code_challenge"], asked["code_challenge_method"])
        super().save_authorization_code(code, request)


class Challenge(CodeChallenge):
    def get_authorization_code_challenge(self, authorization_code: Any) -> str:
        return challenges[authorization_code.code][0]

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str:
        return challenges[authorization_code.code][1]


def sharpened() -> flask.Flask:
    app = provider.app(require_nonce=True)

    @app.before_request
    def insist() -> None:
        server = flask.g._authlib_authorization_server
        if any(grant is Grant for grant, _ in server._token_grants):
            return
        old = next(extensions for grant, extensions in server._token_grants if grant is provider.AuthorizationCodeGrant)
        server._authorization_grants.clear()
        server._token_grants.clear()
        server.register_client_auth_method("private_key_jwt", Assertion())
        server.register_grant(Grant, [*old, Challenge(required=True)])

    @app.post("/sign")
    def sign() -> dict[str, str]:
        asked = flask.request.get_json()
        key = RSAKey.import_key(provider.storage.jwk.as_dict(is_private=True))
        return {"token": jwt.encode({"alg": "RS256"} | asked["header"], asked["claims"], key, default_type=None)}

    return app


if __name__ == "__main__":
    server = werkzeug.serving.make_server("localhost", 0, sharpened(), threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()
