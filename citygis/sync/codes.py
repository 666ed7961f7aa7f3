"""
The codes of what is refused and what stops a plan, as data: ``codes.toml``.
"""

from functools import cache
from importlib import resources
from typing import Literal

from citygis.settings import Settings, check, read_toml
from citygis.sync.model import Refusal, Stop


class Code(Settings):
    """One code: what it is called, what it means and what to do."""

    kind: Literal["refusal", "stop"]
    title: str
    meaning: str
    remedy: str


@cache
def all_codes() -> dict[str, Code]:
    """Every code by its name, "Y01" on."""
    with resources.as_file(resources.files("citygis.sync") / "codes.toml") as path:
        return {name: check(table, Code, f"codes.toml: {name}") for name, table in read_toml(path).items()}


def refused(global_id: str, code: str, field: str | None, message: str) -> Refusal:
    """A refusal with the remedy of its code."""
    return Refusal(global_id, code, field, message, all_codes()[code].remedy)


def stopped(code: str, message: str, *, number: int | None = None) -> Stop:
    """A stop with the remedy of its code."""
    return Stop(code, message, all_codes()[code].remedy, number)
