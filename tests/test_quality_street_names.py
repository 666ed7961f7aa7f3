"""Street names as addresses and centrelines write them."""

import pandas as pd
import pytest

from citygis.quality.street_names import street_names


def names(**columns):
    return street_names(pd.DataFrame({name: [value] for name, value in columns.items()}))


@pytest.mark.parametrize(
    "columns",
    [
        {"St_PreDir": "N", "St_Name": "Main", "St_PosTyp": "ST"},
        {"St_PreDir": "North", "St_Name": "MAIN", "St_PosTyp": "Street"},
        {"St_PreDir": " n. ", "St_Name": "main", "St_PosTyp": "st."},
        {"St_Name": "N  Main St"},
    ],
)
def test_one_street_is_one_name_however_it_is_written(columns):
    assert names(**columns).full.tolist() == ["NORTH MAIN STREET"]


def test_the_base_is_the_name_without_direction_and_type():
    found = names(St_PreDir="N", St_Name="Main", St_PosTyp="St")
    assert found.base.tolist() == ["MAIN"] and found.said.tolist() == ["N Main St"]


@pytest.mark.parametrize(
    "other", [{"St_PosTyp": "Avenue"}, {"St_PreDir": "South"}, {"St_PreDir": None}, {"St_PosDir": "W"}, {"St_Name": "Maine"}]
)
def test_what_differs_on_the_ground_differs_here(other):
    main = {"St_PreDir": "N", "St_Name": "Main", "St_PosTyp": "St"}
    assert names(**main).full.tolist() != names(**{**main, **other}).full.tolist()


def test_without_a_name_there_is_no_street():
    found = street_names(pd.DataFrame({"St_PreDir": ["N", "N"], "St_Name": [None, " "], "St_PosTyp": ["St", "St"]}))
    assert found.full.tolist() == found.base.tolist() == found.said.tolist() == ["", ""]
    assert street_names(pd.DataFrame(index=range(2))).full.tolist() == ["", ""]
