"""What a fleet description says of scaling: what else sets a group's size, and which instances a group may mix."""

# ruff: noqa: RUF012 - these are pydantic models, which give every instance a copy of its defaults

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from local_aws.fleet_words import Age, Described

type Range = Annotated[list[int], Field(min_length=1, max_length=2)]
"""The least number, and the greatest if there is one."""


class ScalingPolicy(Described):
    """A scaling policy of an Auto Scaling group."""

    type: Literal["target-tracking", "step", "simple", "predictive"] = "target-tracking"
    enabled: bool = True
    mode: Literal["ForecastOnly", "ForecastAndScale"] = "ForecastOnly"
    """Of a predictive one."""


class Schedule(Described):
    """A scheduled action of an Auto Scaling group; sizes that are left out stay as they are."""

    recurrence: str | None = None
    """As cron writes it; left out: it happens once."""
    starts_in: Age | None = None
    """After how long it happens, or happens first."""
    ends_in: Age | None = None
    """After how long it happens no more."""
    min: int | None = None
    max: int | None = None
    desired: int | None = None

    @model_validator(mode="after")
    def _comes_and_does_something(self) -> Self:
        if self.recurrence is None and self.starts_in is None:
            message = "a scheduled action needs a time: say recurrence or starts_in"
            raise ValueError(message)
        if self.min is self.max is self.desired is None:
            message = "a scheduled action sets a size: say min, max or desired"
            raise ValueError(message)
        return self


class Sizes(Described):
    """Sizes that somebody gave the Auto Scaling group of a managed node group behind EKS's back."""

    min: int | None = None
    max: int | None = None


class Requirements(Described):
    """What a group wants of its instances instead of naming their types."""

    vcpus: Range
    memory_mib: Range
    accelerators: Range | None = None


class Mixed(Described):
    """A mixed instances policy of a self-managed group over its `types`, all launched from its one template."""

    weights: dict[str, int] = {}
    """Type to its weighted capacity: the group's sizes then count these units, not instances."""
    requirements: Requirements | None = None
    """Instead of the types, of which nodes are then launched all the same: name some that fit."""
    overrides: bool = True
    """Whether the policy says anything of types; without, the template's own type is all there is."""
    on_demand_base: int = 0
    on_demand_percentage: int | None = Field(default=None, ge=0, le=100)
    """Left out: none of the instances of a Spot group, all of any other."""
    spot_strategy: Literal[
        "price-capacity-optimized",
        "capacity-optimized",
        "capacity-optimized-prioritized",
        "diversified",
        "lowest-price",
    ] = "price-capacity-optimized"

    @model_validator(mode="after")
    def _says_types_in_one_way(self) -> Self:
        if self.requirements is not None and (self.weights or not self.overrides):
            message = "requirements stand instead of types: they have no weights, and are overrides"
            raise ValueError(message)
        return self
