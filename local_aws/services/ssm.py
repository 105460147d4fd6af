"""SSM: the public parameters that AWS keeps for its images."""

from collections.abc import Mapping

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.services.call import Call, Operation

_PAGING = Paging("MaxResults", "NextToken", 10, 1, 10, "ValidationException", "InvalidNextToken")


def get_parameter(call: Call) -> Document:
    """Return one parameter."""
    found = call.state.public.parameters.get(call.params["Name"])
    if found is None:
        message = f"Parameter {call.params['Name']} not found."
        raise AwsError(message, code="ParameterNotFound")
    return {"Parameter": found}


def get_parameters(call: Call) -> Document:
    """Return several parameters; names that do not exist come back apart."""
    names = list(dict.fromkeys(call.params["Names"]))
    parameters = call.state.public.parameters
    return {
        "Parameters": [parameters[name] for name in names if name in parameters],
        "InvalidParameters": [name for name in names if name not in parameters],
    }


def get_parameters_by_path(call: Call) -> Document:
    """Return the parameters below a path, or directly below it."""
    root = call.params["Path"].rstrip("/") + "/"
    recursive = call.params.get("Recursive") or False
    found = [
        parameter
        for name, parameter in sorted(call.state.public.parameters.items())
        if name.startswith(root) and (recursive or "/" not in name.removeprefix(root))
    ]
    return call.page("Parameters", found, _PAGING)


OPERATIONS: Mapping[str, Operation] = {
    "GetParameter": get_parameter,
    "GetParameters": get_parameters,
    "GetParametersByPath": get_parameters_by_path,
}
