"""Engine run, replay and accounting against the slow oracle: every bar of random scripts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings

from tests.generators import Scenario, random_scenario, scenarios
from tests.oracle.compare import differences

BATCH = 250


@settings(max_examples=150)
@given(scenarios())
def test_engine_replay_and_oracle_agree_on_drawn_scripts(scenario: Scenario):
    assert differences(scenario) == []


@pytest.mark.parametrize("batch", range(10))
def test_engine_replay_and_oracle_agree_on_seeded_scripts(batch: int):
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        found = differences(random_scenario(random.Random(seed)))
        assert found == [], f"seed {seed}"
