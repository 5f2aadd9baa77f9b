"""`sameday forms`, as a person types it."""

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from app.commands.forms import app
from app.questionnaires.loading import FORMS

run = CliRunner()


@pytest.fixture
def faulty(tmp_path: Path) -> str:
    folder = tmp_path / "forms"
    shutil.copytree(FORMS, folder)
    path = folder / "cp-medical-outcome" / "1.0.0.yaml"
    path.write_text(path.read_text("utf-8").replace("publisher:", "publischer:"), "utf-8")
    return str(folder)


def test_check_is_content_with_our_forms() -> None:
    result = run.invoke(app, ["check"])
    assert result.exit_code == 0
    assert "Every form is sound" in result.output


def test_check_names_file_and_line_and_exits_1(faulty: str) -> None:
    result = run.invoke(app, ["check", "--folder", faulty])
    assert result.exit_code == 1
    [line] = [line for line in result.output.splitlines() if "publischer" in line]
    number = 1 + Path(faulty, "cp-medical-outcome/1.0.0.yaml").read_text("utf-8").split("publischer:")[0].count("\n")
    assert line.startswith(f"cp-medical-outcome/1.0.0.yaml:{number}: ")
    assert "2 faults." in result.output


def test_list_names_every_form() -> None:
    result = run.invoke(app, ["list"])
    assert result.exit_code == 0
    assert "cp-medical-outcome" in result.output
    assert "1.0.0" in result.output


def test_a_faulty_form_stops_list_with_a_sentence(faulty: str) -> None:
    result = run.invoke(app, ["list", "--folder", faulty])
    assert result.exit_code == 1
    assert "publischer" in result.stderr


def test_schema_prints_a_json_schema() -> None:
    result = run.invoke(app, ["schema", "cp-medical-outcome", "1.0.0", "--complete"])
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    Draft202012Validator.check_schema(schema)
    assert "required" in schema


def test_schema_of_an_unknown_form_is_refused_with_a_sentence() -> None:
    result = run.invoke(app, ["schema", "cp-medical-outcome", "9.9.9"])
    assert result.exit_code == 1
    assert "no such form version" in result.stderr
