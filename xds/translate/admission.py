"""The mark between "who are you" and "what do you want": only what carries it reaches the processor.

A processor that watches answers would otherwise be called for every 401 and 429 of the filters before it. On the way
back this filter is behind the processor and the provider_answers filter, so it removes what only those may see.
"""

from forebay import contract
from xds.translate.shapes import Json, header_mutation, removing, setting


def admission() -> Json:
    """The filter that sets ADMITTED on requests and removes FROM_PROVIDER from answers."""
    return header_mutation(
        "admission",
        request=[setting(contract.ADMITTED, "1")],
        response=removing(contract.FROM_PROVIDER),
    )
