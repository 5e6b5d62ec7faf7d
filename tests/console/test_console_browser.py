"""The console in a real browser: Debian's Chromium, driven by Playwright. Each page is also photographed.

FSFLOWS_SCREENSHOTS names the directory that the pictures go to; without it they go where pytest keeps its files.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from .world import HOSTILE

pytestmark = pytest.mark.process

TOKEN = "a token of sufficient length"
PATIENCE = 20_000
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


class Console:
    """The other process."""

    def __init__(self, process):
        self.process = process
        self.url = process.stdout.readline().strip().replace("0.0.0.0", "127.0.0.1")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert "done" == self.process.stdout.readline().strip()


@contextmanager
def serving(*options):
    command = [sys.executable, str(Path(__file__).parent / "serving.py"), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Console(process)
        finally:
            process.stdin.close()
            process.wait(30)


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium")
    assert path, "Chromium is not installed (apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def console():
    with serving("--calls", "3") as console:
        yield console


@pytest.fixture
def page(chromium):
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, timezone_id="UTC", locale="en-GB"
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on(
        "console",
        lambda message: page.faults.append(message.text) if message.type == "error" else None,
    )
    page.on(
        "dialog", lambda dialog: page.faults.append(f"dialog: {dialog.message}") or dialog.dismiss()
    )
    yield page
    context.close()
    assert [] == page.faults


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    directory = os.environ.get("FSFLOWS_SCREENSHOTS")
    if not directory:
        return tmp_path_factory.mktemp("screenshots")
    Path(directory).mkdir(parents=True, exist_ok=True)
    return Path(directory)


def a_record(page, console, query):
    page.goto(f"{console.url}/records?{query}")
    return page.locator("a.row").first.get_attribute("href")


def test_a_live_call_appears_goes_on_and_becomes_a_record(page):
    with serving("--records", "1") as console:
        page.goto(f"{console.url}/calls")
        expect(page.locator("#live")).to_contain_text("No call is running")
        console.tell("call")
        expect(page.locator("li.call")).to_contain_text("+44 20 7946 0018")
        page.click("li.call a")
        expect(page.locator("ol.story")).to_contain_text("Welcome to Harbour Bank")
        console.tell("say Please key in your PIN")
        expect(page.locator("ol.story")).to_contain_text("Please key in your PIN")
        console.tell("hang up")
        page.click("text=Its record")
        expect(page.locator(".badge")).to_have_text("abandoned")
        expect(page.locator("ol.story")).to_contain_text("Please key in your PIN")
        page.goto(f"{console.url}/calls")
        expect(page.locator("#live")).to_contain_text("No call is running")
        page.goto("about:blank")  # or it would miss the stream when the server goes


def test_a_record_is_found_read_and_heard(page, console):
    page.goto(f"{console.url}/records")
    page.keyboard.press("/")
    page.keyboard.type("pin_entry")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Records")
    assert "text=pin_entry" in page.url
    page.select_option("select[name=result]", "completed")
    page.wait_for_url(re.compile("result=completed"))
    page.locator("table.list tbody tr").first.click()
    expect(page.locator("ol.story")).to_contain_text("Please key in your four-digit PIN")
    expect(page.locator("ol.story")).to_contain_text("[4 digits hidden]")
    audio = page.locator("audio")
    expect(audio).to_be_visible()
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    assert 2.0 == pytest.approx(audio.evaluate("element => element.duration"), abs=0.05)
    page.locator("svg.strip a rect").first.click()
    assert re.search(r"#e\d+$", page.url)
    # By key, too; the recording's first second is not the call's.
    at = page.locator(".story .at").nth(1)
    at.focus()
    page.keyboard.press("Enter")
    began = float(audio.get_attribute("data-from"))
    assert began > 0
    wanted = min(2.0, max(0.0, float(at.text_content()) - began))
    page.wait_for_function(
        f"Math.abs(document.querySelector('audio').currentTime - {wanted}) < 1.5"
    )


def test_P12_a_discarded_recording_shows_its_receipt_and_no_player(page, console):
    page.goto(console.url + a_record(page, console, "recording=discarded"))
    expect(page.locator(".stamp")).to_have_text("Discarded")
    expect(page.locator("audio")).to_have_count(0)
    expect(page.locator(".receipt pre")).not_to_be_visible()
    page.click("text=The whole receipt")
    expect(page.locator(".receipt pre")).to_contain_text("key_or_word")


def test_hostile_callers_are_text(page):
    with serving("--hostile", "--records", "3") as console:
        for path in ("/", "/calls", "/records"):
            page.goto(console.url + path)
            expect(page.locator("main")).to_contain_text(HOSTILE)
        page.locator("tr", has_text=HOSTILE).locator("a.row").click()
        expect(page.locator("h1")).to_contain_text(HOSTILE)
        assert 0 == page.locator("main img, main script").count()


def test_a_login_is_needed_where_others_can_reach_it(chromium):
    with serving("--host", "0.0.0.0", "--token", TOKEN, "--records", "3") as console:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{console.url}/records")
        expect(page.locator("h1")).to_have_text("Log in")
        assert 0 == page.locator("table").count()
        page.fill("input[type=password]", "not the right token")
        page.click("button.main")
        expect(page.locator("[role=alert]")).to_have_text("That is not right.")
        page.fill("input[type=password]", TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Records")
        page.click("text=Log out")
        expect(page.locator("h1")).to_have_text("Log in")
        context.close()


def test_it_refuses_to_start_where_others_can_reach_it_without_one():
    command = [
        sys.executable,
        str(Path(__file__).parent / "serving.py"),
        "--host",
        "0.0.0.0",
        "--records",
        "1",
    ]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 != ended.returncode
    assert "set console.token or console.users" in ended.stderr


def test_keys_are_enough(page, console):
    page.goto(console.url)
    page.keyboard.press("Tab")
    assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id")
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
        assert "none" != page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert {"SELECT", "BUTTON", "A"} <= reached


def test_light_and_dark_are_remembered(page, console):
    page.goto(console.url)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.goto(f"{console.url}/records")
    assert dark == page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_pages_work_without_scripts(chromium, console):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{console.url}/records")
    page.select_option("select[name=flow]", "menu")
    page.click("button.main")
    assert "flow=menu" in page.url
    page.locator("a.row").first.click()
    expect(page.locator("ol.story")).to_be_visible()
    context.close()


@pytest.mark.parametrize("width", [1280, 900, 390])
def test_what_is_too_long_for_a_line_does_not_widen_a_page(chromium, width):
    with serving("--odd", "--records", "3") as console:
        context = chromium.new_context(viewport={"width": width, "height": 800}, timezone_id="UTC")
        page = context.new_page()
        odd = ("reason=server_lost", "reason=unknown_flow", "text=a_name_that", "step=endless")
        records = [a_record(page, console, query) for query in odd]
        for path in ("/", "/records", "/calls", *records):
            page.goto(console.url + path)
            assert width >= page.evaluate("document.documentElement.scrollWidth"), path
            beyond = "[...document.querySelectorAll('main .card')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
            assert 0 == page.evaluate(beyond), f"{path}: something sticks out of its card"
        context.close()


PAGES = {
    "overview": "/?span=7d",
    "live": "/calls",
    "records": "/records",
    "record": "flow=pin_entry&result=completed",
    "discarded": "recording=discarded&result=completed",
    "failed": "result=failed",
    "flows": "/flows",
    "flow": "/flows/menu",
    "status": "/status",
}
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("look", LOOKS)
def test_each_page_fits_can_be_read_and_is_photographed(chromium, console, pictures, look):
    context = chromium.new_context(
        **LOOKS[look], timezone_id="UTC", locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    for name, path in PAGES.items():
        address = path if path.startswith("/") else a_record(page, console, path)
        page.goto(console.url + address)
        width = LOOKS[look]["viewport"]["width"]
        assert width >= page.evaluate("document.documentElement.scrollWidth"), (
            f"{name}: wider than the screen"
        )
        assert [] == page.evaluate(CONTRAST), f"{name}: too little contrast"
        unlabelled = "[...document.querySelectorAll('main input:not([type=hidden]), main select')].filter(e => !e.labels.length).length"
        assert 0 == page.evaluate(unlabelled), f"{name}: a field without a label"
        page.screenshot(path=pictures / f"{name}-{look}.png", full_page=True)
    context.close()
    assert len(PAGES) <= len(list(pictures.glob(f"*-{look}.png")))
