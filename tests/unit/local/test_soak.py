from __future__ import annotations

import json
from typing import Any

import pytest

from local import soak
from local.soak_oracle import Verdict

CLEAN = Verdict(lost=[], duplicates=[], stale=[], conflicts=2, reported={})
FIGURES = {"lost": 0, "duplicates": 0, "loops": 0, "stale": 0, "restless": 0}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--crm-url", "https://contoso.crm4.dynamics.com"], "simulators"),
        (["--minutes", "0"], "minutes"),
        (["--minutes", "soon"], "minutes"),
    ],
)
def test_what_cannot_be_soaked_is_refused_before_anything_starts(arguments, reason, capsys):
    with pytest.raises(SystemExit) as ended:
        soak.main(arguments)
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert reason in told.err
    assert told.out == ""


def soaked(monkeypatch: Any, tmp_path: Any, figures: dict[str, int], verdict: Verdict) -> list[Any]:
    plans: list[Any] = []

    def run(_options: Any, plan: Any, _log: Any) -> tuple[dict[str, int], Verdict]:
        plans.append(plan)
        return figures, verdict

    monkeypatch.setattr(soak, "_soak", run)
    monkeypatch.setattr(soak, "_LOG", tmp_path / "soak.log")
    monkeypatch.setattr(soak, "_RESULT", tmp_path / "soak.json")
    return plans


def test_a_clean_soak_ends_with_0_and_prints_its_figures_alone(monkeypatch, tmp_path, capsys):
    plans = soaked(monkeypatch, tmp_path, FIGURES, CLEAN)
    assert soak.main(["--minutes", "0.5", "--seed", "7"]) == 0
    assert json.loads(capsys.readouterr().out) == FIGURES
    assert (plans[0].seconds, plans[0].seed) == (30.0, 7)
    assert json.loads((tmp_path / "soak.json").read_text(encoding="utf-8")) == FIGURES


@pytest.mark.parametrize("what", ["lost", "duplicates", "loops", "stale", "restless"])
def test_a_soak_that_found_something_ends_with_1(monkeypatch, tmp_path, what, capsys):
    verdict = Verdict(
        lost=["C1 city"], duplicates=["C2 twice"], stale=["C3 told"], conflicts=0, reported={}
    )
    soaked(monkeypatch, tmp_path, FIGURES | {what: 1}, verdict)
    assert soak.main([]) == 1
    told = capsys.readouterr().err
    assert "✗ C1 city" in told
    assert "✗ C2 twice" in told
    assert "✗ C3 told" in told


def test_a_soak_without_verdict_ends_with_1_and_tells_its_seed(monkeypatch, tmp_path, capsys):
    def fail(*_: Any) -> None:
        raise soak.SoakError("the first full synchronization does not end")

    monkeypatch.setattr(soak, "_soak", fail)
    monkeypatch.setattr(soak, "_LOG", tmp_path / "soak.log")
    assert soak.main(["--seed", "99"]) == 1
    told = capsys.readouterr()
    assert "does not end" in told.err
    assert "seed 99" in told.err
    assert told.out == ""
