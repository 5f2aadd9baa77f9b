"""Learning point 5: the word "malicious" asks for its evidence, and never stops a signature."""

from datetime import datetime

import factories
from factories import Cast
from sqlmodel import Session

from app.outcomes.queries import draft_for


def test_the_word_malicious_asks_for_evidence_and_stops_nothing(session: Session, cast: Cast, now: datetime) -> None:
    answers = factories.complete_answers(now)
    answers["episode"]["concern"] = "The neighbour says the call was malicious."
    author = cast["asha.kerrin"]
    outcome = factories.drafted_outcome(session, author, cast.sites["beacon-down"], now, answers).outcome
    view = draft_for(session, author, outcome.id, factories.forms(), now)
    assert [problem.code for problem in view.asked_back] == ["evidence-for-labels"]
    assert view.missing == ()


def test_ordinary_words_ask_nothing_back(session: Session, cast: Cast, now: datetime) -> None:
    author = cast["asha.kerrin"]
    outcome = factories.drafted_outcome(session, author, cast.sites["beacon-down"], now).outcome
    assert draft_for(session, author, outcome.id, factories.forms(), now).asked_back == ()
