"""From answers to printed facts: every answered question becomes one label with its words. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.documents.labels import FOLLOWS, LABELS, NOT_PRINTED, NOT_SEEN_BY, PLACED, SEEN_BY, TITLES, WITHHELD
from app.documents.parts import Fact, Section
from app.documents.wording import date_words, number_words, time_words
from app.questionnaires.form import Form, Item, display

# Sections whose facts stand beside the opinion and beside the recipients.
BESIDE = ("opinion", "sharing")

# Rows that together are no longer than this many characters stand on one line.
SHORT = 120

# An answer to `<question>-absent` and the like is printed with its question.
FOLLOWERS = ("-absent-reason", "-absent", "-other")


@dataclass(frozen=True, slots=True)
class Seen:
    """A form with its answers, as the composer of a document looks at them."""

    form: Form
    answers: Mapping[str, Mapping[str, Any]]

    def value(self, link_id: str) -> Any:
        """The answer as it was given, or None. Questions inside rows are not found here."""
        return next((section[link_id] for section in self.answers.values() if link_id in section), None)

    def code(self, link_id: str) -> str:
        """The code that was chosen, or an empty string."""
        return str(self.value(link_id) or "")

    def words(self, link_id: str) -> str:
        """The answer in words on one line, or an empty string when there is none."""
        value = self.value(link_id)
        return "" if value is None else "; ".join(lines_of(self.form.item(link_id), value))

    def paragraphs(self, link_id: str) -> tuple[str, ...]:
        """A text as it was divided by its writer; none when there is no answer."""
        return tuple(part.strip() for part in self.words(link_id).split("\n") if part.strip())

    def section(self, name: str) -> Item | None:
        """The section of that name, or None when this form has none."""
        return next((item for item in self.form.items if item.link_id == name), None)


def look_at(form: Form, answers: Mapping[str, Any]) -> Seen:
    """Put a form and its answers side by side."""
    return Seen(form, answers)


def sections_of(seen: Seen) -> tuple[Section, ...]:
    """The sections in print order (domain facts, Appendix (a)), without those that have nothing to say.

    A section that this list does not know is printed last, under its own name. Those of BESIDE are elsewhere.
    """
    names = [*TITLES, *(item.link_id for item in seen.form.items if item.link_id not in {*TITLES, *BESIDE})]
    sections = (
        Section(TITLES.get(name, item.text), facts_of(item, seen.answers.get(name, {})))
        for name in names
        if (item := seen.section(name)) is not None
    )
    return tuple(section for section in sections if section.facts)


def facts_beside(name: str, seen: Seen) -> tuple[Fact, ...]:
    """The facts of a section of BESIDE."""
    section = seen.section(name)
    return facts_of(section, seen.answers.get(name, {})) if section else ()


def facts_of(section: Item, answers: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Every answered question of a section in form order, except those that are printed in another place."""
    shown = [item for item in section.items if item.link_id not in PLACED and item.link_id not in NOT_PRINTED]
    return tuple(
        Fact(_label_among(answers, first), _on_one_line_if_short(values))
        for first, followers in _families(shown)
        if (values := _family_values(first, followers, answers))
    )


def _on_one_line_if_short(values: tuple[str, ...]) -> tuple[str, ...]:
    return ("; ".join(values),) if sum(map(len, values)) <= SHORT else values


def _label_among(answers: Mapping[str, Any], item: Item) -> str:
    if item.link_id == "examined-by" and answers.get("examination-done") == "no":
        return NOT_SEEN_BY if answers.get("examination-not-done-reason") == "not-brought" else SEEN_BY
    return label_of(item)


def label_of(item: Item) -> str:
    """The short words for paper, or the question itself."""
    return LABELS.get(item.link_id, item.text)


def lines_of(item: Item, value: Any) -> tuple[str, ...]:
    """An answer in words; one entry for each paragraph."""
    if item.type == "group":
        rows = value if isinstance(value, list) else [value]
        return tuple(row_words(item, row) for row in rows)
    if isinstance(value, list):
        words = [_words(item, one) for one in value]
        return tuple(words) if item.type in {"string", "text"} else (", ".join(words),)
    return (_words(item, value),)


def row_words(group: Item, row: Mapping[str, Any]) -> str:
    """One row of a repeated group: `Jane Marwood (mother; present: yes)`, long texts after a colon."""
    head, *rest = list(_row_parts(group, row)) or [("", "", False)]
    details = "; ".join(f"{label}: {words}" if label else words for label, words, long in rest if not long)
    texts = " ".join(f"{label}: {words}" if label else words for label, words, long in rest if long)
    return head[1] + (f" ({details})" if details else "") + (f": {texts}" if texts else "")


def _row_parts(group: Item, row: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for item, followers in _families(group.items):
        for line in _family_values(item, followers, row):
            yield label_of(item), line, item.type == "text"


def _families(items: Iterable[Item]) -> list[tuple[Item, list[Item]]]:
    """Each question with those that are printed in its line, in form order."""
    families: dict[str, tuple[Item, list[Item]]] = {}
    for item in items:
        first = _question_before(item.link_id)
        if first in families:
            families[first][1].append(item)
        else:
            families[item.link_id] = (item, [])
    return list(families.values())


def _question_before(name: str) -> str:
    """The question this one follows: `weight` for `weight-absent`, `chaperone` for `chaperone-name`."""
    for ending in FOLLOWERS:
        name = name.removesuffix(ending)
    return FOLLOWS.get(name, name)


def _family_values(first: Item, followers: Iterable[Item], answers: Mapping[str, Any]) -> tuple[str, ...]:
    own = lines_of(first, answers[first.link_id]) if first.link_id in answers else ()
    after = [
        f"{label}: {words}" if label else words
        for item in followers
        if item.link_id in answers
        for words in ["; ".join(lines_of(item, answers[item.link_id]))]
        for label in ["" if item.link_id.endswith(FOLLOWERS) else label_of(item)]
    ]
    return ("; ".join([*own, *after]),) if after else own


def _words(item: Item, value: Any) -> str:
    if item.link_id == "address-confidential" and value is True:
        return WITHHELD
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{number_words(value)} {item.unit}" if item.unit else number_words(value)
    match item.type:
        case "choice":
            return display(item, value)
        case "date":
            return date_words(date.fromisoformat(value))
        case "dateTime":
            return time_words(datetime.fromisoformat(value))
    return str(value)
