"""Why a document could not be made. Plain values inside, so that they cross from the rendering process."""

from app.errors import DomainError


class CannotRenderError(DomainError):
    """This content can never become a document as it is: trying again does not help."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)

    def __reduce__(self) -> tuple[type["CannotRenderError"], tuple[str, str]]:
        """Pickle by code and sentence; the base class would be rebuilt from its message alone."""
        return type(self), (self.code, self.sentence)


class TryAgainError(Exception):
    """The rendering process died or took too long. The same content may be tried again."""
