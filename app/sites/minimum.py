"""What each recipient role is shown of the answers: the data of a site's policy. Pure."""

from typing import Final

from pydantic import Field, field_validator

from app.sites.parts import CHECKED_ON, Line, Part, Sourced

NEEDED_BY_ALL: Final = {
    "surname": "child",
    "forenames": "child",
    "birth-date": "child",
    "overall-likelihood": "opinion",
    "safe-to-return": "opinion",
    "asked-of": "recommendations",
}
"""Questions, and the sections they are in, that no site can hide from anybody: withholding also harms children."""


class RoleMinimum(Part):
    """What readers of one recipient role are shown: sections or questions of the form, by linkId; nothing else."""

    role: Line = Field(min_length=1, max_length=40)
    shown: tuple[Line, ...] = Field(min_length=1, max_length=400)


class FieldMinimum(Sourced):
    """What each recipient role is shown of the answers. A role that is not named here is shown all of them."""

    roles: tuple[RoleMinimum, ...] = Field(max_length=40)

    @field_validator("roles")
    @classmethod
    def check_roles(cls, value: tuple[RoleMinimum, ...]) -> tuple[RoleMinimum, ...]:
        """Each role stands here once, is never the social worker's, and is shown what nobody can act without."""
        if len({one.role for one in value}) < len(value):
            raise ValueError("name each role once")
        for one in value:
            if one.role == "social-worker":
                raise ValueError("whoever decides whether the child goes home is shown everything")
            hidden = [item for item, section in NEEDED_BY_ALL.items() if not {item, section} & set(one.shown)]
            if hidden:
                raise ValueError(f"{one.role} cannot act without {', '.join(hidden)}")
        return value

    def shown_to(self, roles: frozenset[str] | None) -> frozenset[str] | None:
        """What somebody sees who reads by these roles: all that any of them sees. None, in and out: everything."""
        shown = {one.role: one.shown for one in self.roles}
        if roles is None or not roles <= shown.keys():
            return None
        return frozenset(item for role in roles for item in shown[role])


# A stranger to the case by office needs to know the child, the opinion, the danger and what is asked of them; not the
# history, the findings on the body, the siblings, or who consented to what.
_SHOWN_TO_OTHER: Final = (
    *("surname", "forenames", "also-known-as", "birth-date", "birth-date-estimated", "nhs-number", "nhs-number-absent"),
    *("sex", "address-confidential", "language", "interpreter", "interpreter-reference"),
    *("overall-likelihood", "no-injury-footer", "no-opinion-reason", "no-opinion-reason-other", "opinion-reason"),
    *("undetermined-reason", "undetermined-reason-other", "what-would-settle", "neglect", "category"),
    *("significant-harm", "safe-to-return", "not-until", "preliminary", "formal-report-due"),
    *("asked-of", "asked-of-absent", "sharing"),
)
MINIMUM: Final = FieldMinimum(
    roles=(RoleMinimum(role="other", shown=_SHOWN_TO_OTHER),),
    source="Ours, unconfirmed, after Caldicott (the minimum necessary); each site checks it before going live",
    checked_on=CHECKED_ON,
)
"""The default: every role that a referral or a check on a child ordinarily goes to sees all; `other` its minimum."""
