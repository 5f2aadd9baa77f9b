"""The forms: what is asked."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.api.answers import PREFIX
from app.api.body import StrictRoute
from app.api.directory_schemas import FormListed
from app.api.schemas import Listed
from app.api.values import FormNameInPath, FormVersionInPath
from app.doors import READS, LoadedForms
from app.questionnaires.schema import json_schema

router = APIRouter(prefix=f"{PREFIX}/forms", route_class=StrictRoute, tags=["forms"], dependencies=[READS])


@router.get("", operation_id="list-forms")
def list_forms(forms: LoadedForms) -> Listed[FormListed]:
    """Every published form version."""
    return Listed(items=[FormListed(name=form.name, version=form.version, title=form.title) for form in forms])


@router.get("/{name}/{version}", operation_id="read-form", response_class=JSONResponse)
def read_form(name: FormNameInPath, version: FormVersionInPath, forms: LoadedForms) -> JSONResponse:
    """The form as a FHIR R4 Questionnaire."""
    return _json(forms.get(name, version).questionnaire(), "application/fhir+json")


@router.get("/{name}/{version}/schema", operation_id="read-form-schema", response_class=JSONResponse)
def read_form_schema(name: FormNameInPath, version: FormVersionInPath, forms: LoadedForms) -> JSONResponse:
    """The JSON Schema (2020-12) of the answers to the form."""
    return _json(json_schema(forms.get(name, version)), "application/schema+json")


def _json(body: dict[str, Any], media_type: str) -> JSONResponse:
    return JSONResponse(body, HTTPStatus.OK, media_type=media_type)
