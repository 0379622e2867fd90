"""ETags and conditions under any series of changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.simulators_business_central.world import BASE, CANNON, send, simulator

PATH = f"{BASE}/customers({CANNON})"
EXPECTED = {"current": 200, "any": 200, "stale": 409, "none": 400, "malformed": 400}


@given(st.lists(st.sampled_from(sorted(EXPECTED)), max_size=12))
async def test_a_change_is_made_under_the_current_etag_or_any_and_never_else(conditions):
    target = simulator()
    seen = [await _etag(target)]
    for step, condition in enumerate(conditions):
        if condition == "stale" and len(seen) == 1:
            continue
        header = {"current": seen[-1], "any": "*", "stale": seen[0], "malformed": "x"}
        headers = {"If-Match": header[condition]} if condition in header else {}
        answer = await send(target, "PATCH", PATH, {"city": f"City {step}"}, headers)
        assert answer.status == EXPECTED[condition]
        found = await _etag(target)
        if answer.status == 200:
            assert found not in seen
            seen.append(found)
        assert found == seen[-1]


async def _etag(target) -> str:
    answer = await send(target, "GET", PATH)
    assert isinstance(answer.body, dict)
    found: str = answer.body["@odata.etag"]
    return found
