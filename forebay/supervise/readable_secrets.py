"""Are the config's secrets where it says, on this machine? Asked before anything is started."""

from forebay.config.resolved import Resolved
from forebay.config.secrets import SecretUnavailable
from forebay.supervise.environment import references
from forebay.supervise.part import CannotServe


def check_secrets(resolved: Resolved) -> None:
    """Raises CannotServe, naming every reference of the config that cannot be read and never what it holds."""
    problems = []
    for reference in references(resolved):
        try:
            reference.read()
        except SecretUnavailable as error:
            problems.append(f"cannot read {error}: supply the {'file' if reference.kind == 'file' else 'variable'}")
    if problems:
        raise CannotServe("\n".join(problems))
