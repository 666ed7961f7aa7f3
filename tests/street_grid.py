"""A small street grid with addresses, sound in every rule, which the tests of streets break one thing at a time."""

import geopandas as gpd
import pandas as pd
import shapely
from quality_layers import COMMON, EAST, FEET, NORTH

from citygis.city import default_city
from citygis.findings import findings_frame
from citygis.quality.addresses import address_findings
from citygis.quality.network import network_findings
from citygis.quality.subject import subject
from citygis.schema import feature_ids

BLOCK_FT = 400.0
STREETS = ("Alder", "Birch", "Cedar")  # run east, numbered from the west; 400 ft apart
CROSSINGS = ("First", "Second", "Third", "Fourth")  # run north, without addresses


def grid() -> dict[str, gpd.GeoDataFrame]:
    """
    Three streets of three blocks, with four crossing them: 9 addressed lines and 8 others, 8 addresses in each block (odd to the
    left, even to the right, 70 ft from the line) on lots of 100 by 140 ft.
    """
    rows, points, lots = [], [], []
    for j, name in enumerate(STREETS):
        for i in range(3):
            start, end = (EAST + BLOCK_FT * i, NORTH + BLOCK_FT * j), (EAST + BLOCK_FT * (i + 1), NORTH + BLOCK_FT * j)
            hundred = 100 * (i + 1)
            ranges = {"FromAddr_L": hundred + 1, "ToAddr_L": hundred + 99, "FromAddr_R": hundred, "ToAddr_R": hundred + 98}
            rows.append((f"{name} {i + 1}", name, ranges, "O", "E", shapely.LineString([start, end])))
            for k in range(4):
                for side, up in ((1, 1), (0, -1)):
                    number = hundred + 12 + 25 * k // 2 * 2 + side
                    e, n = start[0] + 50 + 100 * k, start[1] + up * 70
                    apn = f"{j + 1}{i + 1}{k + 1}{side:05d}"
                    points.append((number, name, apn, shapely.Point(e, n)))
                    lots.append((apn, shapely.box(e - 50, n - 70, e + 50, n + 70)))
    none = dict.fromkeys(("FromAddr_L", "ToAddr_L", "FromAddr_R", "ToAddr_R"), 0)
    for i, name in enumerate(CROSSINGS):
        for j in range(2):
            line = shapely.LineString([(EAST + BLOCK_FT * i, NORTH + BLOCK_FT * (j + d)) for d in (0, 1)])
            rows.append((f"{name} {j + 1}", name, none, "Z", "Z", line))
    lines = gpd.GeoDataFrame(
        {
            "NGUID": [f"urn:emergency:uid:gis:RCL:{k}:riverbend.example" for k in range(len(rows))],
            "St_Name": [row[1] for row in rows],
            "St_PosTyp": "Street",
            **{column: [row[2][column] for row in rows] for column in none},
            "Parity_L": [row[3] for row in rows],
            "Parity_R": [row[4] for row in rows],
            "label": [row[0] for row in rows],
        },
        geometry=gpd.GeoSeries([row[5] for row in rows], crs=FEET),
    ).assign(**COMMON)
    places = gpd.GeoDataFrame(
        {
            "NGUID": [f"urn:emergency:uid:gis:SSAP:{k}:riverbend.example" for k in range(len(points))],
            "Add_Number": [row[0] for row in points],
            "St_Name": [row[1] for row in points],
            "St_PosTyp": "Street",
            "Post_Comm": "Riverbend",
            "apn": [row[2] for row in points],
        },
        geometry=gpd.GeoSeries([row[3] for row in points], crs=FEET),
    ).assign(**COMMON)
    parcels = gpd.GeoDataFrame({"apn": [row[0] for row in lots]}, geometry=gpd.GeoSeries([row[1] for row in lots], crs=FEET))
    parcels["global_id"] = feature_ids("parcel", parcels["apn"])
    return {"street_centerline": lines, "address_point": places, "parcel": parcels.assign(**COMMON)}


def row_of(layers: dict[str, gpd.GeoDataFrame], label: str) -> int:
    """Where a centreline stands: ``Birch 2`` is the second block of Birch Street."""
    lines = layers["street_centerline"]
    return int(lines.index[lines["label"] == label][0])


def address_of(layers: dict[str, gpd.GeoDataFrame], number: int, name: str) -> int:
    """Where an address stands."""
    points = layers["address_point"]
    return int(points.index[(points["Add_Number"] == number) & (points["St_Name"] == name)][0])


def found(layers: dict[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """What the rules of addresses, ranges and the network find."""
    city = default_city()
    subjects = {name: subject(name, frame, city.schema.layers[name], city=city) for name, frame in layers.items()}
    rows = [rows for each in (address_findings, network_findings) for rows in each(subjects, city) if len(rows)]
    return findings_frame(pd.concat(rows, ignore_index=True) if rows else None, crs=FEET)


def codes(layers: dict[str, gpd.GeoDataFrame]) -> list[tuple[str, str, str]]:
    """Code, rule and the label or the address of each finding."""
    labels = layers["street_centerline"].set_index("NGUID")["label"]
    points = layers["address_point"].set_index("NGUID")
    said = points["Add_Number"].astype(str) + " " + points["St_Name"].astype(str)
    names = pd.concat([labels, said])
    return [(row.code, row.rule, names.get(row.feature, row.feature)) for row in found(layers).itertuples()]
