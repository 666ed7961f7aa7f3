"""Questions that are asked at the desk: kept, bounded, and never told with a traceback."""

import os
import signal
import time

import pytest
from store_city import AT, LATER, load, make_city, parcels

from citygis.analysis import Answer, questions
from citygis.desk import answers, workers
from citygis.desk.answers import Answers
from citygis.desk.holdings import OWNERS, Keeper
from citygis.desk.workers import COPIES
from citygis.errors import AnalysisError

NOTICE = questions()["notice"]


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
    answer = asked.outcome(30)
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


def slow(*layers, **given):
    time.sleep(60)


def killed(*layers, **given):
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_fails_is_told_in_a_sentence(kept, held):
    said = kept.ask(NOTICE._replace(answer=broken, name="broken"), {"subject": ["1"]}, held).outcome(30)
    assert said.startswith("The question could not be worked out") and "secret" not in said


@pytest.mark.skipif(not COPIES, reason="threads cannot be ended")
def test_a_question_that_takes_too_long_is_ended_and_its_worker_is_free_again(city, held, monkeypatch):
    monkeypatch.setattr(answers, "LIMIT_S", 0.3)
    monkeypatch.setattr(answers, "WORKERS", 1)
    kept = Answers(city, "public")
    began = time.monotonic()
    said = kept.ask(NOTICE._replace(answer=slow, name="slow"), {"subject": ["1"]}, held).outcome(30)
    assert said.startswith("Given up after 0.3 seconds")
    monkeypatch.setattr(kept._workers, "limit_s", 60)
    assert isinstance(kept.ask(NOTICE, {"subject": ["10000003"]}, held).outcome(30), Answer)
    assert time.monotonic() - began < 30
    kept.close()


@pytest.mark.skipif(not COPIES, reason="a thread has no process of its own")
def test_a_worker_that_dies_is_told_and_another_takes_its_place(kept, held):
    said = kept.ask(NOTICE._replace(answer=killed, name="killed"), {"subject": ["1"]}, held).outcome(30)
    assert "ended, perhaps for want of memory" in said
    assert isinstance(kept.ask(NOTICE, {"subject": ["10000003"]}, held).outcome(30), Answer)


def test_where_processes_cannot_be_copied_threads_answer(kept, held, monkeypatch):
    monkeypatch.setattr(workers, "COPIES", False)
    asked = kept.ask(NOTICE, {"subject": ["10000003"]}, held)
    assert isinstance(asked.outcome(30), Answer) and kept.package(asked)[:2] == b"PK"


@pytest.mark.skipif(not COPIES, reason="a thread has no process of its own")
def test_a_closed_desk_leaves_no_process(city, held):
    kept = Answers(city, "public")
    kept.prepare(held)
    kept.ask(NOTICE._replace(answer=slow, name="slow"), {"subject": ["1"]}, held).outcome(0.2)
    there = [worker._process for worker in kept._workers._all]
    kept.close()
    assert len(there) == 2 and not any(process.is_alive() for process in there)


def test_no_more_wait_than_may(kept, held, monkeypatch):
    monkeypatch.setattr(answers, "WAITING", 1)
    asked = NOTICE._replace(answer=slow, name="slow")
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
