"""From content to an unsealed PDF: PDF/A-3a and PDF/UA-1, with the FHIR document attached.

Import this only in a rendering process: it loads WeasyPrint, Pango and the fonts (see `pool`).
"""

import dataclasses
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MethodType
from typing import Any, NoReturn

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from weasyprint import CSS, HTML, Attachment, Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher

from app.documents.columns import in_columns
from app.documents.content import DocumentContent
from app.documents.faults import CannotRenderError
from app.documents.injuries import VIEWS
from app.documents.scan import check_nothing_active
from app.version import ROOT

TEMPLATES = ROOT / "pdf_templates"

# Measured in security.md, 5.1: beyond these a render takes seconds, not tenths of a second.
MOST_CHARACTERS_IN_A_FIELD = 20_000
MOST_LINES_IN_A_FIELD = 500
MOST_CHARACTERS_IN_A_DOCUMENT = 60_000

# PDF/UA-1 beside PDF/A-3a: the identifier, and the extension schema that PDF/A asks for. It must stand in
# the one rdf:RDF; WeasyPrint's option `xmp_metadata` would add a second, which readers ignore (pdf.md, 2).
PDFUA_XMP = b"""<rdf:Description xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" rdf:about=""><pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#" rdf:about=""><pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource"><pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema><pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI><pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource"><pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category><pdfaProperty:description>Part of PDF/UA</pdfaProperty:description></rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""  # noqa: E501


@dataclasses.dataclass(frozen=True, slots=True)
class Rendered:
    """An unsealed PDF and its number of pages."""

    data: bytes
    pages: int


class DenyAll(URLFetcher):  # type: ignore[misc]
    """Refuses every address, local files and data too, and counts the tries."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols=[])
        self.refused = 0

    def fetch(self, url: str, headers: Any = None) -> NoReturn:
        """Never fetches. The address is not named: it could carry what somebody typed."""
        self.refused += 1
        raise ValueError("A document never fetches anything")


class Press:
    """What a rendering process keeps for its life: fonts, parsed style sheets, templates.

    A new FontConfiguration for each document would leak 242 KiB of native memory each time (pdf.md, 0).
    """

    def __init__(self, templates: Path = TEMPLATES) -> None:
        self.fetcher = DenyAll()
        self.fonts = FontConfiguration()
        self._templates = templates
        self._styles: dict[str, list[CSS]] = {}
        self._environment = Environment(
            loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._drawings = {name: (templates / f"shared/body-map/{name}.svg").read_text("utf-8") for name in VIEWS}
        self._environment.globals["drawing"] = self.drawing
        self._environment.globals.update(qr=qr_drawing, in_columns=in_columns)

    def drawing(self, view: str) -> Markup:
        """The outlines and words of one view of the body map, as SVG without marks."""
        return Markup(self._drawings[view])  # noqa: S704  our own files

    def html(self, content: DocumentContent) -> str:
        """The page that is printed."""
        return self._environment.get_template(f"{_folder(content)}/outcome.html").render(content=content)

    def render(self, content: DocumentContent, bundle: dict[str, Any]) -> Rendered:
        """Make the PDF. Raises CannotRenderError when it would be wrong, unreadable, or could act or fetch."""
        check_limits(content)
        page = HTML(string=self.html(content), url_fetcher=self.fetcher)
        with warnings_are_errors():
            document = page.render(stylesheets=self.style(content), font_config=self.fonts, pdf_variant="pdf/a-3a")
            data = _as_pdf_ua(document).write_pdf(
                pdf_variant="pdf/a-3a", attachments=[_attachment(content, bundle, self.fetcher)]
            )
        check_nothing_active(data, attachment=f"{content.file_stem}.json")
        return Rendered(data, len(document.pages))

    def page(self, body: str) -> bytes:
        """A page of our own words in the text font: for warming up and for looking at fonts."""
        page = HTML(string=f"<html lang=en><title>Sample</title>{body}", url_fetcher=self.fetcher)
        style = CSS(string='html { font-family: "Open Sans" }', font_config=self.fonts, url_fetcher=self.fetcher)
        with warnings_are_errors():
            return bytes(page.write_pdf(stylesheets=[style], font_config=self.fonts))

    def style(self, content: DocumentContent) -> list[CSS]:
        """The parsed style sheets for this form."""
        folder = _folder(content)
        if folder not in self._styles:
            self._styles[folder] = [
                CSS(
                    string=(self._templates / name).read_text("utf-8"),
                    font_config=self.fonts,
                    url_fetcher=self.fetcher,
                )
                for name in ("shared/page.css", f"{folder}/outcome.css")
            ]
        return self._styles[folder]


def check_limits(content: DocumentContent) -> None:
    """Refuse what would take seconds to lay out. Raises CannotRenderError `document-too-long`."""
    total = 0
    for text in _texts(content):
        total += len(text)
        if len(text) > MOST_CHARACTERS_IN_A_FIELD or text.count("\n") >= MOST_LINES_IN_A_FIELD:
            raise CannotRenderError("document-too-long", "One answer is too long to print.")
    if total > MOST_CHARACTERS_IN_A_DOCUMENT:
        raise CannotRenderError("document-too-long", "The answers together are too long to print.")


@contextmanager
def warnings_are_errors() -> Iterator[None]:
    """Fail when WeasyPrint warns: a character without a glyph would be a box in a child's name."""
    listener = _Listener()
    logger = logging.getLogger("weasyprint")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate
    if listener.has_missing_glyph:
        raise CannotRenderError(
            "glyph-missing",
            "No installed font has one of the characters. Install the Debian packages fonts-noto-core and "
            "fonts-noto-cjk where documents are rendered.",
        )
    if listener.count:
        raise CannotRenderError("render-warning", "The document could not be laid out as it was written.")


class _Listener(logging.Handler):
    """Counts warnings and keeps no text of them: it may hold a name."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0
        self.has_missing_glyph = False

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1
        self.has_missing_glyph |= ".notdef" in record.getMessage()


def qr_drawing(address: str) -> Markup:
    """The address as a QR code drawn in SVG, with a title for those who cannot see it."""
    code = segno.make(address, error="m", micro=False)
    return Markup(code.svg_inline(border=0, omitsize=True, title="QR code: opens the page that checks a document"))  # noqa: S704


def _folder(content: DocumentContent) -> str:
    return f"{content.form_name}/{content.form_version.split('.')[0]}"


def _attachment(content: DocumentContent, bundle: dict[str, Any], fetcher: URLFetcher) -> Attachment:
    at = datetime.fromisoformat(content.signed.at_iso)
    return Attachment(
        string=json.dumps(bundle, ensure_ascii=False, separators=(",", ":")),
        name=f"{content.file_stem}.json",
        description="The same outcome as a FHIR R4 document",
        relationship="Source",
        created=at,
        modified=at,
        url_fetcher=fetcher,
    )


def _as_pdf_ua(document: Document) -> Document:
    original = document.metadata.generate_rdf_metadata

    def merged(_self: Any, *arguments: Any) -> bytes:
        head, end, tail = original(*arguments).rpartition(b"</rdf:RDF>")
        return bytes(head + PDFUA_XMP + end + tail)

    document.metadata.generate_rdf_metadata = MethodType(merged, document.metadata)
    return document


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from _texts(one)
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from _texts(getattr(part, field.name))
