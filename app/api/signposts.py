"""What stands behind the addresses on documents and in notices until there are pages: plain words on how to go on.

The same words for every reference, known or not, so that they tell nobody anything.
"""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from app.doors import PUBLIC
from app.version import VERSION

router = APIRouter(tags=["operation"], dependencies=[PUBLIC], default_response_class=PlainTextResponse)


@router.get("/verify", operation_id="how-to-verify")
def how_to_verify() -> str:
    """How to ask whether a document is genuine and current."""
    return (
        "Is a document genuine, and is it the newest version?\n\n"
        "Send the PDF to POST /api/v1/verification as application/pdf. The answer is one of: genuine-and-current,\n"
        "genuine-but-superseded, withdrawn, not-genuine. Nothing of the file is kept. On the command line the same is\n"
        f"`sameday verify FILE.pdf`.\n\nSameday {VERSION}\n"
    )


@router.get("/outcomes/{reference}", operation_id="how-to-read")
def how_to_read(reference: str) -> str:
    """How to read what a notice tells of."""
    return (
        "You have been told that a document waits for you.\n\n"
        "Read it with your organisation's system, or with your token from GET /api/v1/inbox and\n"
        "GET /api/v1/outcomes/{reference}. If you have neither, ask your team's administrator.\n"
    )
