from __future__ import annotations

from dataclasses import astuple

import pytest

from local.ports import Ports


def test_ports_follow_from_the_base():
    ports = Ports.from_base(7070)
    assert ports.host == 7071
    assert (ports.azurite_blob, ports.azurite_queue, ports.azurite_table) == (7080, 7081, 7082)
    assert (ports.entra, ports.key_vault) == (7090, 7091)
    assert (ports.dataverse, ports.business_central) == (7092, 7093)


def test_bases_a_hundred_apart_share_no_port():
    assert not set(astuple(Ports.from_base(7070))) & set(astuple(Ports.from_base(7170)))


@pytest.mark.parametrize("base", [0, 1023, 65513, 70000])
def test_a_base_out_of_range_is_refused(base):
    with pytest.raises(ValueError, match="PORT_BASE"):
        Ports.from_base(base)
