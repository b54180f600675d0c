"""A database as it is after some years: 200,000 events, and one that everybody wants."""

import asyncpg

from tests.conftest import FreshDatabase

EVENTS = 200_000
BOOKINGS = 30_000
BOOKINGS_OF_HOT_EVENT = 10_000
WAITING = 2_000

NAME = "event_many"
ORGANIZER = "00000000-0000-4000-8000-000000000001"
HOT_EVENT = "10000000-0000-4000-8000-000000000001"
REGULAR = "20000000-0000-4000-8000-000000000001"

# Cities and categories are uneven, as in life; hashes keep them independent of one another.
_EVENTS = f"""
    INSERT INTO event (
        id, organizer_id, title, description, category, venue, city, timezone, starts_at, ends_at,
        status, seating, capacity, price, currency, max_seats_per_user, version, created_at,
        updated_at
    )
    SELECT ('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
        ('00000000-0000-4000-8000-' || lpad((1 + n % 2000)::text, 12, '0'))::uuid,
        CASE n % 3 WHEN 0 THEN 'Концерт ' ELSE 'Concert ' END || n,
        CASE WHEN n % 20000 = 0 THEN 'Виолончелист plays the cello' WHEN n % 97 = 0
            THEN 'Скрипачи and violinists' ELSE 'An evening' END,
        'Category ' || (20 * sqrt(chance.category))::int, 'Town hall',
        'City ' || (40 * sqrt(chance.city))::int, 'Europe/Berlin',
        now() + (chance.day * 365 - 60) * interval '1 day',
        now() + (chance.day * 365 - 60) * interval '1 day' + interval '2 hours',
        CASE WHEN n % 19 = 0 THEN 'draft' WHEN n % 53 = 0 THEN 'cancelled' ELSE 'published' END,
        'general', 100, 2500, 'EUR', 10, 1,
        now() - interval '1 second' * ({EVENTS} - n), now()
    FROM generate_series(1, {EVENTS}) AS n, LATERAL (
        SELECT (hashint8extended(n, 1) & 65535) / 65536.0 AS category,
            (hashint8extended(n, 2) & 65535) / 65536.0 AS city,
            (hashint8extended(n, 3) & 65535) / 65536.0 AS day
    ) AS chance
"""
# What the trigger writes, which does not run while this is filled in.
_SEARCH = """
    WITH place AS MATERIALIZED (
        SELECT city, setweight(event_lexemes(event_words('Town hall ' || city)), 'B') AS words
        FROM (SELECT DISTINCT city FROM event) AS city
    ), described AS MATERIALIZED (
        SELECT description, setweight(event_lexemes(event_words(description)), 'C') AS words
        FROM (SELECT DISTINCT description FROM event) AS description
    )
    INSERT INTO event_search (event_id, title, words)
    SELECT id, titled.words, setweight(titled.words, 'A') || place.words || described.words
    FROM event JOIN place USING (city) JOIN described USING (description),
        LATERAL (SELECT event_lexemes(lower(title)) AS words OFFSET 0) AS titled
"""
_SPELLINGS = """
    INSERT INTO search_spelling (spelling, word)
    SELECT event_spellings(word), word FROM (
        SELECT DISTINCT lexeme AS word FROM event_search, unnest(words)
        WHERE length(lexeme) BETWEEN 4 AND 40 AND lexeme !~ '[0-9]'
        UNION ALL
        SELECT translate(left(md5(n::text), 9), '0123456789', 'ghijklmnop')
        FROM generate_series(1, 20000) AS n
    ) AS known
"""
_HOT_EVENT = f"""
    UPDATE event SET starts_at = now() + interval '3 days', ends_at = now() + interval '4 days',
        status = 'published', capacity = 20000, organizer_id = '{ORGANIZER}'
    WHERE id = '{HOT_EVENT}'
"""
# A third of the bookings are the hot event's, a hundredth one person's; some are held or have ended.
_BOOKINGS = f"""
    INSERT INTO booking (id, event_id, user_id, status, quantity, total, currency, created_at,
        expires_at, ended_at, reminded_of)
    SELECT ('019b0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, event.id,
        ('20000000-0000-4000-8000-'
            || lpad((CASE WHEN n % 100 = 1 THEN 1 ELSE n END)::text, 12, '0'))::uuid,
        CASE WHEN n % 1009 = 0 OR n % 997 = 0 THEN 'held' WHEN n % 17 = 0 THEN 'cancelled'
            ELSE 'confirmed' END,
        2, 5000, 'EUR', now(),
        CASE WHEN n % 1009 = 0 THEN now() - interval '1 minute'
            WHEN n % 997 = 0 THEN now() + interval '1 day' END,
        CASE WHEN n % 17 = 0 THEN now() END, event.starts_at
    FROM generate_series(1, {BOOKINGS}) AS n JOIN event ON event.id = (
        CASE WHEN n <= {BOOKINGS_OF_HOT_EVENT} THEN '{HOT_EVENT}'
        ELSE '10000000-0000-4000-8000-' || lpad((n * 7)::text, 12, '0') END
    )::uuid
"""
_SEATS = """
    INSERT INTO seat (id, event_id, position, booking_id, held_until)
    SELECT gen_random_uuid(), booking.event_id,
        2 * row_number() OVER (PARTITION BY booking.event_id ORDER BY booking.id) - half,
        booking.id, booking.expires_at
    FROM booking, generate_series(0, 1) AS half
    WHERE status <> 'cancelled'
"""
_FREE_SEATS = f"""
    INSERT INTO seat (id, event_id, position)
    SELECT gen_random_uuid(), ('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 1000 + p
    FROM generate_series({EVENTS} - 1000, {EVENTS}) AS n, generate_series(1, 30) AS p
"""
_TICKETS = """
    INSERT INTO ticket (booking_id, seat_id, position, price, code)
    SELECT booking_id, id, position, 2500, upper(replace(id::text, '-', ''))
    FROM seat WHERE booking_id IS NOT NULL
"""
_TALLIES = """
    INSERT INTO seat_tally (id, event_id, held, booked, folded)
    SELECT gen_random_uuid(), event_id, sum(quantity * (status = 'held')::int),
        sum(quantity * (status = 'confirmed')::int), true
    FROM booking GROUP BY event_id
"""
_NEW_TALLIES = f"""
    INSERT INTO seat_tally (id, event_id, held, booked, folded)
    SELECT gen_random_uuid(), '{HOT_EVENT}', 0, 2, false FROM generate_series(1, 50)
"""
_LINE = f"""
    INSERT INTO waitlist_entry (event_id, user_id, quantity, times_passed, joined_at)
    SELECT ('10000000-0000-4000-8000-'
            || lpad((CASE WHEN n % 20 = 0 THEN n ELSE 1 END)::text, 12, '0'))::uuid,
        gen_random_uuid(), 2, 0, now()
    FROM generate_series(1, {WAITING}) AS n
"""
_KEYS = f"""
    INSERT INTO idempotency_key (user_id, key, fingerprint, booking_id, created_at)
    SELECT user_id, 'key', 'print', id, now() - interval '1 second' * row_number() OVER ()
    FROM (SELECT DISTINCT ON (user_id) * FROM booking) AS one LIMIT {BOOKINGS}
"""
_MESSAGES = f"""
    INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts,
        published_at, confirmed_at)
    SELECT gen_random_uuid(), 'notifications.send', 'booking.confirmed.v1', '{{}}', now(), now(),
        1, CASE WHEN n > 20 THEN now() END, CASE WHEN n > 40 THEN now() END
    FROM generate_series(1, {BOOKINGS}) AS n
"""
_STEPS = (
    _EVENTS, _SEARCH, _SPELLINGS, _HOT_EVENT, _BOOKINGS, _SEATS, _FREE_SEATS, _TICKETS, _TALLIES,
    _NEW_TALLIES, _LINE, _KEYS, _MESSAGES,
)  # fmt: skip


async def make_many(postgres_url: str, fresh_database: FreshDatabase) -> str:
    """The address of a database with all of it, made by whichever worker comes first; nobody may
    change it."""
    server = await asyncpg.connect(postgres_url)
    try:
        await server.execute("SELECT pg_advisory_lock(hashtext($1))", NAME)
        if not await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", NAME):
            filling = await fresh_database("event")
            await _fill(filling.replace("+asyncpg", ""))
            name = filling.rpartition("/")[2]
            await server.execute(f"ALTER DATABASE {name} RENAME TO {NAME}")
    finally:
        await server.close()
    return f"{postgres_url.rpartition('/')[0]}/{NAME}".replace("://", "+asyncpg://", 1)


async def _fill(url: str) -> None:
    """Indexes are dropped and made again around it, in half the time; then all is counted and
    marked as visible, as autovacuum does in time."""
    connection = await asyncpg.connect(url)
    try:
        indexes = await connection.fetch("""
            SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made_by
            FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
            WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary
        """)
        async with connection.transaction():
            # What is made up here keeps to what they forbid, and is not the point.
            await connection.execute("SET LOCAL session_replication_role = replica")
            for index in indexes:
                await connection.execute(f"DROP INDEX {index['name']}")
            for step in _STEPS:
                await connection.execute(step)
        for index in indexes:
            await connection.execute(index["made_by"])
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
