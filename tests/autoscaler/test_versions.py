import pytest

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.autoscaler.versions import BEHAVIOURS, behaviour_of, minor_of
from tests.builders import cluster


def test_the_autoscaler_is_taken_to_be_of_the_clusters_minor_unless_told() -> None:
    assert minor_of(AUTO, cluster(version="1.34")) == "1.34"
    assert minor_of(AutoscalerSettings(version="1.30"), cluster(version="1.34")) == "1.30"


def test_each_minor_behaves_as_the_last_change_before_it() -> None:
    minors = [f"1.{number}" for number in range(28, 39)]
    assert [minor for minor in minors if not behaviour_of(minor).translates_effects] == ["1.28", "1.29", "1.30"]
    assert [minor for minor in minors if behaviour_of(minor).reads_template_beside_types][-1] == "1.31"
    knows = [minor for minor in minors if "maxnodestartuptime" in behaviour_of(minor).options_of_other_clouds]
    assert knows == ["1.35", "1.36", "1.37", "1.38"]
    assert list(BEHAVIOURS) == sorted(BEHAVIOURS)


def test_minors_are_compared_as_numbers() -> None:
    assert behaviour_of("1.100") == behaviour_of("1.36")
    assert behaviour_of("2.0") == behaviour_of("1.36")
    assert behaviour_of("1.4") == behaviour_of("1.30")


@pytest.mark.parametrize("minor", ["", "latest", "1", "1.35.2", "v1.35"])
def test_what_is_no_minor_is_refused(minor: str) -> None:
    with pytest.raises(ValueError, match=r"is no minor version of Cluster Autoscaler: write it as 1\.35"):
        behaviour_of(minor)
