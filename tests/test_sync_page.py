"""The page of a plan: everything it would do, where it lies, and nothing that runs."""

import re
from html.parser import HTMLParser

import pytest
import shapely
from sync_frames import changed, definition, key, lots

from citygis.city import default_city
from citygis.sync.codes import refused, stopped
from citygis.sync.model import Plan
from citygis.sync.page import KINDS, plan_page
from citygis.sync.planning import plan

CITY = default_city()


class Page(HTMLParser):
    """Tags and text of a page; complains of tags that do not close."""

    VOID = {"meta", "path", "rect", "circle", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def sample(wkid=2227):
    base = lots(300, wkid=wkid)
    there = changed(changed(base, 40, USE="MFR"), 141, USE="COM")
    here = changed(changed(lots(303, wkid=wkid), 120, USE="PUD", YEAR=2001), 141, USE="OFF")
    east = 9 * base.geometry.iloc[0].length / 200
    here = changed(here, 200, geometry=shapely.transform(here.geometry.iloc[200], lambda xy: xy + [east, 0])).drop(index=77)
    kept_back = [refused(key(15), "Y09", None, "The geometry is not valid: Self-intersection[1 2].")]
    url = "https://example.com/FeatureServer/0"
    made = plan(here, there, base, definition=definition(wkid=wkid), layer="parcel", url=url, refusals=kept_back)
    return made, here, there


@pytest.mark.parametrize("wkid", [2227, 4326])
def test_each_row_of_the_plan_is_on_the_page_and_on_the_map(wkid):
    made, here, there = sample(wkid)
    page = Page(plan_page(made, local=here, remote=there, city=CITY))
    text = "".join(page.texts)
    for part in (made.adds, made.updates, made.deletes, made.conflicts, made.refusals):
        assert part and all(each.global_id in text for each in part)
    drawn = [
        attrs.get("class", "").split()[0] for tag, attrs in page.tags if tag == "path" and attrs.get("class", "").startswith("c-")
    ]
    assert {name: drawn.count(f"c-{name}") for name in KINDS} == {"add": 3, "update": 2, "delete": 1, "conflict": 2, "refusal": 1}


def test_what_stops_a_plan_stands_first():
    made = Plan(stops=(stopped("Y16", "The City's layer has no features, and the remote one has 5."),), counts={"local": 0})
    text = "".join(Page(plan_page(made, city=CITY)).texts)
    assert "Must not be applied as it stands" in text and "Y16" in text


def test_an_empty_plan_has_nothing_to_send_and_no_map():
    page = Page(plan_page(Plan(), city=CITY))
    assert "Nothing to send" in "".join(page.texts) and "svg" not in {tag for tag, _ in page.tags}


def test_a_plan_without_frames_shows_what_is_added_and_moved():
    made, _, _ = sample()
    drawn = re.findall(r'<path class="c-(\w+)"', plan_page(made, city=CITY))
    assert sorted(drawn) == ["add", "add", "add", "update"]


def test_text_from_the_data_is_escaped_and_nothing_is_fetched_or_run():
    evil = "</style><script>alert(1)</script>\"'<img src=x onerror=alert(1)>"
    base = lots(2, APN=[evil, "b"])
    made = plan(changed(base, 0, USE=evil), base, base, definition=definition(), layer=evil, url="https://example.com/" + evil)
    page = Page(plan_page(made, local=base, remote=base, city=CITY))
    assert {"script", "img", "link", "iframe"}.isdisjoint(tag for tag, _ in page.tags)
    assert not any(name.startswith("on") or name in ("src", "href") for _, attrs in page.tags for name in attrs)


def test_a_page_of_a_large_plan_stays_small_and_says_what_it_leaves_out():
    made = plan(lots(2_500), lots(0), lots(0), definition=definition())
    text = plan_page(made, city=CITY)
    assert len(text) < 2_000_000 and "1,500 more are in the plan file." in text
