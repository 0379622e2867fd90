from __future__ import annotations

from dataclasses import replace

import pytest

from setup.checks.currencies import CurrencyFacts, check_currencies
from setup.model import Result
from tests.unit.setup.checks.telling import TROUBLE, failures, only_passed, results, the

SAME = CurrencyFacts(
    local="GBP",
    crm={"1": "GBP", "2": "EUR"},
    base_id="1",
    known=frozenset({"EUR"}),
    rates={"EUR": 1.2},
)
OTHER = replace(SAME, base_id="2")


@pytest.mark.parametrize("facts", [SAME, OTHER])
def test_the_local_currency_may_be_the_base_or_convertible_to_it(facts):
    assert only_passed(check_currencies(facts))


@pytest.mark.parametrize(
    ("facts", "failed"),
    [
        (replace(SAME, local=""), [("local-currency", "LCY Code")]),
        (replace(SAME, local=TROUBLE), [("local-currency", "")]),
        (replace(OTHER, crm={"2": "EUR"}), [("local-currency-in-crm", "GBP")]),
        (replace(OTHER, known=frozenset()), [("base-currency", "EUR")]),
        (replace(OTHER, rates={}), [("base-currency", "EUR")]),
        (replace(OTHER, rates=TROUBLE), [("base-currency", "")]),
    ],
)
def test_each_broken_rule_is_named_alone(facts, failed):
    assert failures(check_currencies(facts)) == failed


def test_no_currency_of_bc_and_no_rate_are_told_apart():
    unknown = the(check_currencies(replace(OTHER, known=frozenset())), "base-currency")
    without_rate = the(check_currencies(replace(OTHER, rates={})), "base-currency")
    assert "Add the currency EUR" in unknown.hint
    assert "Enter a rate" in without_rate.hint


def test_without_a_local_currency_nothing_is_compared_with_it():
    found = results(check_currencies(replace(OTHER, local="")))
    assert found["base-currency", "EUR"] is Result.NOT_CHECKED
