"""The unsealed PDF: what it looks like to a program, and what it refuses to be."""

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from on_paper import Paper, squeezed

from app.documents.content import DocumentContent, document_content
from app.documents.faults import CannotRenderError
from app.documents.render import Press, Rendered
from app.documents.scan import ACTIVE, check_nothing_active
from app.questionnaires import Form
from bench.samples import sample, signature

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=file:///etc/hostname>",
    "<link rel=attachment href=file:///etc/hostname>",
    '"><svg onload=alert(1)><image href=http://127.0.0.1:9/x />',
    "</p></section></body><style>@import url(http://127.0.0.1:9/a.css)</style>",
    "{{ 7 * 7 }} {% include 'shared/page.css' %}",
    "<td colspan=100000>",
    "<a href=javascript:alert(1)>press</a> &amp; &lt;b&gt;",
    "'; DROP TABLE outcome; --",
]


@pytest.fixture(scope="module")
def structure(leo: Rendered, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The structure tree of Leo's document."""
    return Paper(tmp_path_factory.mktemp("structure")).structure(leo.data)


def test_a_typical_outcome_has_two_pages(leo: Rendered) -> None:
    assert leo.pages == 2


def test_every_page_says_who_which_version_and_which_page(leo: Rendered, paper: Any) -> None:
    pages = [squeezed(page) for page in paper.pages(leo.data)]
    for number, page in enumerate(pages, start=1):
        for words in ("MARWOOD, Leo", "12-Mar-2019", "999 000 2371", "7Q4K-2P", "version 1", f"Page {number} of 2"):
            assert squeezed(words) in page


def test_the_opinion_stands_first_and_the_recipients_last(structure: str, paper: Any) -> None:
    text = paper.reading_order(structure)
    order = [
        "Preliminary.",
        "Non-accidental cause highly likely",
        "What each agency is asked to do",
        "Injuries and marks",
        "In the child's own words",
        "Consent, chaperone",
        "Who receives this",
        "Do not release online or to proxy users without review.",
    ]
    places = [text.index(squeezed(words)) for words in order]
    assert places == sorted(places)


def test_the_structure_has_headings_table_headers_and_named_figures(leo: Rendered, structure: str) -> None:
    assert structure.count("H1 (block)") == 1
    assert structure.count("H2 (block)") >= 8
    assert structure.count("TH ") >= 14
    with pikepdf.open(BytesIO(leo.data)) as pdf:
        elements = [one for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and "/S" in one]
        figures = [str(one.get("/Alt", "")) for one in elements if one.S == "/Figure"]
    assert len(figures) == 5
    assert all(name.startswith(("Body map, ", "QR code")) for name in figures)


def test_a_test_seal_is_told_on_every_page(press: Press, content: DocumentContent, paper: Any) -> None:
    document = press.render(replace(content, is_test_seal=True), {})
    assert all("TEST SEAL" in page for page in paper.pages(document.data))


def test_the_fhir_document_is_attached_as_the_source(leo: Rendered) -> None:
    bundle = sample()[1]
    with pikepdf.open(BytesIO(leo.data)) as pdf:
        attached = pdf.attachments["outcome-7Q4K-2P-v1.json"]
        assert json.loads(attached.get_file().read_bytes()) == bundle
        assert attached.obj.AFRelationship == "/Source"


@pytest.mark.parametrize("words", HOSTILE)
def test_what_people_type_appears_as_they_typed_it_and_nothing_is_fetched(
    form: Form, answers: dict[str, Any], press: Press, paper: Any, words: str
) -> None:
    answers["child"]["surname"] = words
    answers["opinion"]["opinion-reason"] = words
    answers["examination"]["injuries"][0]["injury-shape"] = words
    answers["recommendations"]["asked-of"][0]["asked-action"] = words
    document = press.render(document_content(form, answers, signature()), {})
    assert paper.text(document.data).count(squeezed(words)) >= 3
    assert press.fetcher.refused == 0


def test_a_name_in_another_script_is_printed(form: Form, answers: dict[str, Any], press: Press, paper: Any) -> None:
    answers["child"]["also-known-as"] = "李雷 ਸਿੰਘ Łukasz Зоя"
    text = paper.text(press.render(document_content(form, answers, signature()), {}).data)
    assert "李雷" in text
    assert "Łukasz" in text


def test_a_character_that_no_font_has_is_an_error_that_names_the_packages_and_not_the_child(
    form: Form, answers: dict[str, Any], press: Press
) -> None:
    answers["child"]["also-known-as"] = "Leo \U0010fff0"
    with pytest.raises(CannotRenderError, match="fonts-noto-core") as caught:
        press.render(document_content(form, answers, signature()), {})
    assert caught.value.code == "glyph-missing"
    assert "Leo" not in str(caught.value)


@pytest.mark.parametrize("words", ["x" * 20_001, "x\n" * 500])
def test_an_answer_that_would_take_seconds_to_lay_out_is_refused(
    form: Form, answers: dict[str, Any], press: Press, words: str
) -> None:
    answers["history"]["background"] = words
    with pytest.raises(CannotRenderError) as caught:
        press.render(document_content(form, answers, signature()), {})
    assert caught.value.code == "document-too-long"


def test_a_long_answer_flows_over_pages_and_loses_nothing(
    form: Form, answers: dict[str, Any], press: Press, paper: Any
) -> None:
    answers["history"]["background"] = " ".join(f"word{number}" for number in range(900))
    text = paper.text(press.render(document_content(form, answers, signature()), {}).data)
    assert all(f"word{number}" in text for number in range(900))


def test_the_same_content_gives_the_same_bytes(press: Press) -> None:
    assert press.render(*sample()).data == press.render(*sample()).data


@pytest.mark.parametrize("name", sorted(ACTIVE))
def test_a_pdf_that_could_act_is_refused_before_it_is_sealed(leo: Rendered, name: str) -> None:
    with pikepdf.open(BytesIO(leo.data)) as pdf:
        pdf.Root[name] = pikepdf.Dictionary(S=pikepdf.Name("/X"))
        changed = BytesIO()
        pdf.save(changed)
    with pytest.raises(CannotRenderError, match=name):
        check_nothing_active(changed.getvalue(), attachment="outcome-7Q4K-2P-v1.json")


def test_a_pdf_with_another_attachment_is_refused(leo: Rendered) -> None:
    with pikepdf.open(BytesIO(leo.data)) as pdf:
        pdf.attachments["more.txt"] = b"more"
        changed = BytesIO()
        pdf.save(changed)
    with pytest.raises(CannotRenderError, match="file"):
        check_nothing_active(changed.getvalue(), attachment="outcome-7Q4K-2P-v1.json")
