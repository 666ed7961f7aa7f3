"""Accuracy at 95 %: what is stated, what an RMSE becomes, and what a method is good for."""

import math

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from citygis.city import default_city, open_city
from citygis.errors import SettingsError
from citygis.quality.accuracy import UNKNOWN, accuracy_classes, accuracy_ft, combined_accuracy_ft
from citygis.schema import schema


def frame(**columns):
    return pd.DataFrame(columns)


def held_by(**figures):
    return default_city().model_copy(update={"accuracy": figures})


def test_a_stated_figure_goes_before_the_class_of_the_method():
    told = frame(method=["COGO", "COUNTY"], accuracy_basis=["STATED", "TESTED"], h_accuracy_ft=[0.25, 1.5])
    assert accuracy_ft(told).tolist() == [0.25, 1.5]


@pytest.mark.parametrize("stated", [None, math.nan, 0.0, math.inf])
def test_what_states_nothing_usable_has_the_class_of_its_method(stated):
    told = frame(method=["DIGITIZED"], accuracy_basis=["UNKNOWN"], h_accuracy_ft=pd.Series([stated], dtype="Float64"))
    # 1/30 in at 1 in = 100 ft is 3.33 ft at 90 %; 95 % of a circular normal distribution is 2.4477 / 2.1460 times as wide.
    assert accuracy_ft(told)[0] == pytest.approx(100 / 30 * 2.4477 / 2.1460, abs=0.005)


def test_the_rms_of_a_receiver_becomes_95_percent_by_the_nssda():
    told = frame(method=["GNSS_RTK"] * 3, accuracy_basis=["STATED", "TESTED", "COMPILED"], h_accuracy_ft=[0.05] * 3)
    # 95 % of a circular normal distribution lie within sqrt(-2 ln 0.05) = 2.4477 sigma, and its radial RMSE is sqrt(2) sigma.
    factor = math.sqrt(-2 * math.log(0.05)) / math.sqrt(2)
    assert accuracy_ft(told) == pytest.approx([0.05 * factor, 0.05 * factor, 0.05], rel=1e-4)


def test_a_surveyors_figure_is_not_stretched():
    assert accuracy_ft(frame(method=["COGO"], accuracy_basis=["STATED"], h_accuracy_ft=[0.05]))[0] == 0.05


def test_a_layer_that_says_nothing_has_the_class_of_the_unknown():
    assert accuracy_ft(frame(pid=[1, 2])).tolist() == [accuracy_classes()[UNKNOWN].accuracy_ft] * 2
    unheard_of = frame(method=["BY_EYE", None])
    assert accuracy_ft(unheard_of).tolist() == [accuracy_classes()[UNKNOWN].accuracy_ft] * 2


def test_an_empty_layer_has_no_accuracies():
    assert accuracy_ft(frame(method=[], h_accuracy_ft=[])).shape == (0,)


def test_every_method_of_the_schema_has_a_class_with_its_source():
    methods = next(field for field in schema().layer("parcel").fields if field.name == "method").domain
    classes = accuracy_classes()
    assert set(methods) <= set(classes)
    assert all(each.reference for each in classes.values())


def test_a_city_changes_a_class():
    told = frame(method=["COUNTY", "COGO"])
    assert accuracy_ft(told, held_by(COUNTY=1.2)).tolist() == [1.2, accuracy_classes()["COGO"].accuracy_ft]


def test_a_misspelt_method_of_a_city_is_refused_with_what_was_meant():
    with pytest.raises(SettingsError, match="did you mean `COUNTY`"):
        accuracy_ft(frame(method=["COGO"]), held_by(COUNTRY=1.2))


def test_a_city_says_its_figures_and_where_its_register_lies_in_its_own_file(tmp_path):
    text = (ROOT / "sample_data" / "city" / "city.toml").read_text()
    (tmp_path / "city.toml").write_text(f"{text}\n[accuracy]\nCOUNTY = 2.5\n")
    city = open_city(tmp_path)
    assert accuracy_ft(frame(method=["COUNTY"]), city).tolist() == [2.5]
    assert "city.toml" in accuracy_classes(city)["COUNTY"].reference
    assert city.exceptions_path == tmp_path / "exceptions.toml" and default_city().exceptions_path is None


@pytest.mark.parametrize("figure", ["0", "-1", '"good"'])
def test_an_accuracy_that_is_no_length_is_refused(tmp_path, figure):
    text = (ROOT / "sample_data" / "city" / "city.toml").read_text()
    (tmp_path / "city.toml").write_text(f"{text}\n[accuracy]\nCOUNTY = {figure}\n")
    with pytest.raises(SettingsError, match=r"accuracy\.COUNTY"):
        open_city(tmp_path)


def test_accuracies_combine_as_the_root_of_the_sum_of_squares():
    assert combined_accuracy_ft([0.3, 0.0], 0.4) == pytest.approx([0.5, 0.4])


def test_the_order_of_rows_does_not_matter():
    told = frame(method=["COGO", "COUNTY", "GNSS_RTK"], accuracy_basis=["STATED"] * 3, h_accuracy_ft=[None, 2.0, 0.03])
    turned = told.iloc[::-1].set_axis([7, 7, 7])
    assert np.array_equal(accuracy_ft(turned), accuracy_ft(told)[::-1])
