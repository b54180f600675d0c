"""Which events search engines are told of: those of the public list, so many to a file."""

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.models import Event
from event_service.rules import IS_IN_PUBLIC_LIST

# Of 50,000 that a file may have: it is made within one request.
EVENTS_IN_A_FILE = 5_000
MAX_FILES = 40
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


async def read_sitemap(session: AsyncSession, number: int, public_url: str) -> bytes:
    """The file of that number from 1 on, empty where there is none; with 0 the list of the files."""
    if number == 0:
        return await _index(session, public_url)
    rows = await session.execute(
        select(col(Event.id), col(Event.updated_at))
        .where(IS_IN_PUBLIC_LIST)
        .order_by(col(Event.starts_at), col(Event.id))
        .offset((number - 1) * EVENTS_IN_A_FILE)
        .limit(EVENTS_IN_A_FILE)
    )
    urls = [
        f"<url><loc>{public_url}/events/{event_id}</loc><lastmod>{updated_at:%Y-%m-%d}</lastmod></url>"
        for event_id, updated_at in rows
    ]
    if number == 1:
        urls.insert(0, f"<url><loc>{public_url}/</loc></url>")
    if not urls:
        return b""
    lines = "\n".join(urls)
    return f'{_HEAD}<urlset xmlns="{NAMESPACE}">\n{lines}\n</urlset>\n'.encode()


async def _index(session: AsyncSession, public_url: str) -> bytes:
    count = (
        await session.execute(select(func.count()).select_from(Event).where(IS_IN_PUBLIC_LIST))
    ).scalar_one()
    files = min(MAX_FILES, max(1, -(-count // EVENTS_IN_A_FILE)))
    lines = "\n".join(
        f"<sitemap><loc>{public_url}/sitemap-{number}.xml</loc></sitemap>"
        for number in range(1, files + 1)
    )
    return f'{_HEAD}<sitemapindex xmlns="{NAMESPACE}">\n{lines}\n</sitemapindex>\n'.encode()
