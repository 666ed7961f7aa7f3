"""The desk in headless Chromium: what a clerk and an engineer do, by mouse and by keys alone."""

import time
import zipfile

import pytest
from browser import Browser
from desk_city import OWNER, desk_city, open_desk

READY = "document.querySelector('.mapbox').dataset.ready"
PARCELS = "document.querySelector('[data-parcels]').value"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with open_desk(desk_city(tmp_path_factory.mktemp("desk") / "city")) as client:
        yield client


@pytest.fixture(scope="module")
def chromium(tmp_path_factory, require_program):
    opened = Browser(require_program("chromium"), tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


@pytest.fixture
def page(chromium, desk):
    """The form of the notice."""
    chromium.look(1240, 900)
    chromium.visit(f"{desk.url}/ask/notice")
    chromium.wait(READY)
    yield chromium
    assert chromium.complaints() == []
    assert all(each.startswith((f"{desk.url}/", "data:", "about:")) for each in chromium.requests())
    assert chromium.run("window.harmed") is None
    assert OWNER not in chromium.run("document.documentElement.outerHTML")


def press_on(page, script):
    """Push what `script` finds, and wait for the page that it opens."""
    page.said.clear()
    page.run(f"({script}).click()")
    page.loaded()


def find(page, text):
    """Type into the search and wait for what is found."""
    page.run("document.getElementById('find').focus()")
    page.type(text)
    page.wait("document.querySelectorAll('#found [role=option]').length")


def answered(page):
    """Whether the answer to the notice of 100-000-03 is seen, on the map too."""
    page.wait("document.querySelector('.mapbox') && document.querySelector('.mapbox').dataset.drawn === '4'")
    assert page.run("document.querySelector('h1').textContent") == "Notice list, 50 ft around 100-000-03"
    assert page.run("document.querySelectorAll('.split tbody tr').length") == 3
    legend = page.run("[...document.querySelectorAll('.legend li')].map((x) => x.textContent)")
    assert legend == ["Parcel that gets notice", "Subject property", "50 ft from the subject"]


def test_a_notice_by_parcel_number_is_seen_on_the_map_and_its_package_downloaded(page):
    find(page, "100-000-03")
    page.run("""document.querySelector('#found [role=option]').dispatchEvent(
      new MouseEvent('mousedown', { bubbles: true, cancelable: true }))""")
    assert page.run(PARCELS) == "100-000-03"
    page.run("document.getElementById('f-distance_ft').value = '50'")
    press_on(page, "document.querySelector('#ask button.main')")
    answered(page)
    # Something of the colour of the notified lots is drawn.
    seen = """(() => { const c = document.querySelector('canvas.map');
      const copy = new OffscreenCanvas(c.width, c.height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(c, 0, 0);
      const d = copy.getImageData(0, 0, c.width, c.height).data;
      let n = 0;
      for (let k = 0; k < d.length; k += 4) if (d[k] > 240 && d[k + 2] < 230 && d[k + 2] < d[k] - 15) n++;
      return n; })()"""
    page.wait(f"{seen} > 2000")
    page.run("document.querySelector('a[download]').click()")
    end = time.monotonic() + 60
    while not (there := list(page.downloads.glob("*.zip"))):
        assert time.monotonic() < end
        time.sleep(0.05)
    with zipfile.ZipFile(there[0]) as file:
        assert file.testzip() is None and "notice/map.pdf" in file.namelist()


def test_a_parcel_is_found_by_its_address(page):
    find(page, "21 first street")
    assert page.run("document.querySelector('#found').textContent") == "100-000-2121 FIRST ST"
    assert page.run("document.getElementById('find-status').textContent") == "1 parcel found."
    page.press("Enter")
    page.wait(f"{PARCELS} === '100-000-21'")
    assert page.run("document.getElementById('find-status').textContent") == "Taken: parcel 100-000-21, 21 FIRST ST."


def test_a_click_on_the_map_takes_the_parcel_that_is_there(page):
    # The twelfth lot is 80 ft wide from 1,200 ft on: its middle is 1,240 east and 50 north of the first lot's corner.
    script = """(() => { const map = window.deskMaps[0];
      map.canvas.scrollIntoView({ block: 'center' });
      const r = map.canvas.getBoundingClientRect();
      const [x, y] = map.paper(6301240, 2100050); return [r.x + x, r.y + y]; })()"""
    page.click(*page.run(script))
    page.wait(f"{PARCELS} === '100-000-12'")
    page.click(*page.run(script.replace("2100050", "2100700")))
    page.wait("document.getElementById('find-status').textContent === 'No parcel lies there.'")


def test_the_whole_way_goes_by_keys_alone(page):
    page.run("document.body.focus()")
    page.press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    focused = "document.activeElement.id"
    for _ in range(30):
        if page.run(focused) == "find":
            break
        page.press("Tab")
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.type("100-000-0")
    page.wait("document.querySelectorAll('#found [role=option]').length === 10")
    for _ in range(4):
        page.press("ArrowDown")
    assert page.run("document.activeElement.getAttribute('aria-activedescendant')") == "found-3"
    page.press("Enter")
    page.wait(f"{PARCELS} === '100-000-03'")
    for _ in range(10):
        if page.run(focused) == "f-distance_ft":
            break
        page.press("Tab")
    page.type("50")
    page.said.clear()
    page.press("Enter")
    page.loaded()
    answered(page)
    for _ in range(30):
        if page.run("document.activeElement.tagName") == "CANVAS":
            break
        page.press("Tab")
    before = page.run("JSON.stringify(window.deskMaps[0].world(0, 0))")
    for key in ("+", "ArrowLeft", "-", "Home"):
        page.press(key)
        after = page.run("JSON.stringify(window.deskMaps[0].world(0, 0))")
        assert after != before
        before = after
    for _ in range(-30, 0):
        if page.run("document.activeElement.hasAttribute('download')"):
            break
        page.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", windowsVirtualKeyCode=9, modifiers=8)
    assert page.run("document.activeElement.textContent") == "Download the package"


def test_an_engineer_goes_from_findings_to_changes_to_a_plan(page):
    press_on(page, "[...document.querySelectorAll('nav a')].find((a) => a.textContent === 'Findings')")
    page.wait(READY)
    page.run("document.querySelector('.go').click()")
    assert page.run("document.querySelector('li.chosen').textContent.includes('They overlap.')") is True
    # The map goes to the middle of the third lot: 340 east, 50 north of the first lot's corner.
    script = "(() => { const m = window.deskMaps[0], c = m.canvas; return m.world(c.clientWidth / 2, c.clientHeight / 2); })()"
    assert page.run(script) == pytest.approx([6_300_340, 2_100_050], abs=0.01)
    press_on(page, "[...document.querySelectorAll('nav a')].find((a) => a.textContent === 'Changes')")
    press_on(page, "document.querySelector('tbody a')")
    page.wait("document.querySelector('.mapbox').dataset.drawn === '1'")
    assert page.run("document.querySelector('.findings').textContent.includes('3 FIRST ST → 3 SECOND ST')") is True
    press_on(page, "[...document.querySelectorAll('nav a')].find((a) => a.textContent === 'Plans')")
    press_on(page, "document.querySelector('main a')")
    assert page.run("[...document.querySelectorAll('.counts b')].map((x) => x.textContent).join()") == "1,1,0,1,1,0"


@pytest.mark.parametrize("path", ["/", "/ask/notice", "/findings", "/batches", "/batches/2", "/plans/0", "/jobs"])
def test_nothing_is_lost_at_360_pixels_or_twice_the_size(chromium, desk, path):
    chromium.look(360, 740)  # a window of 720 pixels at 200 %
    chromium.visit(desk.url + path)
    assert chromium.run("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_what_is_behind_them(chromium, desk, scheme):
    """WCAG 2.1, 1.4.3: 4.5 to 1 for text of this size; by its formula of relative luminance."""
    chromium.look(1240, 900, scheme=scheme)
    for path in ("/", "/ask/notice", "/findings", "/batches/2", "/plans/0"):
        chromium.visit(desk.url + path)
        chromium.wait("document.fonts.status === 'loaded'")
        worst = chromium.run("""(() => {
          const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
          const light = (c) => {
            const [r, g, b] = c.match(/[\\d.]+/g).map((v) => linear(v / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const behind = (e) => {
            for (; e; e = e.parentElement) {
              const c = getComputedStyle(e).backgroundColor;
              if (!/, 0\\)$/.test(c)) return c;
            }
            return 'rgb(255, 255, 255)';
          };
          const lettered = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
          let worst = [99, ''];
          for (const e of document.querySelectorAll('main *, header *, footer *')) {
            if (!lettered(e) || !e.getClientRects().length || e.disabled) continue;
            const a = light(getComputedStyle(e).color), b = light(behind(e));
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < worst[0]) worst = [ratio, `${e.tagName}.${e.className}: ${e.textContent.slice(0, 40)}`];
          }
          return worst; })()""")
        assert worst[0] >= 4.5, (path, worst)


def test_every_control_has_a_name(chromium, desk):
    for path in ("/ask/notice", "/ask/join", "/findings"):
        chromium.visit(desk.url + path)
        unnamed = """[...document.querySelectorAll('input:not([type=hidden]), select, textarea, button')].filter(
          (e) => !(e.labels && e.labels.length) && !e.textContent.trim() && !e.ariaLabel).map((e) => e.outerHTML)"""
        assert chromium.run(unnamed) == []
        assert chromium.run("document.querySelectorAll('h1').length") == 1


def test_without_script_a_parcel_is_found_and_a_question_answered(chromium, desk):
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.visit(f"{desk.url}/ask/notice?find=100-000-03")
        links = chromium.run("[...document.querySelectorAll('#found a')].map((a) => a.href)")
        assert links == [f"{desk.url}/ask/notice?apn=100-000-03"]
        chromium.visit(links[0])
        assert chromium.run(PARCELS) == "100-000-03"
        chromium.said.clear()
        chromium.run("document.querySelector('#ask button.main').click()")
        chromium.loaded()
        assert "around 100-000-03" in chromium.run("document.querySelector('h1').textContent")
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)
