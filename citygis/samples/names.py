"""Invented street names."""

import tomllib
from collections.abc import Iterator
from importlib import resources

import numpy as np


def street_names(rng: np.random.Generator) -> Iterator[str]:
    """Street names without a type, each once, in an order that the seed decides: of one word, then of two."""
    words = tomllib.loads((resources.files("citygis.samples") / "names.toml").read_text(encoding="utf-8"))
    first, pairs = words["first"], [f"{a} {b}" for b in words["second"] for a in words["first"]]
    yield from (first[k] for k in rng.permutation(len(first)))
    yield from (pairs[k] for k in rng.permutation(len(pairs)))
