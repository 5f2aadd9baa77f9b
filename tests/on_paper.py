"""What poppler makes of a PDF."""

import re
import subprocess
from pathlib import Path


def squeezed(text: str) -> str:
    """Without any white space, so that line breaks do not matter."""
    return re.sub(r"\s+", "", text)


class Paper:
    """What poppler makes of a PDF."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def text(self, data: bytes) -> str:
        """All text, without any white space, so that line breaks do not matter."""
        return squeezed(self.run("pdftotext", data, "-"))

    def structure(self, data: bytes) -> str:
        """The structure tree with its text; takes poppler seconds."""
        return self.run("pdfinfo", data, options=("-struct-text",))

    def reading_order(self, structure: str) -> str:
        """All text in the order of the structure tree, as a screen reader says it."""
        return squeezed("".join(re.findall(r'^ *"(.*)"$', structure, re.MULTILINE)))

    def pages(self, data: bytes) -> list[str]:
        """The text of each page."""
        return self.run("pdftotext", data, "-").rstrip("\f").split("\f")

    def run(self, tool: str, data: bytes, *after: str, options: tuple[str, ...] = ()) -> str:
        file = self._folder / "paper.pdf"
        file.write_bytes(data)
        done = subprocess.run([tool, *options, file, *after], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr
