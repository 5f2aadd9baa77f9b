"""The addresses on documents and in notices lead somewhere, and tell nobody anything."""

import re

from serving import Service


def test_the_address_on_a_document_says_how_to_verify_it(embedded_service: Service) -> None:
    answer = embedded_service.client.get("/verify")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "/api/v1/verification" in answer.text


def test_a_one_time_link_says_how_to_go_on(embedded_service: Service) -> None:
    answer = embedded_service.client.get("/sign-in/link#secret")
    assert (answer.status_code, "/api/v1/sign-in/link" in answer.text) == (200, True)


def test_the_link_of_a_notice_says_the_same_of_every_reference(embedded_service: Service) -> None:
    known = embedded_service.caller().signed()
    answers = [embedded_service.client.get(f"/outcomes/{reference}") for reference in (known, "7Q4K-2P", "nonsense")]
    texts = {re.sub(r'nonce="[^"]+"', "", one.text) for one in answers}  # the only thing that is new each time
    assert ({one.status_code for one in answers}, len(texts)) == ({200}, 1)
    assert known not in answers[0].text
