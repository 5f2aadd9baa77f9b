"""What the machine must have before documents can be made, each missing thing named as the package to install.

The libraries and fonts come from Debian packages and not from this repository
(docs/decisions/0006-fonts.md).
"""

import ctypes
import ctypes.util
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import pikepdf

from app.documents.faults import CannotRenderError

if TYPE_CHECKING:
    from app.documents.render import Press
    from app.documents.seal import Sealer

LIBRARIES = {
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",  # without it each render costs nearly twice (pdf.md, 0)
    "libfontconfig.so.1": "libfontconfig1",
}
# A letter of a script that people in England write their names in -> the package whose font has it.
LETTERS = {
    "ł": "fonts-noto-core",
    "Я": "fonts-noto-core",
    "ش": "fonts-noto-core",
    "ਸ": "fonts-noto-core",
    "ব": "fonts-noto-core",
    "ગ": "fonts-noto-core",
    "த": "fonts-noto-core",
    "ሰ": "fonts-noto-core",
    "李": "fonts-noto-cjk",
}
TEXT_FONT = "Open-Sans"
TEXT_FONT_PACKAGE = "fonts-open-sans"
# Time to order, receive and try a new certificate.
WARN_DAYS_BEFORE_END = 30


class MissingPackageError(Exception):
    """A library is not installed; the message names the Debian package."""


def check_packages() -> None:
    """Raise MissingPackageError unless every library that rendering needs can be loaded."""
    missing = [package for soname, package in LIBRARIES.items() if not _can_load(soname)]
    if missing:
        raise MissingPackageError(f"Documents cannot be made: install the Debian packages {' '.join(missing)}.")


@contextmanager
def without_compiler_calls() -> Iterator[None]:
    """Keep ctypes from asking gcc and ldconfig, 110 child processes at the import of WeasyPrint (pdf.md, 1)."""
    original = ctypes.util.find_library
    ctypes.util.find_library = lambda name: None  # the names are tried directly then
    try:
        yield
    finally:
        ctypes.util.find_library = original


def calm_collector() -> None:
    """Keep the garbage collector from walking what stays for ever, and let it run less often: it took 5 to 8 % of
    each render, and now and then 60 ms at once (pdf.md, 1)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def rendered_sample(press: "Press") -> bytes:
    """A small PDF, made to warm up a new process."""
    return press.page("<h1>Sample</h1><table><tr><th scope=row>A</th><td>b</td></tr></table>")


def missing_fonts(press: "Press") -> tuple[str, ...]:
    """One sentence for each font package that is not there."""
    packages = [] if _has_text_font(press) else [TEXT_FONT_PACKAGE]
    for letter, package in LETTERS.items():
        if package not in packages and not _can_print(press, letter):
            packages.append(package)
    return tuple(f"Some names cannot be printed: install the Debian package {package}." for package in packages)


def seal_complaints(sealer: "Sealer") -> tuple[str, ...]:
    """A sentence when the seal's certificate ends soon (lessons 38)."""
    from app.documents.keys import days_left

    days = days_left(sealer.certificate)
    return (f"The seal's certificate ends in {days} days: renew it.",) if days < WARN_DAYS_BEFORE_END else ()


def _can_load(soname: str) -> bool:
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def _has_text_font(press: "Press") -> bool:
    with pikepdf.open(BytesIO(press.page("<p>Sample</p>"))) as pdf:
        fonts = [str(one.get("/BaseFont", "")) for one in pdf.objects if isinstance(one, pikepdf.Dictionary)]
    return any(TEXT_FONT in name for name in fonts)


def _can_print(press: "Press", letter: str) -> bool:
    try:
        press.page(f"<p>{letter}</p>")
    except CannotRenderError:
        return False
    return True
