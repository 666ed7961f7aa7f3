"""The sample day against real files of its kind."""

import csv

from citygis.samples import sample_folder
from citygis.samples.gps_day import EMLID_CSV


def test_the_export_has_the_columns_of_a_real_one(real_data):
    paths = (sample_folder() / "gps_day" / EMLID_CSV, real_data / "gps" / "points" / "emlid_flow360_peoria_excerpt.csv")
    headers = []
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            headers.append(next(csv.reader(file)))
    assert headers[0] == headers[1]
