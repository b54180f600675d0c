-- One booking as revision 206280f made it, for `pgbench --protocol=prepared`: the yardstick of every
-- later revision. Its statements are not edited any more; columns that came later have defaults.
--
-- The statements stand as that revision sent them; only parameters are written out, since pgbench has
-- no others: one seat of general admission at 2500 for a person of their own, confirmed at once, with
-- an idempotency key and a message of 600 characters. The booking's id is made of a number that grows,
-- as the service's UUIDv7 does. Defined by the caller: event_id, capacity, run (another number in each
-- run) and n (0).

\set n :n + 1
\set booking :n * 1000 + :client_id
\set start random(1, :capacity)

BEGIN;

WITH wanted AS (
    SELECT id, organizer_id, status, price, currency, capacity, title, description, venue, city,
        timezone, starts_at, ends_at, max_seats_per_user,
        EXISTS (
            SELECT FROM waitlist_entry WHERE event_id = :event_id::uuid AND booking_id IS NULL
        ) AS has_line,
        coalesce(sales_start <= now(), true) AND coalesce(sales_end > now(), true)
            AND ends_at > now() AND status = 'published' AS is_on_sale
    FROM event WHERE id = :event_id::uuid
    FOR KEY SHARE
), keyed AS (
    INSERT INTO idempotency_key (user_id, key, fingerprint, booking_id, created_at)
    SELECT md5(:run::text || '-' || :booking::text)::uuid,
        'key-' || :run::text || '-' || :booking::text, repeat('f', 64),
        ('01900000-' || lpad(to_hex(:run::int), 4, '0') || '-7000-8000-'
            || lpad(to_hex(:booking::bigint), 12, '0'))::uuid, now()
    FROM wanted WHERE is_on_sale
        AND CAST('key-' || :run::text || '-' || :booking::text AS text) IS NOT NULL
    ON CONFLICT (user_id, key) DO NOTHING
    RETURNING key
), allowed AS (
    INSERT INTO seat_allowance (event_id, user_id, seats, max_seats)
    SELECT id, md5(:run::text || '-' || :booking::text)::uuid, 1, max_seats_per_user
    FROM wanted WHERE is_on_sale
        AND (CAST('key-' || :run::text || '-' || :booking::text AS text) IS NULL
            OR EXISTS (SELECT FROM keyed))
    ON CONFLICT (event_id, user_id) DO UPDATE
    SET seats = seat_allowance.seats + excluded.seats, max_seats = excluded.max_seats
    RETURNING seats
)
SELECT wanted.*, now() AS now,
    (SELECT count(*) FROM keyed) AS keyed, (SELECT count(*) FROM allowed) AS allowed
FROM wanted;

WITH ahead AS (
    SELECT id FROM seat
    WHERE event_id = :event_id::uuid AND booking_id IS NULL AND position >= :start::int
    ORDER BY position LIMIT 1 FOR UPDATE SKIP LOCKED
), behind AS (
    SELECT id FROM seat
    WHERE event_id = :event_id::uuid AND booking_id IS NULL AND position < :start::int
    ORDER BY position LIMIT 1 - (SELECT count(*) FROM ahead)
    FOR UPDATE SKIP LOCKED
), lapsed AS (
    SELECT id FROM seat
    WHERE event_id = :event_id::uuid AND held_until <= now()
    ORDER BY position
    LIMIT 1 - (SELECT count(*) FROM ahead) - (SELECT count(*) FROM behind)
    FOR UPDATE SKIP LOCKED
), picked AS (
    SELECT id FROM ahead UNION ALL SELECT id FROM behind UNION ALL SELECT id FROM lapsed
), taken AS (
    UPDATE seat SET booking_id = ('01900000-' || lpad(to_hex(:run::int), 4, '0') || '-7000-8000-'
        || lpad(to_hex(:booking::bigint), 12, '0'))::uuid, held_until = NULL::timestamptz
    FROM picked WHERE seat.id = picked.id
        AND (seat.booking_id IS NULL OR seat.held_until <= now())
    RETURNING seat.id, seat.position, seat.section_id, seat.row_name, seat.number
)
SELECT taken.id, taken.position, taken.row_name, taken.number, section.name AS section,
    coalesce(section.price, 2500) AS price
FROM taken LEFT JOIN section ON section.id = taken.section_id
ORDER BY taken.position
\gset seat_

WITH booked AS (
    INSERT INTO booking
        (id, event_id, user_id, status, quantity, total, currency, created_at, expires_at)
    VALUES (('01900000-' || lpad(to_hex(:run::int), 4, '0') || '-7000-8000-'
            || lpad(to_hex(:booking::bigint), 12, '0'))::uuid,
        :event_id::uuid, md5(:run::text || '-' || :booking::text)::uuid, 'confirmed', 1, 2500, 'EUR',
        now(), NULL::timestamptz)
    RETURNING id, created_at
), tickets AS (
    INSERT INTO ticket
        (booking_id, seat_id, position, section, row_name, number, price, code)
    SELECT ('01900000-' || lpad(to_hex(:run::int), 4, '0') || '-7000-8000-'
        || lpad(to_hex(:booking::bigint), 12, '0'))::uuid, new.* FROM unnest(
        ARRAY[:seat_id::uuid], ARRAY[:seat_position::int], ARRAY[NULL]::text[], ARRAY[NULL]::text[],
        ARRAY[NULL]::int[], ARRAY[2500],
        ARRAY[upper(left(md5(:run::text || '-' || :booking::text), 30))]
    ) AS new
), counted AS (
    INSERT INTO seat_tally (id, event_id, held, booked, folded)
    VALUES (uuidv7(), :event_id::uuid, 0, 1, false)
), told AS (
    INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)
    SELECT uuidv7(), 'notifications.send', 'booking.confirmed.v1',
        ('{"kind": "booking-confirmed", "data": "' || repeat('x', 600) || '"}')::jsonb,
        now(), now(), 0
    WHERE CAST('booking.confirmed.v1' AS text) IS NOT NULL
)
SELECT created_at FROM booked;

COMMIT;
