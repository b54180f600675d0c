"""The SQL that books seats and frees them. Row locks and constraints decide every race; see Design
notes in ../../README.md."""

from sqlalchemy import bindparam, column, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.types import BigInteger, Boolean, DateTime, Integer, String

from event_service.rules import IS_FREE, IS_ON_SALE

_TIME = DateTime(timezone=True)

# The columns of results are declared, so that SQLAlchemy does not look them up for each execution.

# 1. Locks the event against changes by its organizer, so that a cancelled event gets no booking; inserts
# the idempotency key, on which a second request with the same key waits; and counts the seats towards
# the person's allowance, whose CHECK is the limit per person.
OPEN = text(f"""
    WITH target AS (
        SELECT id, organizer_id, status, price, currency, capacity, title, description, venue, city,
            timezone, starts_at, ends_at, cancellation_deadline, max_seats_per_user, version,
            EXISTS (
                SELECT FROM waitlist_entry WHERE event_id = :event_id AND booking_id IS NULL
            ) AS has_waitlist,
            EXISTS (SELECT FROM erased_user WHERE user_id = :user_id) AS is_erased,
            {IS_ON_SALE} AS is_on_sale
        FROM event WHERE id = :event_id
        FOR KEY SHARE
    ), keyed AS (
        INSERT INTO idempotency_key (user_id, key, fingerprint, booking_id, created_at)
        SELECT :user_id, :key, :fingerprint, :booking_id, now()
        FROM target WHERE is_on_sale AND CAST(:key AS text) IS NOT NULL
        ON CONFLICT (user_id, key) DO NOTHING
        RETURNING key
    ), allowed AS (
        INSERT INTO seat_allowance (event_id, user_id, seats, max_seats)
        SELECT id, :user_id, :seats, max_seats_per_user
        FROM target WHERE is_on_sale
            AND (CAST(:key AS text) IS NULL OR EXISTS (SELECT FROM keyed))
        ON CONFLICT (event_id, user_id) DO UPDATE
        SET seats = seat_allowance.seats + excluded.seats, max_seats = excluded.max_seats
        RETURNING seats
    )
    SELECT target.*, now() AS now,
        (SELECT count(*) FROM keyed) AS keyed, (SELECT count(*) FROM allowed) AS allowed
    FROM target
""").bindparams(
    bindparam("event_id", type_=UUID()),
    bindparam("user_id", type_=UUID()),
    bindparam("booking_id", type_=UUID()),
    bindparam("key", type_=String()),
    bindparam("fingerprint", type_=String()),
    bindparam("seats", type_=Integer()),
).columns(
    column("id", UUID()), column("organizer_id", UUID()), column("status", String()),
    column("price", Integer()), column("currency", String()), column("capacity", Integer()),
    column("title", String()), column("description", String()), column("venue", String()),
    column("city", String()), column("timezone", String()), column("starts_at", _TIME),
    column("ends_at", _TIME), column("cancellation_deadline", _TIME),
    column("max_seats_per_user", Integer()), column("version", Integer()),
    column("has_waitlist", Boolean()), column("is_erased", Boolean()), column("is_on_sale", Boolean()),
    column("now", _TIME), column("keyed", Integer()), column("allowed", Integer()),
)  # fmt: skip

_TAKE = f"""
    , taken AS (
        UPDATE seat SET booking_id = :booking_id, held_until = :held_until
        FROM picked WHERE seat.id = picked.id
            AND {IS_FREE}
        RETURNING seat.id, seat.position, seat.section_id, seat.row_name, seat.number
    )
    SELECT taken.id, taken.position, taken.row_name, taken.number, section.name AS section,
        coalesce(section.price, :price) AS price
    FROM taken LEFT JOIN section ON section.id = taken.section_id
    ORDER BY taken.position
"""
_TAKE_PARAMETERS = (
    bindparam("event_id", type_=UUID()),
    bindparam("booking_id", type_=UUID()),
    bindparam("held_until", type_=_TIME),
    bindparam("price", type_=Integer()),
)
_TAKEN = (
    column("id", UUID()), column("position", Integer()), column("row_name", String()),
    column("number", Integer()), column("section", String()), column("price", Integer()),
)  # fmt: skip

# 2a. Chosen seats, locked in the order of their ids: two requests for the same seats cannot deadlock.
TAKE_CHOSEN = text(f"""
    WITH picked AS (
        SELECT id FROM seat
        WHERE event_id = :event_id AND id = ANY(:seat_ids)
        ORDER BY id FOR UPDATE
    ) {_TAKE}
""").bindparams(*_TAKE_PARAMETERS, bindparam("seat_ids", type_=ARRAY(UUID()))).columns(*_TAKEN)

# 2b. Any free seats, skipping locked ones, from a random position on so that requests do not start at
# the same seat. The second half starts at the first position; the third takes seats of lapsed holds.
TAKE_ANY = (
    text(f"""
    WITH ahead AS (
        SELECT id FROM seat
        WHERE event_id = :event_id AND booking_id IS NULL AND position >= :start
        ORDER BY position LIMIT :seats FOR UPDATE SKIP LOCKED
    ), behind AS (
        SELECT id FROM seat
        WHERE event_id = :event_id AND booking_id IS NULL AND position < :start
        ORDER BY position LIMIT :seats - (SELECT count(*) FROM ahead)
        FOR UPDATE SKIP LOCKED
    ), lapsed AS (
        SELECT id FROM seat
        WHERE event_id = :event_id AND held_until <= now()
        ORDER BY position
        LIMIT :seats - (SELECT count(*) FROM ahead) - (SELECT count(*) FROM behind)
        FOR UPDATE SKIP LOCKED
    ), picked AS (
        SELECT id FROM ahead UNION ALL SELECT id FROM behind UNION ALL SELECT id FROM lapsed
    ) {_TAKE}
""")
    .bindparams(
        *_TAKE_PARAMETERS, bindparam("seats", type_=Integer()), bindparam("start", type_=Integer())
    )
    .columns(*_TAKEN)
)

# 2c. The same, waiting for locked seats, before a request is answered "sold out". All seats that may be
# free are locked in the order of TAKE_CHOSEN: first free and then lapsed ones could be a deadlock.
TAKE_ANY_WAITING = text(f"""
    WITH possible AS MATERIALIZED (
        SELECT id FROM seat WHERE event_id = :event_id AND booking_id IS NULL
        UNION ALL
        SELECT id FROM seat WHERE event_id = :event_id AND held_until <= now()
    ), picked AS (
        SELECT id FROM seat
        WHERE id IN (SELECT id FROM possible) AND {IS_FREE}
        ORDER BY id LIMIT :seats FOR UPDATE
    ) {_TAKE}
""").bindparams(*_TAKE_PARAMETERS, bindparam("seats", type_=Integer())).columns(*_TAKEN)

# 3. The booking, its tickets, its counts and its message.
WRITE = (
    text("""
    WITH booked AS (
        INSERT INTO booking
            (id, event_id, user_id, status, quantity, total, currency, created_at, expires_at,
            guest_name)
        VALUES (:booking_id, :event_id, :user_id, :status, :seats, :total, :currency, now(),
            :expires_at, :guest_name)
        RETURNING id, created_at
    ), tickets AS (
        INSERT INTO ticket
            (booking_id, seat_id, position, section, row_name, number, price, code)
        SELECT :booking_id, new.* FROM unnest(
            :seat_ids, :positions, :sections, :rows, :numbers, :prices, :codes
        ) AS new
    ), counted AS (
        INSERT INTO seat_tally (id, event_id, held, booked, folded)
        VALUES (:tally_id, :event_id, :held, :booked, false)
    ), message AS (
        INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)
        SELECT :message_id, :task, :topic, :message, now(), now(), 0
        WHERE CAST(:topic AS text) IS NOT NULL
    )
    SELECT created_at FROM booked
""")
    .bindparams(
        bindparam("booking_id", type_=UUID()),
        bindparam("event_id", type_=UUID()),
        bindparam("user_id", type_=UUID()),
        bindparam("status", type_=String()),
        bindparam("seats", type_=Integer()),
        bindparam("total", type_=BigInteger()),
        bindparam("currency", type_=String()),
        bindparam("expires_at", type_=_TIME),
        bindparam("guest_name", type_=String()),
        bindparam("seat_ids", type_=ARRAY(UUID())),
        bindparam("positions", type_=ARRAY(Integer())),
        bindparam("sections", type_=ARRAY(String())),
        bindparam("rows", type_=ARRAY(String())),
        bindparam("numbers", type_=ARRAY(Integer())),
        bindparam("prices", type_=ARRAY(Integer())),
        bindparam("codes", type_=ARRAY(String())),
        bindparam("tally_id", type_=UUID()),
        bindparam("held", type_=Integer()),
        bindparam("booked", type_=Integer()),
        bindparam("message_id", type_=UUID()),
        bindparam("task", type_=String()),
        bindparam("topic", type_=String()),
        bindparam("message", type_=JSONB()),
    )
    .columns(column("created_at", _TIME))
)

# These lock several rows of a table in the order of their ids, as TAKE_CHOSEN does.
KEEP_SEATS = text("""
    WITH mine AS (SELECT id FROM seat WHERE booking_id = :booking_id ORDER BY id FOR UPDATE)
    UPDATE seat SET held_until = NULL
    FROM mine WHERE seat.id = mine.id AND seat.held_until > now()
""").bindparams(bindparam("booking_id", type_=UUID()))

FREE_SEATS = text("""
    WITH theirs AS (
        SELECT id FROM seat WHERE booking_id = ANY(:booking_ids) ORDER BY id FOR UPDATE
    )
    UPDATE seat SET booking_id = NULL, held_until = NULL
    FROM theirs WHERE seat.id = theirs.id
""").bindparams(bindparam("booking_ids", type_=ARRAY(UUID())))

LOWER_ALLOWANCES = text("""
    WITH freed AS (
        SELECT * FROM unnest(:user_ids, :seats) AS new (user_id, seats)
    ), theirs AS (
        SELECT user_id FROM seat_allowance
        WHERE event_id = :event_id AND user_id = ANY(:user_ids) ORDER BY user_id FOR UPDATE
    )
    UPDATE seat_allowance SET seats = seat_allowance.seats - freed.seats
    FROM freed JOIN theirs USING (user_id)
    WHERE seat_allowance.event_id = :event_id AND seat_allowance.user_id = freed.user_id
""").bindparams(
    bindparam("event_id", type_=UUID()),
    bindparam("user_ids", type_=ARRAY(UUID())),
    bindparam("seats", type_=ARRAY(Integer())),
)
