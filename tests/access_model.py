"""Who may read what, said once more and as simply as it can be said: what the service is compared with."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Held:
    """Someone's right to read an outcome. holder: a person or a team."""

    outcome: str
    kind: str
    holder: str
    until: datetime | None = None


@dataclass
class Model:
    """People, their teams and roles, and what is open to whom at `now`; all by name."""

    now: datetime
    roles: set[tuple[str, str]]
    teams: set[tuple[str, str]]
    held: list[Held] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    drafts: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)

    def is_live(self, one: Held) -> bool:
        return one.until is None or self.now < one.until

    def reads(self, person: str, outcome: str, *kinds: str) -> bool:
        """Whether it is on their list and opens. kinds: by rights of these kinds only."""
        return person not in self.closed and any(
            one.outcome == outcome and self.is_live(one) and (not kinds or one.kind in kinds)
            for one in self.held
            if one.holder == person or (person, one.holder) in self.teams
        )

    def reads_draft(self, person: str, outcome: str) -> bool:
        examined = (person, "clinician") in self.roles and self.reads(person, outcome, "co-examiner")
        return outcome in self.drafts and (self.reads(person, outcome, "author") or examined)

    def writes(self, author: str, outcome: str) -> bool:
        return (author, "clinician") in self.roles and self.reads(author, outcome)

    def tell(self, outcome: str, holder: str) -> None:
        """A signature names them: they read from now on, unless they do so already as recipient or author."""
        lasting = [one for one in self.held if one.kind in ("author", "recipient") and self.is_live(one)]
        if not any((one.outcome, one.holder) == (outcome, holder) for one in lasting):
            self.held.append(Held(outcome, "recipient", holder))

    def refusal_of_opening(self, outcome: str, kind: str, holder: str, author: str) -> str | None:
        """Why the author may not open it; None: they may."""
        is_team = (holder, "team") in self.roles
        fits = not is_team if kind == "co-examiner" else True
        fits &= kind != "co-examiner" or (holder, "clinician") in self.roles
        fits &= holder not in self.closed | {author} and not self.roles & {
            (holder, "evaluator"),
            (holder, "administrator"),
        }
        same = [one for one in self.held if (one.outcome, one.holder) == (outcome, holder) and self.is_live(one)]
        refusals = {
            "not-found": not self.writes(author, outcome),
            "outcome-withdrawn": outcome in self.withdrawn,
            "not-signed": kind == "given" and not self.versions[outcome],
            "invalid": not fits,
            "already-open": any(kind == "given" or one.kind == kind for one in same),
        }
        return next((code for code, holds in refusals.items() if holds), None)

    def refusal_of_breaking(self, person: str, outcome: str) -> str | None:
        roles = {role for who, role in self.roles if who == person}
        is_team_member = any(who == person for who, _ in self.teams)
        refusals = {
            "not-found": bool(roles & {"evaluator", "administrator"})
            or not (is_team_member or roles & {"clinician", "site-lead", "privacy-officer"})
            or not self.versions[outcome],
            "already-open": self.reads(person, outcome),
        }
        return next((code for code, holds in refusals.items() if holds), None)
