"""The page in a real browser: on a telephone, in the dark, without scripts, by keyboard, on paper; skipped without."""

from __future__ import annotations

import dataclasses

import pytest

from anonymizer.audit.evidence import Evidence, Table, dumps
from anonymizer.records import Face
from tests.audit.report.browser import PROGRAM, Browser
from tests.audit.report.lake import Lake
from tests.pictures import photo

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no chromium (apt-get install chromium)")

#: The least contrast of any text with the nearest opaque colour behind it (WCAG 2.2, 1.4.3), and which text that is.
CONTRAST = """
(() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || node.closest("svg")) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, walker.currentNode.data];
  }
  return worst;
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """One page with everything on it: hostile and long names, alerts, evidence, a queue."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    lake.add({f"{'long-' * 30}.png": photo(1), "<script>alert(1)<\\script>.png": photo(2), "gone.png": photo(3)})
    lake.add({"kept.png": photo(4)}, status="retained", consent_status="granted")
    lake.add({"broken.png": b"\x89PNG\r\n\x1a\n rest"})
    lake.rows = [_doubted(row) for row in lake.rows]
    (lake.output / "gone.png").unlink()
    columns = ("method", *(f"a rather long heading {i}" for i in range(8)))
    tables = (Table("Wide", "", columns, (("smooth", *["0.123 [0.100, 0.150]"] * 8),)),)
    (lake.folder / "e.json").write_text(dumps(Evidence("privacy", ("Said.",), tables, {})))
    lake.commit(counts={"listed": 9, "unchanged": 0, "statuses": {"anonymized": 8}}, exit_status=5)
    lake.report(evidence=(str(lake.folder / "e.json"),))
    return lake.folder / "report.html"


def _doubted(row):
    faces = tuple(Face(f.frame, f.x, f.y, f.w, f.h, 0.2, row.status != "retained") for f in row.faces)
    return dataclasses.replace(row, faces=faces)


@pytest.fixture(autouse=True)
def fresh(browser):
    browser.media()
    browser.size(1280, 900)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_nothing_is_asked_for_and_nothing_complained_of(browser, page):
    browser.open(page)
    asked = [event["request"]["url"] for method, event in browser.events if method == "Network.requestWillBeSent"]
    assert page.as_uri() in asked
    assert [url for url in asked if url != page.as_uri() and not url.startswith("data:image/")] == []
    complaints = ("Log.entryAdded", "Audits.issueAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert [event for event in browser.events if event[0] in complaints] == []
    shown = "Array.from(document.images).every(image => image.naturalWidth > 0)"
    assert browser.value(f"document.images.length === 3 && {shown}")


def test_the_policy_forbids_what_is_not_the_page_s_own(browser, page, tmp_path):
    text = page.read_text("utf-8")
    planted = '<p id="planted">x</p><style>#planted{color:red}</style><script>window.ran = 1</script><img src="http://127.0.0.1:9/x">'
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text(text.replace("</main>", f"{planted}</main>"), "utf-8")
    browser.open(spoiled)
    assert browser.value("window.ran") is None
    assert browser.value("getComputedStyle(document.getElementById('planted')).color") != "rgb(255, 0, 0)"
    violations = [event for method, event in browser.events if method == "Audits.issueAdded"]
    assert len(violations) >= 3


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_only_tables_scroll_sideways(browser, page, width):
    browser.size(width, 844)
    browser.open(page)
    assert browser.value("document.documentElement.scrollWidth") == width
    beyond = """Array.from(document.querySelectorAll("main *")).filter(node =>
        !node.closest(".scroll") && !node.closest(".unseen") && node.getBoundingClientRect().right > innerWidth + 1
    ).map(node => node.outerHTML.slice(0, 80))"""
    assert browser.value(beyond) == []


def test_it_is_read_without_scripts(browser, page):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(page)
    root = browser.call("DOM.getDocument", depth=0)["root"]["nodeId"]
    heading = browser.call("DOM.querySelector", nodeId=root, selector="#review")["nodeId"]
    box = browser.call("DOM.getBoxModel", nodeId=heading)["model"]
    assert box["height"] > 10
    details = browser.call("DOM.querySelector", nodeId=root, selector="details > summary")["nodeId"]
    assert browser.call("DOM.getBoxModel", nodeId=details)["model"]["height"] > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_told_from_its_background(browser, page, scheme):
    browser.media(prefers_color_scheme=scheme)
    browser.open(page)
    browser.value("document.querySelectorAll('details').forEach(node => node.open = true)")
    ratio, text = browser.value(CONTRAST)
    assert ratio >= 4.5, text
    dark = browser.value("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_everything_is_reached_by_keyboard_and_shows_it(browser, page):
    browser.open(page)
    reached = []
    for _ in range(80):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(
            browser.value("""(() => { const node = document.activeElement, box = node.getBoundingClientRect();
            return [node.tagName, getComputedStyle(node).outlineStyle, box.top >= 0 && box.left >= 0,
                node.className] })()""")
        )
    assert reached[0] == ["A", "solid", True, "skip"]
    assert {"A", "DIV", "SUMMARY"} <= {tag for tag, *_ in reached}
    assert all(outline == "solid" for tag, outline, *_ in reached if tag != "BODY")


def test_paper_shows_what_is_folded_away_and_no_navigation(browser, page, tmp_path):
    browser.open(page)
    browser.media("print")
    assert browser.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.value("document.querySelector('.failure .keys').getBoundingClientRect().height") > 5
    browser.media()
    browser.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
