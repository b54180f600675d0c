"""What the server says in its pages, to whoever runs no scripts."""

import json
import re
from datetime import datetime
from html import unescape
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from fastapi import FastAPI

from event_service.privacy.notes import default_blocks
from event_service.web.files import read_files
from event_service.web.language import read_words
from event_service.web.modules import UnknownSyntax, join_modules
from tests.event_bodies import event_body
from tests.events.conftest import Publish, User

Json = dict[str, Any]
DATA = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.S)
ANSWERS = re.compile(r'<script type="application/json" id="answers">(.*?)</script>', re.S)
LOCATIONS = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


async def page(browser: httpx.AsyncClient, path: str, **headers: str) -> str:
    answer = await browser.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def text_of(html: str) -> str:
    """What is to be read in the page's main part."""
    main = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


async def test_an_event_is_read_without_scripts(
    browser: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(
        title="Winterreise <b>& more</b>",
        description="First\n\n</script><script>alert(1)</script>",
        organizer_name="Chamber Society",
    )
    html = await page(browser, f"/events/{event['id']}")
    assert "Winterreise <b>& more</b>" in text_of(html)
    assert "</script><script>alert(1)</script>" in text_of(html)
    assert html.count("<script>") == 0
    assert "<title>Winterreise &lt;b&gt;&amp; more&lt;/b&gt; · Parterre</title>" in html
    (found,) = DATA.findall(html)
    data = json.loads(found)
    assert (data["@type"], data["name"]) == ("Event", event["title"])
    assert data["description"] == "First\n\n</script><script>alert(1)</script>"
    assert data["location"]["address"]["addressLocality"] == event["city"]
    assert datetime.fromisoformat(data["startDate"]) == datetime.fromisoformat(event["starts_at"])
    assert data["offers"]["priceCurrency"] == event["currency"]
    assert data["organizer"]["name"] == "Chamber Society"
    assert f'<link rel="canonical" href="{data["url"]}">' in html
    (answers,) = ANSWERS.findall(html)
    assert json.loads(answers)[f"/events/{event['id']}"]["title"] == event["title"]


async def test_the_privacy_note_and_the_contact_are_read_without_scripts(
    browser: httpx.AsyncClient,
) -> None:
    for path in ("/privacy", "/contact"):
        english = text_of(await page(browser, path))
        russian = text_of(await page(browser, path, **{"Accept-Language": "ru"}))
        for text, blocks in ((english, default_blocks("en")), (russian, default_blocks("ru"))):
            assert all(" ".join(said.split()) in text for block in blocks for said in block.texts)


async def test_start_and_end_each_show_their_offset_where_the_clocks_change(
    browser: httpx.AsyncClient, published: Publish
) -> None:
    times = {"starts_at": "2030-10-27T00:30:00Z", "ends_at": "2030-10-27T01:30:00Z"}
    event = await published(timezone="Europe/Berlin", **times)
    said = text_of(await page(browser, f"/events/{event['id']}")).replace("\u202f", " ")
    assert "2:30 AM (UTC+2) – 2:30 AM (UTC+1)" in said
    assert "Central European Summer Time – Central European Standard Time (Europe/Berlin)" in said


async def test_a_time_limit_that_is_over_is_told_so(
    browser: httpx.AsyncClient, organizer: User, published: Publish
) -> None:
    event = await published(title="Too late to cancel")
    path = f"/events/{event['id']}"
    assert "You can cancel until" in text_of(await page(browser, path))
    await organizer.patch(path, {"cancellation_deadline": "2026-01-01T00:00:00Z"})
    assert "cannot be cancelled any more" in text_of(await page(browser, path))


async def test_a_draft_is_told_to_nobody(
    browser: httpx.AsyncClient, organizer: User, published: Publish
) -> None:
    event = await published(title="Known to all")
    body = {k: event[k] for k in ("venue", "city", "timezone", "starts_at", "ends_at", "price")}
    body |= {"title": "Secret plan", "seating": {"kind": "general", "capacity": 5}}
    draft = (await organizer.post("/events", body)).json()
    answer = await browser.get(f"/events/{draft['id']}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "Secret plan" not in answer.text and 'name="robots" content="noindex"' in answer.text
    for path in ("/", "/sitemap-1.xml"):
        shown = (await browser.get(path)).text
        assert draft["id"] not in shown and "Secret plan" not in shown


async def test_the_list_is_searched_and_paged_without_scripts(
    browser: httpx.AsyncClient, published: Publish
) -> None:
    for number in range(26):
        await published(title=f"Quodlibet {number}", city="Graz" if number else "Linz")
    first = await page(browser, "/?q=quodlibet")
    assert first.count("<article") == 24
    (more,) = re.findall(r'<a href="(/\?[^"]*cursor=[^"]*)"', first)
    second = await page(browser, unescape(more))
    assert second.count("<article") == 2
    assert 'name="robots" content="noindex"' in first
    in_linz = await page(browser, "/?q=quodlibet&city=linz")
    assert in_linz.count("<article") == 1 and '<option value="Linz" selected>' in in_linz
    answers = json.loads(ANSWERS.findall(first)[0])
    assert len(answers["/events?limit=24&q=quodlibet"]["items"]) == 24
    for refused in ("q=" + "x" * 300, "cursor=nonsense", "when=never", "lang=xx"):
        assert (await browser.get(f"/?{refused}")).status_code == 200


async def test_a_search_is_written_into_the_page_as_it_was_typed(
    browser: httpx.AsyncClient,
) -> None:
    typed = '"><img src=x onerror=alert(1)>'
    html = (await browser.get("/", params={"q": typed})).text
    assert "<img" not in html
    assert f'value="{typed}"' in unescape(html)


@pytest.mark.parametrize(
    ("headers", "query", "language"),
    [
        ({}, "", "en"),
        ({"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.8"}, "", "ru"),
        ({"Accept-Language": "de,fr;q=0.5"}, "", "en"),
        ({"Accept-Language": "en;q=0.1,ru;q=0.9"}, "", "ru"),
        ({"Accept-Language": "ru", "Cookie": "parterre_language=en"}, "", "en"),
        ({"Cookie": "parterre_language=xx"}, "", "en"),
        ({"Accept-Language": "x" * 5000}, "", "en"),
        ({"Cookie": "parterre_language=en"}, "?lang=ru", "ru"),
    ],
)
async def test_the_language_is_what_was_chosen_or_what_the_browser_asks_for(
    browser: httpx.AsyncClient, headers: dict[str, str], query: str, language: str
) -> None:
    answer = await browser.get(f"/{query}", headers=headers)
    assert f'<html lang="{language}"' in answer.text
    chosen = answer.headers.get("set-cookie", "")
    assert ("parterre_language=ru" in chosen) == bool(query)


async def test_an_event_leaves_the_cached_page_when_it_changes(
    browser: httpx.AsyncClient, organizer: User, published: Publish
) -> None:
    event = await published(title="Before")
    first = await browser.get(f"/events/{event['id']}")
    same = await browser.get(
        f"/events/{event['id']}", headers={"If-None-Match": first.headers["etag"]}
    )
    assert same.status_code == 304
    await organizer.patch(f"/events/{event['id']}", {"title": "After"})
    html = await page(browser, f"/events/{event['id']}")
    assert "After" in text_of(html) and "Before" not in html


async def test_a_sitemap_names_the_events_of_the_public_list(
    app: FastAPI, browser: httpx.AsyncClient, organizer: User, published: Publish
) -> None:
    event = await published(title="On the map")
    index = ElementTree.fromstring(await page(browser, "/sitemap.xml"))
    assert [loc.text for loc in index.iter(LOCATIONS)] == ["http://localhost:8080/sitemap-1.xml"]
    robots = (await page(browser, "/robots.txt")).splitlines()
    assert "Sitemap: http://localhost:8080/sitemap.xml" in robots
    assert {"Disallow: /bookings", "Disallow: /unsubscribe"} < set(robots)
    assert "Disallow: /privacy" not in robots
    assert ElementTree.fromstring(await page(browser, "/sitemap-1.xml")) is not None
    # That one may be of an earlier test, as old as the cache lets it become; at another address it is new.
    host = f"http://{event['id']}.example"
    draft = (await organizer.post("/events", event_body())).json()
    made = ElementTree.fromstring(await app.state.pages.sitemap(1, host))
    addresses = {loc.text for loc in made.iter(LOCATIONS)}
    assert f"{host}/events/{event['id']}" in addresses
    assert f"{host}/events/{draft['id']}" not in addresses
    for path in ("/sitemap-0.xml", "/sitemap-41.xml", "/sitemap-x.xml"):
        assert (await browser.get(path)).status_code == 404


async def test_files_and_pages_come_compressed(browser: httpx.AsyncClient) -> None:
    for path in ("/", f"/static/{read_files().release}/app.js"):
        plain = await browser.get(path, headers={"Accept-Encoding": "identity"})
        packed = await browser.get(path, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.text == plain.text
        assert packed.headers["etag"] != plain.headers["etag"]
        assert "Accept-Encoding" in packed.headers["vary"]


async def test_a_browser_finds_its_icon_and_its_manifest(browser: httpx.AsyncClient) -> None:
    icon = await browser.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/x-icon")
    manifest = (await browser.get("/manifest.webmanifest")).json()
    for entry in manifest["icons"]:
        found = await browser.get(entry["src"])
        assert (found.status_code, found.headers["content-type"]) == (200, "image/png")


def test_every_module_is_joined_or_takes_from_the_joined_one() -> None:
    files = read_files()
    joined = files.served["app.js"].content.decode()
    assert not re.search(r"^import\b", joined, re.M)
    assert '"dom.js": $dom' in joined
    bookings = files.served["views/bookings.js"].content.decode()
    assert '$shared["dom.js"]' in bookings and "../dom.js" not in bookings


def test_the_view_of_an_event_comes_in_one_file() -> None:
    files = read_files()
    event = files.served["views/event.js"].content.decode()
    assert re.findall(r"^import\b.*", event, re.M) == [
        'import { modules as $shared } from "../app.js";'
    ]
    assert '"seats/plan.js": $seats_plan' in event and '$shared["dom.js"]' in event
    assert "export const { render } = $views_event;" in event
    # What other views import as well is in the first file, so that there is one of it.
    assert (
        '"links.js": ' not in event
        and '"links.js": $links' in files.served["app.js"].content.decode()
    )
    plan = files.served["seats/plan.js"].content.decode()
    assert plan.startswith('import { modules } from "../views/event.js";')


def test_what_is_joined_is_without_comments() -> None:
    sources = {
        "app.js": "// One.\nexport const a = 1; // Two.\n/** Three\n * lines. */\n  // Four.\n"
        'export const b = "/* no comment */";\n'
    }
    served = join_modules(sources)["app.js"]
    assert "One" not in served and "Three" not in served and "Four" not in served
    assert "const a = 1;" in served and '"/* no comment */"' in served


@pytest.mark.parametrize(
    "source",
    [
        "export * from './x.js';",
        "export let a = 1;",
        'import x from "elsewhere";',
        'import "./b.js";\nexport default function f() {}',
        "export const text = `one\n// two`;",
    ],
)
def test_what_the_joiner_does_not_know_is_refused(source: str) -> None:
    with pytest.raises(UnknownSyntax):
        join_modules({"app.js": source, "b.js": 'import "./b.js";'})


def test_joined_modules_import_what_they_imported() -> None:
    served = join_modules(
        {
            "app.js": 'import d, { a as b } from "./a.js";\nimport * as n from "./views/n.js";\n'
            'export const c = d + b + n.x;\nimport("./views/later.js");\n',
            "a.js": "export function a() {}\nexport default 1;\n",
            "views/n.js": 'import { a } from "../a.js";\nexport { a as x };\n',
            "views/later.js": 'import { a } from "../a.js";\nexport const y = a;\n',
        }
    )
    assert "const { default: d, a: b } = $a;" in served["app.js"]
    assert "const n = $views_n;" in served["app.js"]
    assert "return { x: a };" in served["app.js"]
    assert served["views/later.js"].startswith('import { modules as $shared } from "../app.js";')
    assert 'const { a } = $shared["a.js"];' in served["views/later.js"]
    assert 'export default modules["a.js"].default;' in served["a.js"]


def test_the_server_says_all_words_of_the_scripts() -> None:
    for name in ("en", "ru"):
        source = read_files().by_name[f"locales/{name}.js"].content.decode()
        keys = re.findall(r'^  (?:"([^"]+)"|([a-z]+)):', source, re.M)
        assert set(read_words(source)) == {quoted or plain for quoted, plain in keys}
