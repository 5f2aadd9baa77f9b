"""Reads one YAML file of `forms/` and remembers the line of everything in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a form file. line: from 1. sentence: what to change."""

    file: str
    line: int
    sentence: str


class FaultyFileError(Exception):
    """A file that cannot be read as plain data at all."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.file}:{fault.line}: {fault.sentence}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Source:
    """The plain data of one file. lines: the line on which each place of the data begins."""

    file: str
    data: Any
    lines: Mapping[Place, int]

    def fault(self, place: Place, sentence: str) -> Fault:
        """A fault at that place, or at the nearest place around it that the file has."""
        while place and place not in self.lines:
            place = place[:-1]
        return Fault(self.file, self.lines.get(place, 1), sentence)


def read_source(path: Path, file: str) -> Source:
    """Plain YAML only: no anchors, no tags, no duplicate keys, no bare dates. Raises FaultyFileError.

    file: the name to show in faults, relative to the folder of the forms.
    """
    try:
        node = YAML(typ="safe", pure=True).compose(path.read_text("utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise FaultyFileError(Fault(file, line, f"This is not YAML: {error.problem or error.context}.")) from None
    except (YAMLError, UnicodeDecodeError):
        raise FaultyFileError(Fault(file, 1, "This is not YAML in UTF-8.")) from None
    if node is None:
        raise FaultyFileError(Fault(file, 1, "The file is empty."))
    lines: dict[Place, int] = {}
    return Source(file, _plain(node, (), lines, file), lines)


def _plain(node: Node, place: Place, lines: dict[Place, int], file: str) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if node.anchor is not None:
        raise FaultyFileError(Fault(file, line, "Write it out: anchors and aliases are not used in forms."))
    if isinstance(node, MappingNode):
        return _mapping(node, place, lines, file)
    if isinstance(node, SequenceNode):
        return [_plain(child, (*place, index), lines, file) for index, child in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    return _scalar(node, line, file)


def _mapping(node: MappingNode, place: Place, lines: dict[Place, int], file: str) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = key_node.value
        if not isinstance(key, str):
            raise FaultyFileError(Fault(file, line, "A key must be a plain word."))
        if key in data:
            raise FaultyFileError(Fault(file, line, f"The key “{key}” stands here twice."))
        lines[(*place, key)] = line
        data[key] = _plain(value_node, (*place, key), lines, file)
    return data


def _scalar(node: ScalarNode, line: int, file: str) -> Any:
    kind = str(node.tag).rsplit(":", 1)[-1]
    try:
        match kind:
            case "str":
                return node.value
            case "bool":
                return {"true": True, "false": False}[node.value]
            case "int":
                return int(node.value)
            case "float":
                return float(node.value)
    except (KeyError, ValueError):
        pass
    sentence = f"“{node.value}” is not plain text, a number, true or false: put it in quotation marks if it is text."
    raise FaultyFileError(Fault(file, line, sentence))
