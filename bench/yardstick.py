"""The same content in Typst, a fast typesetter: the yardstick for how quick a page of this kind can be."""

from app.documents.content import DocumentContent
from app.documents.parts import Fact, Injury


def typst_source(content: DocumentContent) -> str:
    """A Typst document with every text that ours prints: headings, facts in columns, and tables. No body map."""
    parts = [
        '#set document(title: "Outcome")',
        '#set page("a4", margin: 13mm, numbering: "1 of 1")',
        '#set text(font: "Open Sans", size: 8.1pt, lang: "en")',
        f"= Child protection medical: outcome\n{_text(content.child.name)} {_text(content.child.born)} "
        f"{_text(content.child.nhs_number)} {_text(content.signed.by)} {_text(content.signed.at)}",
        f"== Opinion\n{_text(content.opinion.likelihood)}\n\n" + "\n\n".join(map(_text, content.opinion.reason)),
        f"{_text(content.opinion.safe_to_return)} {_text(content.opinion.significant_harm)}",
        _facts(content.opinion.facts, 2),
        "== Asked\n" + _table(3, [[ask.agency, ask.action, str(ask.needs_action)] for ask in content.asks]),
        "== Injuries\n" + _table(5, [_injury(one) for one in content.injuries]),
        *(f"== {_text(section.title)}\n{_facts(section.facts, 3)}" for section in content.sections),
        f"== Who receives this\n{_facts(content.recipients, 3)}",
        _text(content.gp_line),
    ]
    return "\n\n".join(parts)


def _injury(one: Injury) -> list[str]:
    explanations = " ".join(one.explanations)
    return [str(one.number), f"{one.kind} {one.where}", f"{one.size} {one.look}", explanations, one.fit]


def _facts(facts: tuple[Fact, ...], columns: int) -> str:
    lines = "\n\n".join(f"*{_text(fact.label)}* {_text('; '.join(fact.values))}" for fact in facts)
    return f"#columns({columns})[\n{lines}\n]"


def _table(columns: int, rows: list[list[str]]) -> str:
    cells = ", ".join(f"[{_text(cell)}]" for row in rows for cell in row)
    return f"#table(columns: {columns}, {cells})"


def _text(words: str) -> str:
    quoted = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'#"{quoted}"'
