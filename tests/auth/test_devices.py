"""What people read of the devices on which they are signed in."""

import httpx
import pytest

from auth_service.client_info import MAX_USER_AGENT
from auth_service.sessions.devices import Device, read_user_agent
from tests.auth.people import API, People

KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KHTML} Chrome/131.0.0.0"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {APPLE}"
AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0": ("Firefox", "Linux"),
    "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0": ("Firefox", "Android"),
    f"{IPHONE} FxiOS/132.0 Mobile/15E148 Safari/605.1.15": ("Firefox", "iOS"),
    f"{IPHONE} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1": ("Chrome", "iOS"),
    f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1": ("Safari", "iOS"),
    f"{MAC} {APPLE} Version/18.1 Safari/605.1.15": ("Safari", "macOS"),
    "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.6 Mobile/15E148 Safari/604.1": ("Safari", "iPadOS"),
    f"{WINDOWS} Safari/537.36": ("Chrome", "Windows"),
    f"{WINDOWS} Safari/537.36 Edg/131.0.2903.51": ("Edge", "Windows"),
    f"{WINDOWS} Safari/537.36 OPR/115.0.0.0": ("Opera", "Windows"),
    f"{WINDOWS} Safari/537.36 Vivaldi/7.0.3495.11": ("Vivaldi", "Windows"),
    f"{WINDOWS} YaBrowser/24.10.0.0 Safari/537.36": ("Yandex Browser", "Windows"),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {KHTML} Chrome/131.0.0.0 Safari/537.36": (
        "Chrome", "ChromeOS"
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/131.0.0.0 Mobile Safari/537.36": (
        "Chrome", "Android"
    ),
    f"Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) {KHTML} SamsungBrowser/27.0"
    " Chrome/125.0.0.0 Mobile Safari/537.36": ("Samsung Internet", "Android"),
    "curl/8.5.0": ("curl", None),
    "python-httpx/0.28.1": ("python-httpx", None),
    "okhttp/4.12.0": ("okhttp", None),
    "Mozilla/5.0": (None, None),
    "Mozilla/5.0 (compatible; Nothing/1.0)": (None, None),
    "": (None, None),
    "<script>alert(1)</script>": (None, None),
    "x" * MAX_USER_AGENT: (None, None),
}  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
def test_a_user_agent_is_told_in_plain_words(agent: str) -> None:
    assert read_user_agent(agent[:MAX_USER_AGENT]) == Device(*AGENTS[agent])


async def test_the_list_of_sessions_says_it(client: httpx.AsyncClient, people: People) -> None:
    person = await people.register()
    agent = "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0"
    answer = await people.try_password(person.email, person.password, headers={"User-Agent": agent})
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    [shown] = (await client.get(f"{API}/users/me/sessions", headers=headers)).json()["items"]
    assert (shown["browser"], shown["system"], shown["user_agent"]) == ("Firefox", "Android", agent)
