"""The short words beside the answers on paper, and what is not printed and why. Pure data.

A question without a label here prints its own text, so a new question reaches the paper without a change.
Inside a row of a repeated group an empty label prints the bare answer (`Jane Marwood (mother)`).
"""

from typing import Final

GP_LINE: Final = (
    "GP practices: contains third-party and safeguarding information. "
    "Do not release online or to proxy users without review."
)

# Answered, and still not on paper: each with its reason.
NOT_PRINTED: Final[dict[str, str]] = {
    "receipts": "happens after the document is sealed; the service shows it live",
    "withdrawn": "happens after the document is sealed; verification answers 'withdrawn'",
    "helpfulness": "the recipient's rating of the document, given after it was sealed",
    "formal-report-issued": "happens after the document is sealed",
    "era": "a label for the evaluation, of no use in the child's care",
    "recipient-team": "a code of the directory; the name that it stood for at signature is printed",
    "recipient-person": "an address of the directory; the name that it stood for at signature is printed",
}

# Lessons 42: even the practice or the school gives the area away.
WITHHELD_WHEN_ADDRESS_IS_CONFIDENTIAL: Final = frozenset(
    {
        "address",
        "address-absent",
        "usual-address",
        "school",
        "gp-practice",
        "gp-practice-absent",
        "gp-ods-code",
        "health-visitor-or-school-nurse",
        "disposal-with",  # may name the placement
    }
)
# Recipients of these roles are told of by their role alone, for the same reason.
ROLES_WITHOUT_NAME_WHEN_ADDRESS_IS_CONFIDENTIAL: Final = frozenset({"gp", "health-visitor", "school-nurse"})
# Says no more than is sure: what somebody wrote in a text is printed as it was written.
WITHHELD: Final = (
    "yes; address, school, GP practice, health visitor, school nurse and whom the child left with are left out of the "
    "fields of this document, free text stands as it was written"
)
NAME_WITHHELD: Final = "told, and not named here: the address is confidential"
# Of somebody who was not told but looked.
ORGANISATION_WITHHELD: Final = "not named here: the address is confidential"

# Printed in a place of their own, not in the list of facts of their section.
PLACED: Final = frozenset(
    {
        *("reference", "site", "signer", "signed-at", "version", "preliminary", "formal-report-due"),
        *("surname", "forenames", "birth-date", "birth-date-estimated", "nhs-number", "nhs-number-absent"),
        *("overall-likelihood", "opinion-reason", "neglect", "neglect-evidence", "significant-harm"),
        *("safe-to-return", "not-until", "asked-of", "asked-of-absent"),
        *("injuries", "no-injury-seen", "seen-without-examination", "recipients"),
    }
)

# Printed in one line with the question they belong to (`Chaperone Yes; Ruth Calloway; play specialist`).
FOLLOWS: Final[dict[str, str]] = {
    "strategy-discussion-at": "strategy-discussion",
    "cp-is-checked-at": "cp-is",
    "interpreter-reference": "interpreter",
    "gp-ods-code": "gp-practice",
    "consent-person": "consent-by",
    "consent-form": "examination-consent",
    "consent-witness": "examination-consent",
    "photo-purpose": "photo-consent",
    "family-told-reason": "family-told-sharing",
    "chaperone-name": "chaperone",
    "chaperone-role": "chaperone",
    "chaperone-reason": "chaperone",
    "child-words-to": "child-words",
    "child-words-through-interpreter": "child-words",
    "examination-not-done-reason": "examination-done",
    "started-at": "examination-done",
    "ended-at": "examination-done",
    "consultant-name": "consultant-discussed",
    "disposal-with": "disposal",
    "early-help-level": "early-help",
    "early-help-consent": "early-help",
}

TITLES: Final[dict[str, str]] = {
    "examination": "Examination",
    "recommendations": "Treatment, plan and aftercare",
    "history": "History",
    "episode": "Why and how the child came to be seen",
    "child": "The child and family",
    "consent": "Consent, chaperone and who was present",
}

# Before the examiner's name when nobody was examined: a child who was not brought was not seen either.
SEEN_BY: Final = "Seen by"
NOT_SEEN_BY: Final = "Would have been seen by"

LABELS: Final[dict[str, str]] = {
    # A. episode
    "examined-where": "Seen in",
    "medical-type": "Type of medical",
    "requested-by": "Requested by",
    "referral-received": "Referral received",
    "first-reply": "First reply to requester",
    "strategy-discussion": "Strategy discussion",
    "strategy-discussion-at": "",
    "legal-status": "Legal status",
    "cp-is": "CP-IS",
    "cp-is-checked-at": "",
    "concern-source": "Source of concern",
    "concern-evidence": "Words used of the concern, and the evidence",
    "words": "",
    "evidence": "",
    "judged-by": "judged by",
    "judged-at": "",
    "concern": "Concern as referred",
    "alleged-incident": "Alleged incident",
    "incident-date": "",
    "incident-place": "place",
    "incident-person": "person",
    "linked-outcomes": "Linked outcomes",
    "linked-reference": "",
    "linked-relation": "",
    # B. child
    "also-known-as": "Also known as",
    "nhs-number-status": "NHS number status",
    "hospital-number": "Hospital number",
    "sex": "Sex",
    "ethnic-category": "Ethnic category",
    "address": "Address now",
    "usual-address": "Usual address",
    "address-confidential": "Address is confidential",
    "language": "Language",
    "interpreter": "Interpreter",
    "interpreter-reference": "reference",
    "disability": "Disability, communication",
    "independently-mobile": "Independently mobile",
    "school": "School or nursery",
    "gp-practice": "GP practice",
    "gp-ods-code": "ODS",
    "health-visitor-or-school-nurse": "Health visitor or school nurse",
    "parental-responsibility": "Parental responsibility",
    "pr-name": "",
    "pr-relation": "",
    "pr-present": "present",
    # C. consent
    "examination-consent": "Consent to examination",
    "consent-by": "Given or refused by",
    "consent-person": "",
    "consent-form": "",
    "consent-witness": "witness",
    "consent-told": "Told about",
    "competence-note": "Competence",
    "refusal-advice": "After the refusal",
    "photo-consent": "Consent to photographs",
    "photo-purpose": "for",
    "photographs": "Photographs",
    "photo-by": "",
    "photo-held": "held by",
    "photo-count": "number",
    "family-told-sharing": "Family told of sharing",
    "family-told-reason": "",
    "present": "Present",
    "present-name": "",
    "present-role": "",
    "chaperone": "Chaperone",
    "chaperone-name": "",
    "chaperone-role": "",
    "chaperone-reason": "",
    "seen-alone": "Seen alone",
    # D. history
    "child-words": "In the child's own words",
    "child-words-to": "said to",
    "child-words-through-interpreter": "through an interpreter",
    "carer-accounts": "Carers' accounts",
    "account-by": "",
    "account-at": "",
    "account-words": "",
    "account-differs": "differs from an earlier account",
    "delay-in-presentation": "Delay in coming",
    "background": "Background",
    "development": "Development, behaviour, school",
    "household": "Household",
    "household-name": "",
    "household-relation": "",
    "household-age": "age",
    "demeanour": "Interaction and demeanour",
    "previous-injuries": "Previous injuries, referrals",
    # E. examination
    "examination-done": "Examination done",
    "examination-not-done-reason": "",
    "started-at": "started",
    "ended-at": "ended",
    "examined-by": "Examined by",
    "examiner-name": "",
    "examiner-grade": "",
    "examiner-gmc": "GMC",
    "consultant-discussed": "Discussed with a consultant",
    "consultant-name": "",
    "areas-examined": "Areas examined",
    "genital-anal": "Genital and anal area",
    "weight": "Weight",
    "height": "Height",
    "head-circumference": "Head circumference",
    "centiles": "Centiles",
    "general-condition": "General condition",
    "explanation-words": "",
    "explanation-by": "",
    "explanation-at": "",
    "investigations": "Investigations",
    "investigation-name": "",
    "investigation-state": "",
    "investigation-result": "",
    "investigation-due": "result expected",
    # F. opinion
    "no-opinion-reason": "Why no opinion",
    "undetermined-reason": "Why the cause is undetermined",
    "what-would-settle": "What would settle it",
    "alternatives": "Alternatives considered",
    "category": "Category",
    "health-concerns": "Health concerns found",
    "health-concern": "",
    "peer-review": "Peer review",
    # G. recommendations
    "treatment": "Treatment",
    "disposal": "After the medical",
    "disposal-with": "",
    "follow-up": "Follow-up",
    "follow-up-what": "",
    "follow-up-who": "",
    "follow-up-when": "",
    "early-help": "Early Help",
    "early-help-level": "",
    "early-help-consent": "family agrees",
    "sibling-checks": "Checks asked for siblings",
    "sibling-check": "",
    "redirect": "Redirected to",
    "redirect-to": "",
    "redirect-at": "",
    "redirect-person": "told",
    "redirect-reason": "",
    "discussed-with": "Discussed with",
    "discussed-name": "",
    "discussed-role": "",
    "discussed-at": "",
    "discussed-said": "",
    # H. sharing
    "handed-over": "Handed over in person to",
    "handed-over-to": "",
    "handed-over-at": "",
}
