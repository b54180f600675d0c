"""The page's files: what is sent with them, and what is not."""

import json
import re
from html.parser import HTMLParser

import httpx
import pytest
from pydantic import ValidationError

import auth_service.problems  # noqa: F401  (their problems are listed with ours)
import notification_service.problems  # noqa: F401
from event_service.settings import Settings
from event_service.web.answers import content_security_policy
from event_service.web.files import FOLDER, read_files
from event_service.web.origins import Origins, origins_for
from event_service.web.paths import VIEWS
from service_kit.money import CURRENCY_DIGITS
from service_kit.problems import PROBLEMS
from tests.events.conftest import problem, running

EVENT = "01a20a02-22cb-71d7-8ae8-000000000001"
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")


# What no page sends or asks for: machines hear of these.
UNSEEN = {
    "address-changed", "bad-host", "invalid-scope", "leaving", "link-not-needed",
    "malformed-request", "method-not-allowed", "not-ready", "query-too-large",
    "refresh-invalid", "refresh-reused", "unsupported-grant-type",
}  # fmt: skip


class Addresses(HTMLParser):
    """Everything that a page loads, and whether anything runs or is styled in the page itself."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        is_loaded = tag == "link" and given.get("rel") not in ("canonical", "alternate")
        address = given.get("src") or (given.get("href") if is_loaded else None)
        if address:
            self.found.append(address)
        is_data = (given.get("type") or "").endswith("json")
        if tag == "style" or (tag == "script" and "src" not in given and not is_data):
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


async def loaded_by_the_page(browser: httpx.AsyncClient) -> list[str]:
    return Addresses((await browser.get("/")).text).found


def with_origins(settings: Settings, auth: str, notification: str = "") -> Settings:
    changes = {"auth_public_url": auth, "notification_public_url": notification}
    return Settings.model_validate(settings.model_dump() | changes)


async def test_the_page_comes_with_a_policy_that_lets_only_its_own_files_run(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy and "*" not in policy


async def test_no_file_of_the_page_runs_or_loads_anything_by_itself(
    browser: httpx.AsyncClient,
) -> None:
    for name in read_files().served:
        headers = (await browser.get(f"/static/x/{name}")).headers
        assert headers["content-security-policy"].startswith("default-src 'none';"), name
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in headers
    headers = (await browser.get("/")).headers
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "set-cookie" not in headers


def test_the_page_is_given_the_decimals_of_iso_4217() -> None:
    file = read_files().by_name["currencies.js"]
    assert file.media_type == "text/javascript; charset=utf-8"
    table = json.loads(file.content.decode().partition("export default ")[2].strip().rstrip(";"))
    assert table == dict(CURRENCY_DIGITS)
    wanted = {"HUF": 2, "IDR": 2, "COP": 2, "PKR": 2, "RSD": 2, "IQD": 3, "JPY": 0, "KWD": 3}
    assert {code: table[code] for code in wanted} == wanted
    assert not {"ABC", "XXX", "XTS", "ZZZ", "HRK", "DEM"} & set(table)


def test_no_module_asks_the_browser_for_the_decimals_of_a_currency() -> None:
    for name, file in read_files().by_name.items():
        if name.endswith(".js") and name != "format.js":
            source = file.content.decode()
            assert 'style: "currency"' not in source, name
        assert b"resolvedOptions().maximumFractionDigits" not in file.content, name


def test_nothing_is_sent_but_by_the_module_that_looks_whose_session_it_is() -> None:
    """``fetch`` with the cookies of whoever signed in last would act for another account."""
    modules = {n: f for n, f in read_files().by_name.items() if n.endswith(".js")}
    for name, file in modules.items():
        # What others wrote runs in a worker, which has no session to act for.
        if name.startswith("vendor/"):
            continue
        source = file.content.decode()
        # A service worker fetches its page and its files.
        assert name in ("api.js", "page-worker.js") or "fetch(" not in source, name
        assert "XMLHttpRequest" not in source and "sendBeacon" not in source, name
        assert name == "account-guard.js" or "document.cookie" not in source, name


def test_every_refusal_has_plain_words() -> None:
    """In English and, by the test of the words, in Russian."""
    words = read_files().by_name["locales/en.js"].content.decode()
    unknown = [
        code for code in sorted(PROBLEMS) if f'"problem.{code}"' not in words and code not in UNSEEN
    ]
    assert unknown == []


async def test_nothing_in_the_page_needs_more_than_the_policy_gives(
    browser: httpx.AsyncClient,
) -> None:
    page = Addresses((await browser.get("/")).text)
    assert page.inline == []
    assert all(a.startswith("/static/") or a == "/manifest.webmanifest" for a in page.found)


async def test_everything_the_page_loads_exists_and_is_kept_for_good(
    browser: httpx.AsyncClient,
) -> None:
    addresses = await loaded_by_the_page(browser)
    assert len(addresses) > 4
    for address in addresses:
        answer = await browser.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["x-content-type-options"] == "nosniff"
        is_file = address.startswith("/static/")
        assert ("immutable" in answer.headers["cache-control"]) == is_file


def test_every_import_of_a_module_leads_to_a_file() -> None:
    files = read_files().by_name
    for name, file in files.items():
        for target in IMPORT.findall(file.content.decode()) if name.endswith(".js") else ():
            path = (FOLDER / name).parent.joinpath(target).resolve()
            assert path.relative_to(FOLDER).as_posix() in files, (name, target)


@pytest.mark.parametrize(
    ("words", "least"),
    [("locales/", 100), ("locales/admin/", 100), ("locales/door-", 50), ("locales/hall-", 80)],
)
def test_both_languages_have_the_same_words(words: str, least: int) -> None:
    files = read_files().by_name
    english, russian = (
        re.findall(
            r'^  (?:"([^"]+)"|([a-z]+)):', files[f"{words}{language}.js"].content.decode(), re.M
        )
        for language in ("en", "ru")
    )
    assert len(english) > least
    assert english == russian


async def test_who_has_the_page_already_gets_304(browser: httpx.AsyncClient) -> None:
    for path in ("/", (await loaded_by_the_page(browser))[0]):
        first = await browser.get(path)
        again = await browser.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = await browser.get(path, headers={"If-None-Match": '"another"'})
        assert other.status_code == 200


async def test_a_probe_may_ask_for_the_head_only(browser: httpx.AsyncClient) -> None:
    answer = await browser.head("/")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_file_of_another_release_is_not_kept(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/static/0123456789abcdef/app.js")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/missing.js",
        "/static/x/",
        "/static/x",
        "/static/x/index.html",
        "/static/x/../router.py",
        "/static/x/..%2frouter.py",
        "/static/x/%2e%2e/router.py",
        "/static/x/..%5crouter.py",
        "/static/x//etc/passwd",
        "/static/x/views",
        "/static/x/app.js%00.css",
    ],
)
async def test_what_is_not_a_file_of_the_page_is_not_found(
    browser: httpx.AsyncClient, path: str
) -> None:
    assert problem(await browser.get(path)) == (404, "not-found")


async def test_a_session_that_has_ended_still_gets_the_page(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/", headers={"Cookie": "parterre_session=ended"})
    assert answer.status_code == 200


async def test_files_do_not_use_up_the_limit_of_the_api(settings: Settings) -> None:
    changes = {
        "rate_limit_enabled": True,
        "default_rate_limit": "3/minute",
        "static_rate_limit": "5/minute",
    }
    async with running(Settings.model_validate(settings.model_dump() | changes)) as app:
        transport = httpx.ASGITransport(app, client=("192.0.2.77", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            paths = [await client.get("/static/x/app.js") for _ in range(6)]
            assert [answer.status_code for answer in paths] == [200] * 5 + [429]
            assert (await client.get("/api/v1/events")).status_code == 200


async def test_the_page_is_told_where_the_other_services_are(settings: Settings) -> None:
    told = with_origins(settings, "http://localhost:8001", "http://localhost:8003/")
    async with running(told) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get("/")
    assert 'data-auth="http://localhost:8001"' in answer.text
    assert 'data-notification="http://localhost:8003"' in answer.text
    assert (
        "connect-src 'self' http://localhost:8001 http://localhost:8003;"
        in answer.headers["content-security-policy"]
    )


def test_behind_a_gateway_there_is_one_origin(settings: Settings) -> None:
    origins = origins_for(settings, "tickets.example.com")
    assert origins == Origins(auth="", notification="")
    assert "connect-src 'self';" in content_security_policy(origins)


@pytest.mark.parametrize(
    ("host", "auth"),
    [
        ("localhost", "http://localhost:8001"),
        ("127.0.0.1", "http://127.0.0.1:8001"),
        ("tickets.example.com", "http://localhost:8001"),
    ],
)
def test_this_machine_keeps_the_name_it_was_opened_under(
    settings: Settings, host: str, auth: str
) -> None:
    assert origins_for(with_origins(settings, "http://localhost:8001"), host).auth == auth


def test_a_foreign_service_keeps_its_name(settings: Settings) -> None:
    told = with_origins(settings, "https://auth.example.com")
    assert origins_for(told, "localhost").auth == "https://auth.example.com"


@pytest.mark.parametrize(
    "url", ["auth.example.com", "https://a.example/path", "https://a.example;script-src *", "x' y"]
)
def test_what_is_no_origin_does_not_reach_the_policy(settings: Settings, url: str) -> None:
    with pytest.raises(ValidationError):
        with_origins(settings, url)


VIEW = re.compile(r"^  \[(?:/|new RegExp\(`)\^\\?/\(?([a-z|-]+)", re.M)


def test_the_server_knows_the_paths_of_all_views() -> None:
    """As ``app.js`` names them, by their first part."""
    source = read_files().by_name["app.js"].content.decode()
    first_parts = {part for group in VIEW.findall(source) for part in group.split("|")}
    assert {"events", "bookings", "sign-in", "my-events"} < first_parts
    assert first_parts - {"events"} <= VIEWS


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/events/{EVENT}/door",
        "/bookings",
        "/bookings/",
        f"/bookings/{EVENT}",
        f"/my-events/{EVENT}/edit",
        "/verify",
        "/sign-in?next=/bookings",
    ],
)
async def test_each_view_has_an_address(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 200
    assert 'id="main"' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/events", "/events/1", f"/events/{EVENT}/nothing", "/wp-login.php", "/%00"],
)
async def test_an_unknown_path_is_a_page_to_people_and_a_problem_to_programs(
    browser: httpx.AsyncClient, path: str
) -> None:
    page = await browser.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 404
    assert 'id="main"' in page.text
    assert problem(await browser.get(path, headers={"Accept": "application/json"})) == (
        404,
        "not-found",
    )


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/v1/nothing",
        "/static/nothing",
        "/docs/nothing",
        "/graphql",
        "/health",
        "/metrics/nothing",
        "/.well-known/nothing",
        "/ops/flower/",
    ],
)
async def test_what_belongs_to_others_is_no_page(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path, headers={"Accept": "text/html"})
    assert problem(answer) == (404, "not-found")


async def test_a_method_that_an_address_of_the_api_does_not_take_is_still_told(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get(f"/api/v1/bookings/{EVENT}/cancel")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
