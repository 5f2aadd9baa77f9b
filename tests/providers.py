"""OpenID providers for the tests: a real one in a process of its own, and one that does whatever a test tells it."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from joserfc.jwk import RSAKey

from app.api.oidc import SIGN_IN_COOKIE
from app.doors import SESSION_COOKIE

CLIENT_ID = "sameday-tests"
OUR_KEY = RSAKey.generate_key(2048, private=True, auto_kid=True)
THEIR_KEY = RSAKey.generate_key(2048, parameters={"kid": "theirs"}, private=True)


@dataclass
class RealProvider:
    """A running provider, and what a person does in its pages."""

    issuer: str

    def knows(self, sub: str, **claims: Any) -> None:
        """From now on it says this of the person."""
        httpx.put(f"{self.issuer}/users/{sub}", json=claims).raise_for_status()

    def signs_in(self, address: str, sub: str) -> str:
        """Where its form leads when the person signs in."""
        assert httpx.get(address).status_code == 200
        answer = httpx.post(address, data={"sub": sub})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def signed(self, claims: dict[str, Any], **header: str) -> str:
        """A token with its real signature."""
        answer = httpx.post(f"{self.issuer}/sign", json={"claims": claims, "header": header})
        return str(answer.raise_for_status().json()["token"])


@contextmanager
def real_provider(folder: Path) -> Iterator[RealProvider]:
    """oidc-provider-mock on loopback."""
    (folder / "client.json").write_text(json.dumps(OUR_KEY.as_dict(private=False)), "utf-8")
    script = Path(__file__).with_name("provider_process.py")
    words = [sys.executable, str(script), CLIENT_ID, str(folder / "client.json")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield RealProvider(f"http://localhost:{int(process.stdout.readline())}")
        finally:
            process.terminate()


@dataclass
class ObedientProvider:
    """Answers what a test has put here, right or wrong. `asked` is what came: path and form."""

    issuer: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=list)
    tokens: Any = None
    userinfo: Any = None
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def reset(self) -> None:
        self.metadata = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        self.keys = [THEIR_KEY.as_dict(private=False)]
        self.tokens, self.userinfo = None, None
        self.answers.clear()
        self.asked.clear()

    def said(self, path: str) -> Any:
        told = {
            "/.well-known/openid-configuration": self.metadata,
            "/jwks": {"keys": self.keys},
            "/token": self.tokens,
            "/userinfo": self.userinfo,
        }
        return told[path]


@contextmanager
def obedient_provider() -> Iterator[ObedientProvider]:
    """On loopback, in this process."""
    provider = ObedientProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append((self.path, {}))
            if special := provider.answers.get(self.path):
                special(self)
            else:
                _send(self, provider.said(self.path))

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["content-length"])).decode()
            provider.asked.append((self.path, dict(parse_qsl(form))))
            if special := provider.answers.get(self.path):
                special(self)
            else:
                _send(self, provider.said(self.path))

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    provider.reset()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _send(handler: BaseHTTPRequestHandler, said: Any, status: int = 200) -> None:
    if said is None:
        said, status = {"error": "invalid_grant"}, 400
    raw = json.dumps(said).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


@dataclass
class Browser:
    """Somebody's browser: keeps our cookies, which are Secure and so would not be kept by httpx on loopback."""

    client: httpx.Client
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more: Any) -> httpx.Response:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.get(path, headers={"Cookie": kept} if kept else {}, **more)
        return self.keep(answer)

    def keep(self, answer: httpx.Response) -> httpx.Response:
        for cookie in answer.headers.get_list("set-cookie"):
            name, value = re.match(r'([^=]+)="?([^";]*)', cookie).groups()  # type: ignore[union-attr]
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        return answer

    def begins(self, provider: str = "cis2", **query: str) -> dict[str, str]:
        """Begins to sign in; what it is sent to the provider with, and `address`."""
        answer = self.get(f"/sign-in/{provider}", params=query)
        assert answer.status_code == 303, answer.text
        address = answer.headers["location"]
        return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()} | {"address": address}

    def comes_back(self, provider: str = "cis2", **query: str) -> httpx.Response:
        return self.get(f"/sign-in/{provider}/callback", params=query)

    def follows(self, address: str) -> httpx.Response:
        """Opens an address of ours that the provider led to."""
        return self.get(address)

    @property
    def is_signed_in(self) -> bool:
        return SESSION_COOKIE in self.cookies and self.get("/api/v1/me").status_code == 200

    @property
    def is_bound(self) -> bool:
        return SIGN_IN_COOKIE in self.cookies


def providers_file(folder: Path, *profiles: dict[str, Any]) -> dict[str, Any]:
    """Settings of a service that knows these providers."""
    file = folder / "providers.json"
    file.write_text(json.dumps({"providers": profiles}), "utf-8")
    return {"oidc_providers_file": file, "oidc_client_key": OUR_KEY.as_pem(private=True).decode()}


def cis2(issuer: str, **more: Any) -> dict[str, Any]:
    """A profile of the CIS2 shape."""
    return {
        "name": "cis2",
        "shape": "cis2",
        "title": "NHS Care Identity",
        "issuer": issuer,
        "client_id": CLIENT_ID,
        "role": {"allowed_role_codes": ["R8000", "S8000:G8000:R8001"]},
        **more,
    }


def entra(issuer: str, **more: Any) -> dict[str, Any]:
    """A profile of the Entra ID shape."""
    return {
        "name": "council",
        "shape": "entra",
        "title": "Beacon Down Council",
        "issuer": issuer,
        "client_id": CLIENT_ID,
        **more,
    }
