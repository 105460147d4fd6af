"""ZONE, by what EKS may do when a zone is impaired: shift traffic and new nodes away from it."""

from eks_auditor.check import check
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import UnreadableError
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Verdict, failed, not_applicable, on_outpost, passed
from eks_auditor.spread.reach import Reach

FEWEST_ZONES = 2


@check(
    id="ZONE009",
    title="Clusters in several zones should allow zonal shifts",
    severity=Severity.INFORMATIONAL,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/zone-shift-enable.html",
    reports_only=True,
)
def zonal_shift_not_enabled(cluster: Cluster, snapshot: Snapshot) -> Verdict:
    """Reads whether a cluster whose data plane is in two zones or more allows zonal shifts.

    Whether to is a choice, as every pod has to be able to run in the zones that are left: it is told in reports only.

    Why: when a zone is impaired but not gone, a shift takes traffic and new nodes away from it within minutes, started
    by you or, with zonal autoshift, by AWS.

    Fix:
    aws: aws eks update-cluster-config --region {region} --name {cluster} --zonal-shift-config enabled=true
    eksctl: eksctl utils update-zonal-shift-config --region {region} --cluster {cluster} --enabled
    terraform: set enabled = true in zonal_shift_config of the aws_eks_cluster
    cloudformation: set Enabled to true in ZonalShiftConfig of the AWS::EKS::Cluster
    """
    if cluster.outpost:
        return on_outpost()
    if cluster.zonal_shift:
        return passed("the cluster allows zonal shifts")
    reach = Reach.of(snapshot)
    if len(reach.zones) >= FEWEST_ZONES:
        zones = ", ".join(sorted(reach.zones))
        return failed(f"its data plane is in {len(reach.zones)} zones, {zones}, and it allows no zonal shift")
    if reach.gap is not None:
        raise UnreadableError(reach.gap)
    return not_applicable("its data plane is in fewer than two Availability Zones; ZONE001 judges that")
