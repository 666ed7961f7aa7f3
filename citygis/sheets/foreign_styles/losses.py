"""
What a style loses on its way: told with the place where it stood, each thing once.
"""

from typing import NamedTuple


class Dropped(NamedTuple):
    """
    Something of a foreign style that has no counterpart, or another one.

    Parameters
    ----------
    where : str
        The class, rule or element it stood in.
    what : str
        What it was, and what is drawn in its place if anything is.
    """

    where: str
    what: str


class Losses:
    """Collects what is dropped."""

    def __init__(self) -> None:
        self._told: dict[Dropped, None] = {}

    def tell(self, where: str, what: str) -> None:
        """Add one; the same thing at the same place counts once."""
        self._told[Dropped(where, what)] = None

    @property
    def all(self) -> tuple[Dropped, ...]:
        """All of them, in the order they were met."""
        return tuple(self._told)
