"""Where to read on: the AWS console in the partition of the cluster, and the project's own pages."""

from urllib.parse import quote

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Subject

PROJECT_URL = "https://github.com/eks-auditor/eks-auditor"
"""Where the project lives; its pages are those of its main branch."""

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}
"""The console's host by partition, below the Region's name. The isolated partitions have none that is public."""


def console(cluster: ClusterId, subject: Subject | None = None) -> str | None:
    """Return the console's page of a subject of a cluster; None in a partition whose console is not public.

    What has no page of its own (a pool, a profile, a sibling set, a zone) is shown on its cluster's list of capacities.

    Args:
        cluster: Where it is.
        subject: What to show; the cluster itself without one.
    """
    place = _console(cluster)
    if place is None:
        return None
    page = f"{place}/eks/clusters/{_quoted(cluster.name)}"
    kind = "cluster" if subject is None else subject.kind
    name = "" if subject is None else _quoted(subject.name)
    match kind:
        case "cluster":
            return f"{page}?region={_quoted(cluster.region)}"
        case "managed":
            return f"{page}/nodegroups/{name}?region={_quoted(cluster.region)}"
        case "self-managed":
            return f"{place}/ec2/home?region={_quoted(cluster.region)}#AutoScalingGroupDetails:id={name};view=details"
    return f"{page}?region={_quoted(cluster.region)}&selectedTab=cluster-compute-tab"


def security_hub(cluster: ClusterId, check_id: str | None = None) -> str | None:
    """Return the page of Security Hub CSPM with what is open, of one check or of all; None as of :func:`console`.

    It is of the cluster's account and Region: whoever is signed in elsewhere sees that account's.
    """
    place = _console(cluster)
    if place is None:
        return None
    generator = ("EQUALS", f"eks-auditor/{check_id}") if check_id else ("PREFIX", "eks-auditor/")
    search = "&".join((_term("GeneratorId", *generator), _term("RecordState", "EQUALS", "ACTIVE")))
    return f"{place}/securityhub/home?region={_quoted(cluster.region)}#/findings?search={_quoted(search)}"


def check_page(check_id: str) -> str:
    """Return the page on a check: what it looks for, why, and how to mend it."""
    return page(f"docs/checks.md#{_quoted(check_id.lower())}")


def page(path: str) -> str:
    """Return the address of one of the project's files."""
    return f"{PROJECT_URL}/blob/main/{path}"


def _console(cluster: ClusterId) -> str | None:
    host = CONSOLES.get(cluster.partition)
    return None if host is None else f"https://{_quoted(cluster.region)}.{host}"


def _quoted(text: str) -> str:
    """Write other people's text into an address; half a surrogate pair, which is no text, as a question mark."""
    return quote(text, safe="", errors="replace")


def _term(field: str, operator: str, value: str) -> str:
    r"""Write one term of the console's search: ``GeneratorId=\operator\:EQUALS\:…``, encoded once of the two times."""
    written = rf"\operator\:{operator}\:{value}"
    return f"{field}={_quoted(written)}"
