"""
A small made-up city for the tests of sheets: blocks along bent streets, a cul-de-sac, easements, monuments, a canal, a park.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

CRS = "EPSG:6420"
EASTING, NORTHING = 6_330_000.0, 2_090_000.0
LOT, DEPTH, STREET, LOTS = 62.0, 108.0, 60.0, 11
NAMES = ["Almond", "Bluegill", "Cottonwood", "Dos Rios", "Egret", "Foxtail", "Goldfinch", "Heron", "Ironwood", "Juniper"]


def bent(geometries):
    """Straight blocks bent into a gentle curve, and moved to the City."""

    def move(points):
        e, n = points[:, 0], points[:, 1]
        return np.column_stack([e + 28 * np.sin(n / 620) + EASTING, n + 46 * np.sin(e / 900) + NORTHING])

    return shapely.transform(shapely.segmentize(geometries, 20.0), move)


def city_layers(across: int = 2, down: int = 5, *, cul_de_sac: bool = True) -> dict[str, gpd.GeoDataFrame]:
    """Layers of a city of `across` x `down` blocks of 22 lots each."""
    wide, high = LOTS * LOT, 2 * DEPTH
    parcels, rights, easements, corners, centerlines, tracts = [], [], [], [], [], []
    for i in range(across):
        for j in range(down):
            west, south = i * (wide + STREET), j * (high + STREET)
            block = shapely.box(west, south, west + wide, south + high).buffer(-20).buffer(20, quad_segs=4)
            if cul_de_sac and (i, j) == (across - 1, down - 1):
                lots, street = _cul_de_sac(block)
                rights.append((street, "ACCEPTED", "Heron Court"))
                centerlines.append(
                    (shapely.LineString([(west + wide / 2, south - 30), (west + wide / 2, south + 130)]), "Heron", "Court")
                )
            else:
                lots = [
                    shapely.intersection(
                        shapely.box(west + k * LOT, south + r * DEPTH, west + (k + 1) * LOT, south + (r + 1) * DEPTH), block
                    )
                    for r in range(2)
                    for k in range(LOTS)
                ]
                strip = shapely.box(west, south + DEPTH - 5, west + wide, south + DEPTH + 5)
                easements.append((strip, "PUE", 10.0))
            parcels += [(lot, i * down + j, number) for number, lot in enumerate(lots, start=1)]
            corners += [(shapely.Point(west - 30, south - 30), "FOUND"), (shapely.Point(west, south + DEPTH), "SET")]
            if j % 2 == 0:
                tracts.append(
                    shapely.box(
                        west - 30,
                        south - 30,
                        west + wide + 30,
                        south + 2 * (high + STREET) - 30 if j + 1 < down else south + high + 30,
                    )
                )
    outer = shapely.box(-STREET, -STREET, across * (wide + STREET), down * (high + STREET))
    streets = shapely.difference(
        outer,
        shapely.union_all(
            [
                shapely.box(i * (wide + STREET), j * (high + STREET), i * (wide + STREET) + wide, j * (high + STREET) + high)
                .buffer(-20)
                .buffer(20, quad_segs=4)
                for i in range(across)
                for j in range(down)
            ]
        ),
    )
    rights.append((streets, "ACCEPTED", "streets"))
    rights.append((shapely.box(-STREET, -160, across * (wide + STREET), -STREET), "CANAL", "Canal"))
    for j in range(down + 1):
        n = j * (high + STREET) - STREET / 2
        centerlines.append((shapely.LineString([(-STREET, n), (across * (wide + STREET), n)]), NAMES[j % 10], "Street"))
    for i in range(across + 1):
        e = i * (wide + STREET) - STREET / 2
        centerlines.append((shapely.LineString([(e, -STREET), (e, down * (high + STREET))]), NAMES[(i + 6) % 10], "Avenue"))
    park = shapely.box(-420, 0, -STREET, down * (high + STREET) * 0.6)

    def layer(shapes, **columns):
        columns["status"] = "ACTIVE"
        return gpd.GeoDataFrame(
            pd.DataFrame(columns, index=range(len(shapes))), geometry=bent(np.array(shapes, dtype=object)), crs=CRS
        )

    display = [f"{191 + block // 20:03d}-{block % 20 * 10 + 10:03d}-{lot:02d}" for _, block, lot in parcels]
    kinds = [
        "REMAINDER" if lot == 22 and block % 3 == 0 else "GOVT" if lot == 5 and block == 1 else "FEE" for _, block, lot in parcels
    ]
    return {
        "parcel": layer(
            [p[0] for p in parcels],
            apn=[text.replace("-", "") for text in display],
            apn_display=display,
            parcel_kind=kinds,
            lot=[str(lot) for *_, lot in parcels],
        ),
        "right_of_way": layer(
            [r[0] for r in rights],
            row_id=[f"R{i}" for i in range(len(rights))],
            row_kind=[r[1] for r in rights],
            street_name=[r[2] for r in rights],
        ),
        "easement": layer(
            [e[0] for e in easements],
            easement_id=[f"E{i}" for i in range(len(easements))],
            purpose=[e[1] for e in easements],
            width_ft=[e[2] for e in easements],
        ),
        "street_centerline": layer(
            [c[0] for c in centerlines],
            St_PreDir=pd.array([None] * len(centerlines), dtype="str"),
            St_Name=[c[1] for c in centerlines],
            St_PosTyp=[c[2] for c in centerlines],
            St_PosDir=pd.array([None] * len(centerlines), dtype="str"),
        ),
        "tract": layer(
            tracts, tract_no=[str(4011 + i) for i in range(len(tracts))], tract_name=["Riverbend Estates"] * len(tracts)
        ),
        "corner": layer([c[0] for c in corners], corner_id=[f"M{i}" for i in range(len(corners))], kind=[c[1] for c in corners]),
        "park": layer([park], park_id=["P1"], name=["Egret Park"]),
    }


def _cul_de_sac(block):
    """A block with a dead-end street into its middle: its lots, and the street."""
    west, south, east, north = block.bounds
    middle, head = (west + east) / 2, (south + 120.0)
    bulb = shapely.union(shapely.Point(middle, head).buffer(50, quad_segs=16), shapely.box(middle - 25, south, middle + 25, head))
    rest = shapely.difference(block, bulb)
    cuts = [shapely.LineString([(e, south - 1), (e, north + 1)]) for e in np.arange(west + LOT, middle - 120, LOT)]
    cuts += [shapely.LineString([(e, south - 1), (e, north + 1)]) for e in np.arange(east - LOT, middle + 120, -LOT)]
    cuts += [
        shapely.LineString([(middle, head), (middle + 600 * np.sin(a), head + 600 * np.cos(a))])
        for a in np.radians([-95, -50, -5, 40, 90])
    ]
    edges = [cuts[-1], cuts[-2], cuts[-3], cuts[-4], cuts[-5]]
    inner_west, inner_east = (
        max(c.bounds[0] for c in cuts[:-5] if c.bounds[0] < middle),
        min(c.bounds[0] for c in cuts[:-5] if c.bounds[0] > middle),
    )
    inner = shapely.box(inner_west, south - 1, inner_east, north + 1)
    cuts = cuts[:-5] + [shapely.intersection(edge, inner) for edge in edges]
    lines = shapely.union_all([rest.boundary, *cuts])
    lots = [lot for lot in shapely.get_parts(shapely.polygonize([*shapely.get_parts(lines)])) if rest.buffer(0.5).contains(lot)]
    return lots, shapely.intersection(bulb, block)
