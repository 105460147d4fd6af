"""Any order, repetition, loss, crash and skew over the whole pipeline ends as the architecture says."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.pipeline.machine import Pipeline
from tests.pipeline.mutants import MUTANTS, SLACK_MUTANTS
from tests.pipeline.slack_machine import TellsPeople
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


STEPS = {Pipeline: BOUNDED.stateful_step_count, TellsPeople: 25}
"""What happens to messages on their way to people takes few steps, but each of them announces something."""

SHARE = {Pipeline: 1.0, TellsPeople: 0.25}
"""Of the histories, how many are tried of each machine: the larger one is about people, too."""


def machine(of: type[TellsPeople], built_of: Parts) -> type[TellsPeople]:
    return type("Built", (of,), {"parts": built_of})


@pytest.mark.parametrize("of", [Pipeline, TellsPeople])
def test_whatever_happens_one_sweep_ends_as_the_reference(of: type[TellsPeople]) -> None:
    bounded = settings(BOUNDED, max_examples=int(EXAMPLES * SHARE[of]), stateful_step_count=STEPS[of])
    run_state_machine_as_test(of, settings=bounded)


@pytest.mark.parametrize(
    ("of", "mutant"), [(Pipeline, each) for each in MUTANTS] + [(TellsPeople, each) for each in SLACK_MUTANTS]
)
def test_the_machine_finds_what_goes_wrong_without(of: type[TellsPeople], mutant: str) -> None:
    built_of, wrong = {**MUTANTS, **SLACK_MUTANTS}[mutant]
    enough = settings(ENOUGH_FOR_MUTANTS, stateful_step_count=STEPS[of])
    with pytest.raises(AssertionError, match=wrong):
        run_state_machine_as_test(machine(of, built_of), settings=enough)
