from __future__ import annotations

from pathlib import Path

import pytest

from local.azurite import InstallError, _speed_up

SLOW = """
        const doc = table.findOne({
            PartitionKey: entity.PartitionKey,
            RowKey: rowKey
        });
"""


def test_rows_are_looked_up_by_their_key_first_and_only_once_changed(tmp_path: Path) -> None:
    store = tmp_path / "store.js"
    store.write_text(SLOW * 6)
    _speed_up(store)
    faster = store.read_text()
    assert faster.count("findOne({ RowKey: rowKey, PartitionKey: entity.PartitionKey })") == 6
    _speed_up(store)
    assert store.read_text() == faster


def test_a_store_of_another_shape_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "store.js"
    store.write_text(SLOW * 5)
    with pytest.raises(InstallError, match="not as expected"):
        _speed_up(store)
