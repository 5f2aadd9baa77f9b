"""Looks through a PDF before it is sealed: nothing in it may act, fetch, hide or change (security.md, 5.1)."""

from io import BytesIO
from typing import Any

import pikepdf

from app.documents.faults import CannotRenderError

# Keys and action names that let a PDF run, open, send, hide or be filled in.
ACTIVE = frozenset(
    {
        *("/JavaScript", "/JS", "/OpenAction", "/AA", "/Launch", "/URI", "/AcroForm", "/OCProperties", "/XFA"),
        *("/RichMedia", "/GoToR", "/GoToE", "/SubmitForm", "/ImportData", "/Movie", "/Sound", "/Rendition"),
    }
)


def check_nothing_active(data: bytes, *, attachment: str) -> None:
    """Raise CannotRenderError `document-active` unless the one attachment is all that the PDF carries."""
    with pikepdf.open(BytesIO(data)) as pdf:
        if list(pdf.attachments) != [attachment]:
            raise CannotRenderError("document-active", "The document carries a file that it should not.")
        for thing in pdf.objects:
            if found := ACTIVE & _names_in(thing):
                raise CannotRenderError("document-active", f"The document carries {', '.join(sorted(found))}.")


def _names_in(thing: Any) -> set[str]:
    """Keys of a dictionary and names among its values, down through what is not an object of its own."""
    names: set[str] = set()
    left = [thing]
    while left:
        one = left.pop()
        if isinstance(one, pikepdf.Dictionary | pikepdf.Stream):
            for key, value in one.items():
                names.add(str(key))
                left.extend([value] if not getattr(value, "is_indirect", False) else [])
        elif isinstance(one, pikepdf.Array):
            left.extend(value for value in one.as_list() if not getattr(value, "is_indirect", False))
        elif isinstance(one, pikepdf.Name):
            names.add(str(one))
    return names
