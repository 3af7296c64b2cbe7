"""The rules of the document service: the same text, the same reading."""

import pytest

from api.demo.services import reading

INVOICE = """Invoice INV-2026-17
Bill to: Example Corp, billing@example.com
# Items
Subtotal USD 100.00, tax USD 9.97
# Payment
Amount due: $109.97 by 2026-03-01. Payment terms: 30 days. Total: $109.97
"""


def test_a_clear_text_is_certain() -> None:
    verdict = reading.classify(INVOICE)
    assert (verdict["type"], verdict["confidence"]) == ("invoice", 1.0)
    assert "amount due" in verdict["matched"]


def test_a_short_text_is_less_certain() -> None:
    verdict = reading.classify("Invoice, payment terms: 30 days. Total on the next page.")
    assert verdict["type"] == "invoice"
    assert 0.7 <= verdict["confidence"] < 0.9


def test_a_text_of_two_kinds_is_uncertain() -> None:
    verdict = reading.classify("A complaint about an invoice: the treatment was faulty.")
    assert 0 < verdict["confidence"] < 0.7


def test_a_text_without_telling_words_is_unknown() -> None:
    verdict = reading.classify("Lorem ipsum dolor sit amet.")
    assert (verdict["type"], verdict["confidence"]) == ("unknown", 0.0)


def test_words_count_whole() -> None:
    assert reading.classify("The patients' taxi, totally.")["scores"]["invoice"] == 0


def test_sections_begin_at_headings() -> None:
    found = reading.sections(INVOICE)
    assert [(section.index, section.heading) for section in found] == [(0, ""), (1, "Items"), (2, "Payment")]
    assert reading.sections("No heading.")[0].text == "No heading."
    assert reading.sections("# Only a heading") == [reading.Section(0, "Only a heading", "")]


def test_entities_come_in_the_order_of_the_text() -> None:
    head, _, payment = reading.sections(INVOICE)
    assert [(entity["kind"], entity["value"]) for entity in reading.entities(head)] == [
        ("invoice_number", "INV-2026-17"),
        ("email", "billing@example.com"),
    ]
    assert [(entity["kind"], entity["value"]) for entity in reading.entities(payment)] == [
        ("amount", "$109.97"),
        ("date", "2026-03-01"),
        ("amount", "$109.97"),
    ]


def test_both_parties_of_a_contract_are_found() -> None:
    [section] = reading.sections("This agreement is made between Acme Ltd. and Example Corp, on 01.02.2026.")
    parties = [entity["value"] for entity in reading.entities(section) if entity["kind"] == "party"]
    assert parties == ["Acme Ltd.", "Example Corp"]


@pytest.mark.parametrize(("damage", "readable"), [(0, True), (1, True), (30, False)])
def test_a_damaged_section_is_not_read(damage: int, readable: bool) -> None:
    assert reading.Section(0, "", "x" * 100 + reading.UNREADABLE * damage).readable is readable


def test_what_a_type_needs_is_named() -> None:
    assert reading.missing_kinds("invoice", {"date"}) == ["invoice_number", "amount"]
    assert reading.missing_kinds("unknown", set()) == []
