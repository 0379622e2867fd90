from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from errors import ConfigurationError
from services.dataverse_tables import MULTIPLE_TABLES, TABLES, table

_SHARED = Path(os.environ.get("COUPLER_SHARED", Path(__file__).parents[4] / "shared"))
_DEFINITIONS = _SHARED / "reference" / "metadata" / "dataverse-tables.json"


@pytest.mark.skipif(not _DEFINITIONS.is_file(), reason=f"there is no {_DEFINITIONS}")
@pytest.mark.parametrize("entity_set", TABLES)
def test_keys_are_those_of_the_published_definitions(entity_set):
    known = TABLES[entity_set]
    definition = json.loads(_DEFINITIONS.read_text()).get(known.logical_name)
    assert definition is not None, f"{known.logical_name} is not among the definitions"
    types = {field["logicalName"]: field["type"] for field in definition["fields"]}
    assert types[known.key] == "Uniqueidentifier"


def test_bulk_messages_are_of_known_tables():
    assert TABLES.keys() >= MULTIPLE_TABLES
    assert not MULTIPLE_TABLES & {"productpricelevels", "uoms", "transactioncurrencies"}


def test_an_unknown_table_is_named():
    with pytest.raises(ConfigurationError, match="account is not a Dataverse table"):
        table("account")
