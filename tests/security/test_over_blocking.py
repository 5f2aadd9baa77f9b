"""A wrong refusal harms too: with everything as strict as it can be set, everyone named in a case still gets it."""

from collections.abc import Iterator

import pytest
from replaying import Played, played

from app import clock
from app.db import engine_for, transactions
from app.people.rules import RECIPIENT_ROLES
from app.settings import Settings
from app.sites import actions, queries
from app.sites.minimum import NEEDED_BY_ALL, FieldMinimum, RoleMinimum
from demo import play as demo_play
from demo.client import PREFIX, RefusedError
from demo.play import Written

STRICTEST = {
    "SESSION_IDLE_MINUTES": "1",
    "SESSION_HOURS": "1",
    "FRESH_SIGN_IN_MINUTES": "1",
    "ACCESS_TOKEN_MINUTES": "1",
    "BREAK_GLASS_MINUTES": "1",
    # As a real service has them; the demonstration itself is given more.
    "CALLS_PER_MINUTE_PER_ACCOUNT": "600",
    "CALLS_PER_MINUTE_PER_NETWORK": "3000",
    "SIGN_IN_TRIES_PER_MINUTE_PER_NETWORK": "60",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_play, "LOOK_EVERY_SECONDS", 0.5)  # no person presses a button ten times a second
        with played(tmp_path_factory.mktemp("strict"), **STRICTEST) as it:
            _sharpen(it)
            yield it


def test_everyone_named_in_a_case_can_read_it_fetch_it_and_say_so(strict: Played) -> None:
    shares, refused = 0, []
    for case in strict.cases:
        for key, expected in case.expected.items():
            written = strict.stage.written[case.number, key]
            named = expected.get("told") or expected["asked_to_delete"]
            for recipient in named:
                shares += 1
                refused += [
                    f"case {case.number}, {key}, {recipient}: {why}" for why in _refusals(strict, written, recipient)
                ]
    print(f"\n{shares} shares, {len(refused)} refused")
    assert refused == []
    assert shares >= 4 * len(strict.cases)


def test_the_minimum_was_as_sharp_as_it_can_be(strict: Played) -> None:
    """Control: others than social workers were given the version with nothing of it but a name, and no document."""
    written = next(one for one in strict.stage.written.values() if not _is_withdrawn(strict, one))
    path = f"/outcomes/{written.reference}/versions/{written.number}"
    told = strict.api.read("nell.marsh", path)
    assert set(told["answers"]) == set(NEEDED_BY_ALL.values())
    assert set(told["answers"]["child"]) == {"surname", "forenames", "birth-date"}
    with pytest.raises(RefusedError, match="document-withheld"):
        strict.api.document("nell.marsh", written.reference, written.number)


def _sharpen(it: Played) -> None:
    """From now on every role but social workers, who are asked to act, is shown a name and nothing else, at all sites.

    Not from the start: in the play itself others than social workers fetch the document.
    """
    roles = tuple(
        RoleMinimum(role=role, shown=tuple(NEEDED_BY_ALL)) for role in RECIPIENT_ROLES if role != "social-worker"
    )
    now = clock.now()
    minimum = FieldMinimum(roles=roles, source="made up", checked_on=now.date())
    engine = engine_for(Settings(database_url=it.service.database_url))
    with transactions(engine)() as session:
        for site in queries.sites(session):
            changed = queries.policy_of(site).model_copy(update={"minimum": minimum})
            actions.change_policy(session, None, site, changed, now=now)
    engine.dispose()


def _refusals(strict: Played, written: Written, recipient: str) -> Iterator[str]:
    """Everything that a recipient of the outcome is refused."""
    path, is_withdrawn = f"/outcomes/{written.reference}", _is_withdrawn(strict, written)
    for who in _people_of(strict, recipient):
        for wanted in (path, f"{path}/versions/{written.number}", f"{path}/deliveries"):
            try:
                answer = strict.api.read(who, wanted)
            except RefusedError as error:
                yield str(error)
                continue
            if wanted == path and answer["reference"] != written.reference:
                yield f"{who} is shown another outcome"
        if not is_withdrawn:
            yield from _document_refused(strict, written, who)
        yield from _answer_refused(strict, written, who)


def _document_refused(strict: Played, written: Written, who: str) -> Iterator[str]:
    """The sealed document, byte for byte; but for roles that are given the answers they need, and not the document."""
    try:
        if strict.api.document(who, written.reference, written.number) != written.documents[written.number]:
            yield f"{who} is given another document than the author"
    except RefusedError as error:
        if "document-withheld" not in str(error):
            yield str(error)


def _answer_refused(strict: Played, written: Written, who: str) -> Iterator[str]:
    """It is in their inbox, and they can say that they have it (again: it is harmless)."""
    inbox = strict.api.read_all(who, "/inbox?state=all&")
    mine = [one for one in inbox if one["reference"] == written.reference]
    if not mine:
        yield f"{who} does not find it in the inbox"
    for one in mine[:1]:
        try:
            strict.api.call(who, "POST", f"{PREFIX}/deliveries/{one['delivery_id']}/acknowledgement", json={})
        except RefusedError as error:
            yield str(error)


def _people_of(strict: Played, recipient: str) -> list[str]:
    """The person; or everyone in the team who can sign in."""
    return strict.stage.members.get(recipient, [recipient])


def _is_withdrawn(strict: Played, written: Written) -> bool:
    return bool(strict.api.read(written.author, f"/outcomes/{written.reference}")["state"] == "withdrawn")
