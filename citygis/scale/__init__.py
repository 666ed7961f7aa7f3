"""Layers larger than memory: cut into parts, and the same functions applied to each among its neighbours."""

from citygis.scale.dataset import Dataset, open_dataset
from citygis.scale.engine import ENGINES, map_partitions
from citygis.scale.halo import rows_near
from citygis.scale.measures import Ground, acres_in, ground_of, parcels_checked, reprojected
from citygis.scale.partitions import repartition
from citygis.scale.validation import left_out_of_dataset, validate_dataset

__all__ = [
    "ENGINES",
    "Dataset",
    "Ground",
    "acres_in",
    "ground_of",
    "left_out_of_dataset",
    "map_partitions",
    "open_dataset",
    "parcels_checked",
    "repartition",
    "reprojected",
    "rows_near",
    "validate_dataset",
]
