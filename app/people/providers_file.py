"""The file of providers, read once when the service starts: a wrong profile is known before anybody needs it."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.people.provider_shapes import SHAPES
from app.people.providers import Provider
from app.settings import SettingsError


def load_providers(file: Path | None) -> dict[str, Provider]:
    """The providers in `file`, by name; none without a file. Raises SettingsError, which says what is wrong where."""
    if file is None:
        return {}
    try:
        listed = json.loads(file.read_text("utf-8"))["providers"]
        found = [Provider.model_validate(_with_shape(one)) for one in listed]
    except OSError as error:
        raise SettingsError(f"The file of providers cannot be read: {error}") from error
    except ValidationError as error:
        faults = [f"{'/'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise SettingsError("\n".join([f"{file}: a provider's profile is wrong.", *faults])) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f'{file}: write a JSON object such as {{"providers": [{{"shape": "cis2", …}}]}}.'
        ) from error
    if len({one.name for one in found}) != len(found) or len({one.issuer for one in found}) != len(found):
        raise SettingsError(f"{file}: two providers have one name, or one issuer.")
    return {one.name: one for one in found}


def _with_shape(given: dict[str, Any]) -> dict[str, Any]:
    """`given` over what its shape says; in `role` each member counts for itself."""
    values = dict(given)
    shape = SHAPES[values.pop("shape")] if "shape" in values else {}
    whole = {**shape, **values}
    if isinstance(values.get("role"), dict):
        whole["role"] = {**shape.get("role", {}), **values["role"]}
    return whole
