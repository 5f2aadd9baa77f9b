"""The injury list and the body map. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.documents.facts import Seen, lines_of, row_words
from app.documents.parts import Injury, Mark, View

# name -> title, and the size of its drawing in pdf_templates/shared/body-map, in the units of the drawing.
VIEWS = {
    "front": ("Front", 180, 390),
    "back": ("Back", 180, 390),
    "right": ("Right side", 110, 390),
    "left": ("Left side", 110, 390),
    "head": ("Head", 360, 170),
    "mouth": ("Mouth", 200, 170),
    "hands": ("Hands", 400, 170),
    "feet": ("Feet", 400, 170),
}
ALWAYS_DRAWN = ("front", "back")


def injuries_of(seen: Seen) -> tuple[Injury, ...]:
    """The rows of the injury list, by their number on the map."""
    rows: Sequence[Mapping[str, Any]] = seen.value("injuries") or ()
    return tuple(_injury(seen, row) for row in sorted(rows, key=lambda row: int(row["injury-number"])))


def views_of(seen: Seen) -> tuple[View, ...]:
    """The drawings that carry a mark, and front and back beside them; none when no injury was seen."""
    rows: Sequence[Mapping[str, Any]] = seen.value("injuries") or ()
    wanted = {row["injury-view"] for row in rows} | set(ALWAYS_DRAWN) if rows else set()
    return tuple(_view(name, rows) for name in VIEWS if name in wanted)


def _view(name: str, rows: Sequence[Mapping[str, Any]]) -> View:
    title, width, height = VIEWS[name]
    here = [row for row in rows if row["injury-view"] == name]
    placed = [row for row in here if "injury-x" in row and "injury-y" in row]
    return View(
        name=name,
        title=title,
        width=width,
        height=height,
        marks=tuple(Mark(row["injury-number"], row["injury-x"], row["injury-y"]) for row in placed),
        not_drawn=tuple(row["injury-number"] for row in here if row not in placed),
    )


def _injury(seen: Seen, row: Mapping[str, Any]) -> Injury:
    def words(name: str) -> str:
        other = row.get(f"{name}-other")
        given = ", ".join(lines_of(seen.form.item(name), row[name])) if name in row else ""
        return f"{given}: {other}" if other else given

    side = "" if row["injury-side"] == "not-applicable" else words("injury-side").lower()
    where = [words("injury-site"), side, words("injury-site-words")]
    look = [words("injury-shape"), words("injury-colours").lower(), words("injury-features").lower()]
    accounts = seen.form.item("injury-explanations")
    return Injury(
        number=row["injury-number"],
        kind=words("injury-type"),
        where=", ".join(part for part in where if part),
        size=_size(row, words("injury-size-how")),
        look="; ".join(part for part in look if part),
        explanations=tuple(row_words(accounts, account) for account in row.get("injury-explanations", ())),
        fit=words("injury-fit"),
        code=row["injury-likelihood"],
        likelihood=words("injury-likelihood"),
        view=VIEWS[row["injury-view"]][0],
        photographed=words("injury-photographed"),
    )


def _size(row: Mapping[str, Any], how: str) -> str:
    sides = [f"{row[name]:g}" for name in ("injury-length", "injury-width") if name in row]
    if not sides:
        return how.lower()
    return f"{' × '.join(sides)} cm, {how.lower()}"
