"""Questions that are asked at the desk: kept, bounded, and never told with a traceback."""

import os
import pickle
import threading

import pandas as pd
import pytest
from store_city import AT, LATER, load, make_city, parcels

from citygis.analysis import Answer, questions
from citygis.desk import answers, workers
from citygis.desk.answers import Answers
from citygis.desk.holdings import OWNERS, Keeper
from citygis.errors import AnalysisError

NOTICE = questions()["notice"]
PATIENT_S = 600
"""Longer than anything takes on the busiest machine."""


@pytest.fixture
def city(tmp_path):
    made = make_city(tmp_path / "city")
    load(made, {"parcel": parcels(20)}, at=AT)
    return made


@pytest.fixture
def held(city):
    return Keeper(city, owners=False).current()


@pytest.fixture
def kept(city):
    made = Answers(city, "public")
    yield made
    made.close()


def test_an_answer_is_worked_out_from_what_is_held(kept, held):
    asked = kept.ask(NOTICE, {"subject": ["10000003"], "distance_ft": "50"}, held)
    answer = asked.outcome(PATIENT_S)
    assert isinstance(answer, Answer) and answer.table["apn"].tolist() == ["10000003", "10000002", "10000004"]
    assert kept.get(asked.id) is asked and kept.get("other") is None
    assert kept.package(asked)[:2] == b"PK"


def test_a_rule_of_the_city_makes_another_answer(kept, held, city):
    given = {"subject": ["10000003"]}
    one = kept.ask(NOTICE, given, held)
    assert kept.ask(NOTICE, given, held) is one
    (city.folder / "rules").mkdir()
    (city.folder / "rules" / "notice.toml").write_text('[[rules]]\nkey = "radius_ft"\nvalue = 100\n', encoding="utf-8")
    assert kept.ask(NOTICE, given, held) is not one


def broken(*layers, **given):
    raise RuntimeError("/secret/path/of/a/file")


def endless(*layers, **given):
    threading.Event().wait()


def killed(*layers, **given):
    os._exit(1)


def asked_of(answer):
    """A question that is no question of citygis."""
    return NOTICE._replace(answer=answer, name=answer.__name__)


def is_answered(kept, held):
    """Whether a worker is free and does its work."""
    answer = kept.ask(NOTICE, {"subject": ["10000003"], "distance_ft": "50"}, held).outcome(PATIENT_S)
    return isinstance(answer, Answer) and answer.table["apn"].tolist() == ["10000003", "10000002", "10000004"]


def test_what_fails_is_told_in_a_sentence(kept, held):
    said = kept.ask(asked_of(broken), {"subject": ["1"]}, held).outcome(PATIENT_S)
    assert said.startswith("The question could not be worked out") and "secret" not in said


@pytest.fixture(params=["copied", "sent"])
def way(request, monkeypatch):
    """A worker as a copy of this process, where that can be done, and as one that the layers are sent to, as on every system."""
    if request.param == "copied" and not workers.COPIES:
        pytest.skip("no process is copied on this system")
    monkeypatch.setattr(workers, "COPIES", request.param == "copied")


def test_a_worker_is_ended_with_what_takes_too_long_and_another_takes_its_place(way, city, held, monkeypatch):
    monkeypatch.setattr(answers, "WORKERS", 1)
    kept = Answers(city, "public")
    try:
        kept.prepare(held)
        assert is_answered(kept, held)
        first = processes(kept)
        monkeypatch.setattr(kept._workers, "limit_s", 0.3)
        said = kept.ask(asked_of(endless), {"subject": ["1"]}, held).outcome(PATIENT_S)
        assert said.startswith("Given up after 0.3 seconds")
        assert len(first) == 1 and not first[0].is_alive()
        monkeypatch.setattr(kept._workers, "limit_s", PATIENT_S)
        asked = kept.ask(NOTICE, {"subject": ["10000004"]}, held)
        assert isinstance(asked.outcome(PATIENT_S), Answer) and kept.package(asked)[:2] == b"PK"
        second = processes(kept)
        assert len(second) == 1 and second[0].pid != first[0].pid
        said = kept.ask(asked_of(killed), {"subject": ["1"]}, held).outcome(PATIENT_S)
        assert "ended, perhaps for want of memory" in said
        assert isinstance(kept.ask(NOTICE, {"subject": ["10000005"]}, held).outcome(PATIENT_S), Answer)
    finally:
        kept.close()


def test_a_closed_desk_leaves_no_process(way, city, held):
    kept = Answers(city, "public")
    kept.prepare(held)
    asked = kept.ask(asked_of(endless), {"subject": ["1"]}, held)
    there = processes(kept)
    kept.close()
    assert len(there) == 2 and not any(process.is_alive() for process in there)
    assert isinstance(asked.outcome(PATIENT_S), str)


def processes(kept):
    """The workers' processes."""
    return [worker._process for worker in kept._workers._all]


def test_layers_that_are_sent_are_those_that_were_held(held):
    sent = pickle.loads(pickle.dumps(held))
    assert sent.change == held.change and sent.layers.keys() == held.layers.keys()
    for name, frame in held.layers.items():
        pd.testing.assert_frame_equal(frame, sent.layers[name])
    assert sent.layers["parcel"].crs == held.layers["parcel"].crs
    assert sent.apn.tolist() == held.apn.tolist() and sent.shown.tolist() == held.shown.tolist()
    assert sent.parcel_at(6_300_310, 2_100_010) == held.parcel_at(6_300_310, 2_100_010) == 3


def test_no_more_wait_than_may(kept, held, monkeypatch):
    monkeypatch.setattr(answers, "WAITING", 1)
    asked = asked_of(endless)
    assert kept.ask(asked, {"subject": ["1"]}, held).outcome(0.01) is None
    with pytest.raises(AnalysisError, match="Too many questions wait"):
        kept.ask(asked, {"subject": ["2"]}, held)


def test_only_two_states_of_the_store_are_kept(kept, city):
    keeper = Keeper(city, owners=False)
    asked = [kept.ask(NOTICE, {"subject": ["10000003"]}, keeper.current())]
    for count in (21, 22):
        load(city, {"parcel": parcels(count)}, at=LATER)
        keeper._looked = 0.0
        asked.append(kept.ask(NOTICE, {"subject": ["10000003"]}, keeper.current()))
    assert [one.held.change for one in asked] == [1, 2, 3]
    assert [kept.get(one.id) is not None for one in asked] == [False, True, True]


def test_the_roll_is_read_for_staff_alone(city):
    assert OWNERS not in Keeper(city, owners=False).current().layers
    assert OWNERS in Keeper(city, owners=True).current().layers
