"""Loads the forms, says what is wrong with answers, and translates answers for other programs. Pure.

A stranger's way in: `form` (what a form is), `loading` (from YAML), `checking` (faults of form files),
`problems` (faults of answers), `visibility` (what is asked), `schema` and `response` (for other programs).
"""

from app.questionnaires.checking import check_forms
from app.questionnaires.form import Form, Forms, Item, Option, display
from app.questionnaires.loading import load_forms
from app.questionnaires.problems import problems_in, warnings_in
from app.questionnaires.response import canonical, from_questionnaire_response, to_questionnaire_response
from app.questionnaires.schema import json_schema
from app.questionnaires.source import Fault
from app.questionnaires.visibility import Shown, is_enabled, shown

__all__ = [
    "Fault",
    "Form",
    "Forms",
    "Item",
    "Option",
    "Shown",
    "canonical",
    "check_forms",
    "display",
    "from_questionnaire_response",
    "is_enabled",
    "json_schema",
    "load_forms",
    "problems_in",
    "shown",
    "to_questionnaire_response",
    "warnings_in",
]
