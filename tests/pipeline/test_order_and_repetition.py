"""Any order, repetition, loss, crash and skew over the whole pipeline ends as the architecture says."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.pipeline.machine import Pipeline
from tests.pipeline.mutants import MUTANTS
from tests.pipeline.stack import Parts

EXAMPLES = int(os.environ.get("PIPELINE_EXAMPLES", "200"))
"""How many histories are tried; ``PIPELINE_EXAMPLES=5000`` tries more."""

BOUNDED = settings(
    max_examples=EXAMPLES,
    stateful_step_count=50,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
ENOUGH_FOR_MUTANTS = settings(
    BOUNDED, max_examples=200, derandomize=True, database=None, phases=[Phase.generate], print_blob=False
)


def machine(built_of: Parts) -> type[Pipeline]:
    class Built(Pipeline):
        parts = built_of

    return Built


def test_whatever_happens_one_sweep_ends_as_the_reference() -> None:
    run_state_machine_as_test(Pipeline, settings=BOUNDED)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_machine_finds_what_goes_wrong_without(mutant: str) -> None:
    built_of, wrong = MUTANTS[mutant]
    with pytest.raises(AssertionError, match=wrong):
        run_state_machine_as_test(machine(built_of), settings=ENOUGH_FOR_MUTANTS)
