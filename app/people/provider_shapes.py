"""What providers have in common, as data: a profile names a shape and overrides whatever is different there.

[S] was read in the source named; [U] could not be confirmed, so check it with the provider when you are connected.
"""

from collections.abc import Mapping
from typing import Any

SHAPES: Mapping[str, Mapping[str, Any]] = {
    # NHS CIS2 (Care Identity Service). Claims and scopes: NHS England, CIS2 "Scopes and claims" [S]. Refusals: as in
    # NHSDigital/manage-vaccinations-in-schools 5c39c85e [S] (security.md 1.3).
    "cis2": {
        "scope": "openid profile nationalrbacaccess selectedrole",
        "acr_values": "AAL2_OR_AAL3_ANY",
        "algorithms": ["RS256"],
        "subject": ["sub"],
        "demands": [
            {
                "claims": ["id_assurance_level"],
                "at_least": 3,
                "sentence": "Your identity must have been checked to level 3. Ask your registration authority.",
            },
            {
                "claims": ["authentication_assurance_level"],
                "at_least": 2,
                "sentence": "Sign in with a smartcard, a security key or another second factor.",
            },
            {"claims": ["uid"], "same_as": "sub", "sentence": "Your NHS identity is not clear. Ask the help desk."},
        ],
        "role": {
            "roles": "nhsid_nrbac_roles",
            "selected": "selected_roleid",
            "role_id": "person_roleid",
            "organisation": "org_code",
            "role_code": "role_code",
            "workgroups": "workgroups_codes",
        },
        "userinfo": True,  # the roles are told there only [S]
        "client_algorithm": "RS256",  # [U] which ones it takes
    },
    # Microsoft Entra ID, one tenant. Claims: Microsoft, "ID token claims reference": oid with tid is the stable name
    # of a person, sub differs for each application [S]. Assertions with a certificate: PS256, x5t#S256 [S].
    "entra": {
        "scope": "openid profile",
        "algorithms": ["RS256"],
        "subject": ["tid", "oid"],
        "demands": [
            {
                "claims": ["amr", "acrs"],
                "has_any": ["mfa", "ngcmfa", "c1"],  # c1: the usual authentication context; [U] amr in v2 tokens
                "sentence": "Your organisation must ask you for a second factor. Ask its help desk.",
            },
        ],
        "userinfo": False,
        "client_algorithm": "PS256",
    },
}
