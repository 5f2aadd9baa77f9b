"""Sample documents for benchmarks and for `script/conformance`: case 2 of the domain facts, and variations.

`python -m bench.samples FOLDER` writes plain.pdf (no conformance), unsealed-*.pdf and sealed-*.pdf.
"""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from app.documents.bundle import outcome_bundle
from app.documents.content import (
    DocumentContent,
    RecipientFacts,
    ReplacedFacts,
    SignatureFacts,
    document_content,
)
from app.questionnaires import load_forms
from app.version import ROOT

CASE_2 = ROOT / "tests/documents/leo.yaml"
SIGNED_AT = datetime(2026, 11, 23, 13, 12, tzinfo=UTC)


def case_2() -> dict[str, Any]:
    """The answers of the school-age child with a patterned bruise."""
    answers: dict[str, Any] = YAML(typ="safe").load(CASE_2.read_text("utf-8"))
    return answers


def signature(replaces: ReplacedFacts | None = None) -> SignatureFacts:
    """Signed by Dr Kerrin for four recipients."""
    council = "Beacon Down Children’s Services"
    return SignatureFacts(
        reference="7Q4K-2P",
        version=2 if replaces else 1,
        service_name="Sameday",
        site_name="Beacon Down",
        organisation_name="Beacon Down Children’s Hospital",
        verify_url="https://sameday.example/verify",
        signer_name="Dr Asha Kerrin",
        signer_grade="Consultant paediatrician",
        signer_registration="GMC 9900001",
        signed_at=SIGNED_AT,
        formal_report_due=date(2026, 12, 7),
        content_sha256="9f" * 32,
        recipients=(
            RecipientFacts("Social worker", "Priya Dunmore", council, "Named social worker"),
            RecipientFacts("Social worker", "Duty team", council, "Team of the named social worker"),
            RecipientFacts("Police", "Child abuse investigation team", "Hampshire Constabulary", "Asked to act"),
            RecipientFacts("GP", "Old Mill Surgery", "Old Mill Surgery", "Registered practice"),
        ),
        replaces=replaces,
    )


def sample(
    answers: dict[str, Any] | None = None, replaces: ReplacedFacts | None = None
) -> tuple[DocumentContent, dict[str, Any]]:
    """Content and FHIR document of case 2, or of other answers to the same form."""
    form = load_forms().latest("cp-medical-outcome")
    answers = answers or case_2()
    facts = signature(replaces)
    return document_content(form, answers, facts), outcome_bundle(form, answers, facts)


def main(folder: Path) -> None:
    """Write the samples that are checked for conformance."""
    from weasyprint import HTML

    from app.documents.render import Press
    from app.documents.seal import open_sealer
    from app.settings import Settings

    press, sealer = Press(), open_sealer(Settings(state_dir=folder / "state"))
    other_script = case_2()
    other_script["child"]["also-known-as"] = "李雷 / ਸਿੰਘ / شيرازي"
    no_injury = case_2()
    no_injury["opinion"]["overall-likelihood"] = "L0"
    no_injury["examination"] = {key: v for key, v in no_injury["examination"].items() if key != "injuries"}
    no_injury["examination"]["no-injury-seen"] = True
    replaced = ReplacedFacts(1, SIGNED_AT, "the skeletal survey shows healing rib fractures")
    samples = {
        "case-2": sample(),
        "amended": sample(replaces=replaced),
        "no-injury": sample(no_injury),
        "other-scripts": sample(other_script),
    }
    HTML(string=press.html(samples["case-2"][0]), url_fetcher=press.fetcher).write_pdf(folder / "plain.pdf")
    for name, (content, bundle) in samples.items():
        rendered = press.render(content, bundle)
        (folder / f"unsealed-{name}.pdf").write_bytes(rendered.data)
        (folder / f"sealed-{name}.pdf").write_bytes(sealer.seal(rendered.data, reason="sample").data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
