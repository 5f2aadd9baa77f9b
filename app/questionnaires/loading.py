"""Loads every form of `forms/` into memory; refuses the whole set when one file has a fault."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.errors import DomainError
from app.questionnaires import shape
from app.questionnaires.form import Condition, Constraint, Form, Forms, Item, Option, places_of
from app.questionnaires.form_rules import rule_faults
from app.questionnaires.source import Fault, FaultyFileError, Source, read_source
from app.version import ROOT

FORMS = ROOT / "forms"


def load_forms(folder: Path = FORMS) -> Forms:
    """Every form version below a folder, about 0.3 s for each: keep the result.

    Raises DomainError `forms-faulty`, whose sentence names file and line of the first fault.
    """
    forms: list[Form] = []
    for path in form_files(folder):
        form, faults = load_form(path, folder)
        if form is None or faults:
            first = faults[0]
            raise DomainError("forms-faulty", f"{first.file}:{first.line}: {first.sentence}")
        forms.append(form)
    return Forms(iter(forms))


def form_files(folder: Path) -> list[Path]:
    """The form files below a folder: `<name>/<version>.yaml`."""
    return sorted(folder.glob("*/*.yaml"))


def load_form(path: Path, folder: Path) -> tuple[Form | None, list[Fault]]:
    """One form, or None when the file cannot be understood, and what is wrong with it by our own rules."""
    try:
        source = read_source(path, path.relative_to(folder).as_posix())
    except FaultyFileError as error:
        return None, [error.fault]
    faults = list(shape.shape_faults(source))
    if faults:
        return None, faults
    form = form_of(source)
    return form, list(rule_faults(form, source))


def form_of(source: Source) -> Form:
    """The form in a source without shape faults."""
    data = source.data
    items = tuple(_item(item) for item in data["item"])
    return Form(
        name=data["id"],
        version=data["version"],
        title=data["title"],
        url=data["url"],
        items=items,
        constraints=tuple(_constraints(data)),
        places={place[-1].link_id: place for place in places_of(items)},
        source=data,
    )


def _item(data: dict[str, Any]) -> Item:
    extensions = {extension["url"]: extension for extension in data.get("extension", [])}
    return Item(
        link_id=data["linkId"],
        prefix=data["prefix"],
        text=data["text"],
        type=data["type"],
        required=data.get("required", False),
        repeats=data.get("repeats", False),
        read_only=data.get("readOnly", False),
        enable_when=tuple(_condition(condition) for condition in data.get("enableWhen", [])),
        enable_behavior=data.get("enableBehavior", "all"),
        options=tuple(_option(option) for option in data.get("answerOption", [])),
        unit=_value(extensions.get(shape.UNIT), {"code": ""})["code"],
        min=_value(extensions.get(shape.MIN), None),
        max=_value(extensions.get(shape.MAX), None),
        max_length=data.get("maxLength"),
        pattern=_value(extensions.get(shape.REGEX), ""),
        items=tuple(_item(child) for child in data.get("item", [])),
        constraints=tuple(_constraints(data)),
    )


def _condition(data: dict[str, Any]) -> Condition:
    answer = data["answerBoolean"] if "answerBoolean" in data else data["answerCoding"]["code"]
    return Condition(data["question"], data["operator"], answer)


def _option(data: dict[str, Any]) -> Option:
    coding = data["valueCoding"]
    exclusive = any(extension["valueBoolean"] for extension in data.get("extension", []))
    return Option(coding["code"], coding.get("display", ""), coding.get("system", ""), exclusive)


def _constraints(data: dict[str, Any]) -> Iterator[Constraint]:
    for extension in data.get("extension", []):
        if extension["url"] == shape.CONSTRAINT:
            parts = {part["url"]: _value(part, "") for part in extension["extension"]}
            yield Constraint(parts["key"], parts["severity"], parts["human"], parts["expression"])


def _value(extension: dict[str, Any] | None, default: Any) -> Any:
    if extension is None:
        return default
    return next(value for key, value in extension.items() if key != "url")
