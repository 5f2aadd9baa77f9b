"""The addresses on documents and in notices lead somewhere, and tell nobody anything."""

from serving import Service


def test_the_address_on_a_document_says_how_to_verify_it(embedded_service: Service) -> None:
    answer = embedded_service.client.get("/verify")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "/api/v1/verification" in answer.text


def test_the_link_of_a_notice_says_the_same_of_every_reference(embedded_service: Service) -> None:
    known = embedded_service.caller().signed()
    answers = [embedded_service.client.get(f"/outcomes/{reference}") for reference in (known, "7Q4K-2P", "nonsense")]
    assert {(one.status_code, one.text) for one in answers} == {(200, answers[0].text)}
    assert known not in answers[0].text
