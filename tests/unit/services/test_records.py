from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from services.records import Traffic


def test_traffic_loses_no_count_among_threads():
    traffic = Traffic()

    def count(number: int) -> None:
        traffic.add_request(f"GET {number % 2}")
        traffic.add_operations(3)
        traffic.add_throttled()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(2000)))
    assert traffic == Traffic(
        requests=2000, operations=6000, throttled=2000, by_kind={"GET 0": 1000, "GET 1": 1000}
    )
