"""How an operation of the API is called, and where it is found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from fastapi.routing import iter_route_contexts
from serving import Caller

from app.main import create_app
from app.settings import Settings

Values = Mapping[str, str]
Body = Callable[[Values], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One operation.

    path, query: parameter of the address -> name of the value that stands there (see `matrix_world.Place`).
    body: what is sent; if_match: name of the value to send as If-Match.
    shows: for a read, name of a value that the answer holds; or 'text: …', words that it holds.
    newest: it shows the newest first, and so a new outcome is made for it.
    says_who: who calls says so in the body, and in nothing else.
    from_page: what only our own pages may send. ends_session: whoever did it must sign in anew.
    writes: for a write, the table in which a row is new or changed. spare: it acts upon people and teams.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    if_match: str = ""
    shows: str = ""
    writes: str = ""
    spare: bool = False
    media_type: str = "application/json"
    newest: bool = False
    says_who: bool = False
    from_page: bool = False
    ends_session: bool = False

    @property
    def names_something(self) -> bool:
        """Whether the address says what the call is about."""
        return bool(self.path or self.query)


@dataclass(frozen=True, slots=True)
class Route:
    """Where an operation is found."""

    operation: str
    method: str
    path: str
    needs_key: bool


def routes() -> dict[str, Route]:
    """Operation -> its route, of every route that the service has."""
    app = create_app(Settings(database_url="sqlite://", run_worker=False))
    found: dict[str, Route] = {}
    for context in iter_route_contexts(app.routes):
        route: Any = context.original_route
        (method,) = set(context.methods or ()) - {"HEAD"}
        names = {one.alias.lower() for one in _headers(route.dependant)}
        found[route.operation_id] = Route(route.operation_id, method, str(context.path), "idempotency-key" in names)
    return found


def send(caller: Caller, route: Route, call: Call, values: Values) -> httpx.Response:
    """Call the operation with these values."""
    place = place_of(route, call, values)
    more: dict[str, Any] = {"headers": headers_of(route, call, values)}
    if call.query:
        more["params"] = {parameter: values[name] for parameter, name in call.query.items()}
    body = call.body(values) if call.body else None
    caller = Caller(caller.client) if call.says_who else caller
    if isinstance(body, bytes):
        more["content"] = body
    elif body is not None:
        more["json"] = body
    return at(caller, route.method, place, **more)


def place_of(route: Route, call: Call, values: Values) -> str:
    """The address of the operation with these values in it."""
    place = route.path
    for parameter, name in call.path.items():
        place = place.replace(f"{{{parameter}}}", values[name])
    return place


def at(caller: Caller, method: str, place: str, **more: Any) -> httpx.Response:
    """Call a whole address: `Caller.call` is for those below /api/v1."""
    headers = caller.headers() | more.pop("headers", {})
    return caller.client.request(method, place, headers=headers, **more)


def headers_of(route: Route, call: Call, values: Values) -> dict[str, str]:
    """The headers that the operation needs."""
    headers = {"Idempotency-Key": str(uuid4())} if route.needs_key else {}
    if call.if_match:
        headers["If-Match"] = values[call.if_match]
    if call.body and call.media_type != "application/json":
        headers["Content-Type"] = call.media_type
    if call.from_page:
        headers["Sec-Fetch-Site"] = "same-origin"
    return headers


def _headers(dependant: Any) -> list[Any]:
    return [*dependant.header_params, *(one for inner in dependant.dependencies for one in _headers(inner))]
