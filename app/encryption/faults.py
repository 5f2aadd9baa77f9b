"""What can go wrong with keys and with what they encrypt."""

from app.errors import DomainError


class KeyAwayError(DomainError):
    """A key-encryption key is not to be had now. `operator` is for the log and the command line, not for callers."""

    def __init__(self, operator: str) -> None:
        super().__init__("key-away", "The records cannot be opened just now. Try again in a moment.")
        self.operator = operator


class RecordDamagedError(DomainError):
    """What is stored is not what was written: it was edited, exchanged with another, or the key is a wrong one."""

    def __init__(self) -> None:
        super().__init__(
            "record-damaged",
            "This record cannot be shown: what is stored is not what was written. Nothing you did caused it. "
            "Tell whoever runs the service; it is in the log, and what is stored has not been changed.",
        )
