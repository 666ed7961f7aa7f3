"""
A parcel fabric of any size as a GeoPackage, sound or with planted defects, and the truth beside it.

    python scripts/make_fabric.py OUT.gpkg [--parcels 10000] [--seed 0] [--per-kind 7]

With --per-kind the layers have so many defects of each kind, and OUT.truth.csv says which. Without it they are sound.
"""

import argparse
from pathlib import Path

from citygis.gpkg import write_geopackage
from citygis.samples.defects import plant_defects
from citygis.samples.parcel_fabric import parcel_fabric


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--parcels", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-kind", type=int, default=0)
    parser.add_argument("--overwrite", action="store_true")
    options = parser.parse_args()
    fabric = parcel_fabric(options.parcels, seed=options.seed)
    layers = fabric.layers()
    if options.per_kind:
        layers, truth = plant_defects(fabric, seed=options.seed, per_kind=options.per_kind)
        table = truth.assign(
            features=truth["features"].map(lambda each: " ".join(map(str, each))),
            also=truth["also"].map(" ".join),
            easting_ft=truth.geometry.x,
            northing_ft=truth.geometry.y,
        )
        write_geopackage(options.out, layers, overwrite=options.overwrite)
        table.drop(columns="geometry").to_csv(options.out.with_suffix(".truth.csv"), index=False)
    else:
        write_geopackage(options.out, layers, overwrite=options.overwrite)
    print(f"{options.out}: {', '.join(f'{len(frame):,} {name}' for name, frame in layers.items())}")


if __name__ == "__main__":
    main()
