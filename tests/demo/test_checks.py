"""What the demonstration compares with: finding words in a document, finding an answer, keeping mails."""

import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest

from demo.checks import member, says
from demo.mailserver import MailServer


@pytest.mark.parametrize(
    ("text", "words", "is_there"),
    [
        ("end at the outer side, belt-\nshaped; purple", "belt-shaped", True),
        ("NHS number 999 000\n1006", "9990001006", True),
        ("washing, in this\nhindsight", "shin", False),
        ("over the SHIN; tender", "shin", True),
        ("Level\n4 Children's Social Care", "Level 4", True),
        ("Level 40", "Level 4", False),
    ],
)
def test_words_are_found_across_lines_but_not_inside_other_words(text: str, words: str, is_there: bool) -> None:
    assert says(text, words) is is_there


def test_an_answer_is_found_wherever_it_stands() -> None:
    answers = {"episode": {"cp-is": "neither"}, "sharing": {"recipients": [{"recipient-team": "harbour-gp"}]}}
    assert member(answers, "recipient-team") == "harbour-gp"
    assert member(answers, "cp-is") == "neither"
    assert member(answers, "cp-is-checked-at") is None


def test_every_mail_is_kept_with_its_envelope(tmp_path: Path) -> None:
    server = MailServer(tmp_path)
    server.start()
    try:
        for number in (1, 2):
            mail = EmailMessage()
            mail["Subject"] = f"Notice {number}"
            mail.set_content("Sign in to read it.")
            with smtplib.SMTP("127.0.0.1", server.port) as client:
                client.send_message(mail, "from@sameday.example", ["to@duty.example"])
    finally:
        server.stop()
    assert [file.name for file in server.files()] == ["0001.eml", "0002.eml"]
    text = server.files()[1].read_text("utf-8")
    assert text.startswith("X-Envelope-From: from@sameday.example\n")
    assert "Subject: Notice 2" in text
