"""Every fault of every form file, with file and line: our rules, the FHIR R4 model, and the freezing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.questionnaires.loading import FORMS, form_files, load_form
from app.questionnaires.source import Fault, FaultyFileError, Source, read_source

PUBLISHED = "published.yaml"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_forms(folder: Path = FORMS) -> list[Fault]:
    """All faults, ordered by file and line; none means that every form may be served."""
    faults = [fault for path in form_files(folder) for fault in _form_faults(path, folder)]
    if not form_files(folder):
        faults.append(Fault(PUBLISHED, 1, "There is no form: expected <name>/<version>.yaml beside this file."))
    faults += _freezing_faults(folder)
    return sorted(faults, key=lambda fault: (fault.file, fault.line, fault.sentence))


def _form_faults(path: Path, folder: Path) -> Iterator[Fault]:
    form, faults = load_form(path, folder)
    yield from faults
    if form is not None:
        yield from _fhir_faults(read_source(path, path.relative_to(folder).as_posix()))


def _fhir_faults(source: Source) -> Iterator[Fault]:
    """Imported here because the FHIR model takes about 0.2 s to load and only this check needs it."""
    from fhir.resources.R4B.questionnaire import Questionnaire
    from pydantic import ValidationError

    try:
        Questionnaire.model_validate(source.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            yield source.fault(tuple(detail["loc"]), f"FHIR R4: {detail['msg']}.")


def _freezing_faults(folder: Path) -> Iterator[Fault]:
    """A published form never changes: outcomes are read for ever with the version they were recorded on."""
    path = folder / PUBLISHED
    if not path.is_file():
        yield Fault(PUBLISHED, 1, "The list of published forms is missing.")
        return
    try:
        source = read_source(path, PUBLISHED)
    except FaultyFileError as error:
        yield error.fault
        return
    entries = source.data.get("published") if isinstance(source.data, dict) else None
    if not isinstance(entries, list) or set(source.data) != {"published"}:
        yield Fault(PUBLISHED, 1, "The file holds one list, called published.")
        return
    listed: set[str] = set()
    for index, entry in enumerate(entries):
        place = ("published", index)
        if not _is_entry(entry) or entry["file"] in listed:
            yield source.fault(place, "Each entry holds file and sha256 (64 hexadecimal digits), each file once.")
            continue
        listed.add(entry["file"])
        yield from _changed(folder, source, place, entry)
    yield from _unlisted(folder, listed)


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and set(entry) == {"file", "sha256"}
        and all(isinstance(value, str) for value in entry.values())
        and _SHA256.fullmatch(entry["sha256"]) is not None
    )


def _changed(folder: Path, source: Source, place: tuple[str | int, ...], entry: dict[str, str]) -> Iterator[Fault]:
    path = folder / entry["file"]
    if path not in form_files(folder):
        yield source.fault(place, f"The published form {entry['file']} is gone: put it back.")
    elif hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
        sentence = f"The published form {entry['file']} was changed: put it back and write a new version."
        yield source.fault(place, sentence)


def _unlisted(folder: Path, listed: set[str]) -> Iterator[Fault]:
    for path in form_files(folder):
        file = path.relative_to(folder).as_posix()
        form, _ = load_form(path, folder)
        if form is not None and form.source["status"] != "draft" and file not in listed:
            yield Fault(file, 1, f"This form is not a draft: list it with its SHA-256 in {PUBLISHED}.")
