"""What people may say of the autoscaler."""

import pytest

from eks_auditor.autoscaler.settings import AUTO, SCALES, AutoscalerSettings, discovery_of, settings_of

NAMES = ("--what", "--which", "--how")


def test_nothing_said_is_the_default() -> None:
    assert settings_of("auto", "", "", names=NAMES) == AUTO


def test_all_three_are_read() -> None:
    said = settings_of("cluster-autoscaler", "1.34", "team=web,autoscaled/{cluster}", names=NAMES)
    assert said == AutoscalerSettings(
        scales="cluster-autoscaler", version="1.34", discovery=("team=web", "autoscaled/{cluster}")
    )


@pytest.mark.parametrize("scales", SCALES)
def test_every_word_is_known(scales: str) -> None:
    assert settings_of(scales, "", "", names=NAMES).scales == scales


@pytest.mark.parametrize(
    ("text", "demanded"),
    [
        ("asg:tag=a,b=c", ("a", "b=c")),
        (" a , b ", ("a", "b")),
        ("k=", ("k=",)),
        ("k=v=w", ("k=v=w",)),
        ("--node-group-auto-discovery=asg:tag=a,b=c", ("a", "b=c")),
        ("--node-group-auto-discovery asg:tag=a", ("a",)),
        ('"--node-group-auto-discovery=asg:tag=a"', ("a",)),
        ('"asg:tag=a"', ("a",)),
        ("'a,b'", ("a", "b")),
        ("a,asg:tag=b", ("a", "b")),
        ("asg:tag=a asg:tag=b", ("a", "b")),
        ('--node-group-auto-discovery="asg:tag=a" --node-group-auto-discovery="asg:tag=b"', ("a", "b")),
        ("team=web shop", ("team=web shop",)),
        ("my:label=value,my:otherlabel=othervalue", ("my:label=value", "my:otherlabel=othervalue")),
        ("k8s.io/cluster-autoscaler/{cluster}", ("k8s.io/cluster-autoscaler/{cluster}",)),
    ],
)
def test_discovery_is_read_as_the_flag_lists_it(text: str, demanded: tuple[str, ...]) -> None:
    assert discovery_of(text) == demanded


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (("kapenter", "", ""), "--what takes auto, cluster-autoscaler, karpenter, auto-mode or none, not 'kapenter'"),
        (("", "", ""), "--what takes "),
        (("auto", "1.34.2", ""), "--which takes the autoscaler's minor such as 1.35, not '1.34.2'"),
        (("auto", "v1.34", ""), "--which takes "),
        (("auto", "", "a,,b"), "--how takes tags, each KEY or KEY=VALUE, with commas between them, not 'a,,b'"),
        (("auto", "", "=v"), "--how takes "),
        (("auto", "", ","), "--how takes "),
        (("auto", "", "asg:tag="), "--how takes "),
        (("auto", "", "k8s.io/cluster-autoscaler/<YOUR CLUSTER NAME>"), "--how takes "),
        (("auto", "", "k8s.io/cluster-autoscaler/<CLUSTER>"), "--how takes "),
        (("auto", "", "--node-group-auto-discovery="), "--how takes "),
        (("auto", "", "--nodes=1:2:web"), "--how takes "),
        (("auto", "", "a b"), "--how takes "),
        (("auto", "", "a'b"), "--how takes "),
        # Of upstream's TestParseASGAutoDiscoverySpecs; "tag=tag,anothertag" is a list of tags here.
        (("auto", "", "mig:tag=tag,anothertag"), "--how takes "),
        (("auto", "", "asg:=tag"), "--how takes "),
        (("auto", "", "asg:tag"), "--how takes "),
        (("auto", "", "auto:asg:tag=a"), "--how takes "),
        (("auto", "", "{clustername}/x"), "--how takes "),
        (("auto", "1.\N{FULLWIDTH DIGIT THREE}", ""), "--which takes "),
    ],
)
def test_what_makes_no_sense_is_said_by_its_name(said: tuple[str, str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match="takes") as refused:
        settings_of(*said, names=NAMES)
    assert str(refused.value).startswith(sentence)
