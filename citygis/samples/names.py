"""Invented names: streets and owners. None is meant to be a street or a person anywhere."""

from collections.abc import Iterator

import numpy as np

_FIRST = (
    "Acorn Alder Almond Amber Apricot Avocet Bramble Brookside Buckeye Bulrush Catkin Cattail Cedar Chaparral Clover Copper "
    "Cormorant Cottonwood Cricket Dogwood Dragonfly Egret Elderberry Fennel Fernleaf Finch Foxtail Goldenrod Goldfinch Grebe "
    "Harrow Hawthorn Hazel Heron Ibis Juniper Kestrel Killdeer Kingfisher Larkspur Laurel Lupine Madrone Mallard Manzanita "
    "Marigold Meadowlark Millrace Mistletoe Mulberry Nutmeg Oriole Osprey Otter Pear Pelican Persimmon Pheasant Pintail Plum "
    "Pomegranate Poppy Primrose Quail Quince Redbud Reed Rosemary Sandpiper Sedge Shearwater Snowberry Sorrel Sparrow Sycamore "
    "Tamarack Teal Thistle Tule Verbena Walnut Warbler Waterfall Willow Windmill Yarrow Zinnia"
).split()
_SECOND = "bank bend brook field glen grove haven hollow ridge run side view way wood".split()


def street_names(rng: np.random.Generator) -> Iterator[str]:
    """Street names without a type, each once, in an order that the seed decides."""
    plain = [_FIRST[k] for k in rng.permutation(len(_FIRST))]
    compound = [f"{first} {second.title()}" for second in _SECOND for first in _FIRST]
    yield from plain
    yield from (compound[k] for k in rng.permutation(len(compound)))
