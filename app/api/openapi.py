"""The description of the API, OpenAPI 3.1."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, iter_route_contexts

from app.api.answers import PREFIX
from app.api.body import StrictRoute
from app.api.problems import MEDIA_TYPE, ProblemDocument
from app.doors import PUBLIC, SESSION_COOKIE, public

router = APIRouter(prefix=PREFIX, route_class=StrictRoute, tags=["operation"], dependencies=[PUBLIC])

_BEARER = (
    "Personal token, 'sd_…'; or an access token of an integration, 'sm_…', with the header Sameday-On-Behalf-Of: the "
    "e-mail address of the person it calls for"
)
_DESCRIPTION = """\
The outcome of a child protection medical, in the right hands the same day.

Errors are problem documents (RFC 9457). What is not there and what is not for you look the same: 404.
Calls that create something take an `Idempotency-Key`; writes to what is there take `If-Match`.
Times are RFC 3339 in UTC.
"""


@router.get("/openapi.json", operation_id="read-api-description", response_class=JSONResponse)
def read_api_description(request: Request) -> JSONResponse:
    """This description."""
    return JSONResponse(describe(request.app))


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 description of `app`; made once and kept."""
    if app.openapi_schema is None:
        described = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            description=_DESCRIPTION,
            routes=app.routes,
        )
        components = described.setdefault("components", {})
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": _BEARER},
            "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "Somebody signed in"},
        }
        schemas = components.setdefault("schemas", {})
        problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs", {})
        schemas["Problem"] = problem
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        open_to_all = _operations_open_to_all(app)
        for operations in described["paths"].values():
            for operation in operations.values():
                _finish(operation, is_public=operation["operationId"] in open_to_all)
        app.openapi_schema = described
    return app.openapi_schema


def _finish(operation: dict[str, Any], *, is_public: bool) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "What was wrong, as a problem document (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    operation["security"] = [] if is_public else [{"token": []}, {"session": []}]


def _operations_open_to_all(app: FastAPI) -> frozenset[str]:
    return frozenset(
        str(context.original_route.operation_id)
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        and any(one.dependency is public for one in getattr(context, "dependencies", ()))
    )
