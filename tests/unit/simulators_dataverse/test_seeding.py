"""Loading rows from outside: the default organization gives way, wrong rows are named."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.simulators.core.simulator import SeedError
from local.simulators.dataverse.simulator import DataverseSimulator, Settings

CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
REPOSITORY = Path(__file__).parents[3]
CRONUS = Path(os.environ.get("COUPLER_SHARED", REPOSITORY.parent / "shared")) / "data/cronus/crm"


@pytest.fixture
def simulator() -> DataverseSimulator:
    return DataverseSimulator(Settings(clients=(CLIENT,)))


@pytest.fixture
def cronus() -> dict[str, list[dict[str, Any]]]:
    if not CRONUS.is_dir():
        pytest.skip(f"the sample organization is not at {CRONUS}")
    return {path.stem: json.loads(path.read_bytes()) for path in CRONUS.glob("*.json")}


def euro(**more: Any) -> dict[str, Any]:
    return {
        "transactioncurrencyid": str(uuid4()),
        "isocurrencycode": "EUR",
        "currencyname": "Euro",
        "currencysymbol": "€",
        "currencyprecision": 2,
        "exchangerate": 1.0,
    } | more


def test_a_new_organization_has_what_it_needs(simulator):
    (organization,) = simulator.dump("organizations")
    (currency,) = simulator.dump("transactioncurrencies")
    (unit_group,) = simulator.dump("uomschedules")
    (unit,) = simulator.dump("uoms")
    (user,) = simulator.dump("systemusers")
    assert organization["_basecurrencyid_value"] == currency["transactioncurrencyid"]
    assert currency["isocurrencycode"] == "USD"
    assert (unit_group["name"], unit["name"]) == ("Default Unit", "Primary Unit")
    assert unit["isschedulebaseuom"] is True
    assert user["applicationid"] == CLIENT


def test_the_sample_organization_loads_as_it_is(simulator, cronus):
    counts = simulator.seed(cronus, {})
    assert counts == {name: len(rows) for name, rows in cronus.items()}
    for name, rows in cronus.items():
        if name == "organization":
            continue
        key = next(iter(rows[0]))
        loaded = {row[key]: row for row in simulator.dump(name)}
        for row in rows:
            stored = loaded[row[key]]
            different = {
                column: (value, stored.get(column))
                for column, value in row.items()
                if column != "systemuserroles_association"
                and not (value is None and column in stored)
                and stored.get(column) != value
            }
            assert different == {}, f"{name} {row[key]}"


def test_the_sample_organization_replaces_the_defaults(simulator, cronus):
    simulator.seed(cronus, {})
    assert len(simulator.dump("organizations")) == 1
    assert {row["isocurrencycode"] for row in simulator.dump("transactioncurrencies")} == {
        "GBP",
        "EUR",
        "USD",
    }
    assert len(simulator.dump("uomschedules")) == len(simulator.dump("uoms")) == 1
    users = [row["applicationid"] for row in simulator.dump("systemusers")]
    assert CLIENT in users
    assert len(users) == len(cronus["systemusers"]) + 1


def test_what_is_seeded_can_be_dumped_and_seeded_again(simulator, cronus):
    simulator.seed(cronus, {})
    sets = ["organizations", *(name for name in cronus if name != "organization")]
    dumped = {name: simulator.dump(name) for name in sets}
    other = DataverseSimulator(Settings(clients=(CLIENT,)))
    other.seed(dumped, {})
    unstamped = [
        {name: value for name, value in row.items() if name not in ("@odata.etag", "versionnumber")}
        for row in other.dump("accounts")
    ]
    assert unstamped == [
        {name: value for name, value in row.items() if name not in ("@odata.etag", "versionnumber")}
        for row in dumped["accounts"]
    ]


def test_open_columns_are_computed(simulator):
    account = {"accountid": str(uuid4()), "name": "A", "creditlimit": 10}
    simulator.seed({"accounts": [account]}, {})
    (row,) = simulator.dump("accounts")
    assert (row["statecode"], row["statuscode"], row["creditlimit_base"]) == (0, 1, 10)
    assert row["_ownerid_value"] == simulator.dump("systemusers")[0]["systemuserid"]
    assert row["createdon"]


def test_a_unit_group_without_units_gets_its_base_unit(simulator):
    schedule = {"uomscheduleid": str(uuid4()), "name": "NAV PCS", "baseuomname": "PCS"}
    simulator.seed({"uomschedules": [schedule]}, {})
    (unit,) = simulator.dump("uoms")
    assert (unit["name"], unit["_uomscheduleid_value"]) == ("PCS", schedule["uomscheduleid"])


def test_seeded_currencies_take_the_base_currencys_place(simulator):
    seeded = euro()
    simulator.seed({"transactioncurrencies": [seeded]}, {})
    (organization,) = simulator.dump("organizations")
    assert organization["_basecurrencyid_value"] == seeded["transactioncurrencyid"]


def test_seeding_goes_on_where_it_stopped(simulator):
    simulator.seed({"accounts": [{"name": "A"}]}, {})
    simulator.seed({"accounts": [{"name": "B"}]}, {})
    assert sorted(row["name"] for row in simulator.dump("accounts")) == ["A", "B"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"invoices": []}, "no entity set 'invoices'"),
        ({"accounts": [{"name": "A"}, {"nmae": "B"}]}, "accounts, row 2: there is no column 'nm"),
        ({"accounts": [{"name": "x" * 161}]}, "accounts, row 1: .*maximum allowed length"),
        ({"accounts": [{"_ownerid_value": "x"}]}, "accounts, row 1: _ownerid_value 'x'"),
        (
            {"accounts": [{"_parentaccountid_value": str(uuid4())}]},
            "accounts, row 1: _parentaccountid_value .* is no record of account",
        ),
        ({"transactioncurrencies": [euro(), euro()]}, "row 2: .*matching key values"),
        ({"transactioncurrencies": [euro(exchangerate=2)]}, "base currency"),
        ({"businessunits": []}, "root business unit"),
    ],
)
def test_wrong_rows_are_refused_and_nothing_is_loaded(simulator, data, words):
    before = {name: simulator.dump(name) for name in ("accounts", "businessunits", "systemusers")}
    with pytest.raises(SeedError, match=words):
        simulator.seed({"contacts": [{"lastname": "L"}]} | data, {})
    assert simulator.dump("contacts") == []
    assert before == {name: simulator.dump(name) for name in before}


def test_an_unknown_set_cannot_be_dumped(simulator):
    with pytest.raises(LookupError):
        simulator.dump("invoices")
