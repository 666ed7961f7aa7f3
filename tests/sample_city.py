"""The sample city for tests: drawn once, shared by all."""

from functools import cache

from citygis.samples import Riverbend, riverbend


@cache
def city() -> Riverbend:
    """Riverbend as committed. Not to be modified."""
    return riverbend()
