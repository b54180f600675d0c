-- name: read_totals
-- Seats that are booked, held, used and waited for. A seat counts once: an offer of the waitlist is a hold.
SELECT coalesce(sum(quantity) FILTER (WHERE {IS_CONFIRMED}), 0)::int AS booked,
    coalesce(sum(quantity) FILTER (WHERE {IS_HELD}), 0)::int AS held,
    coalesce(sum(total) FILTER (WHERE {IS_CONFIRMED}), 0)::bigint AS revenue,
    (
        SELECT count(*)::int FROM booking JOIN ticket ON ticket.booking_id = booking.id
        WHERE booking.event_id = :event_id AND {IS_CONFIRMED} AND ticket.checked_in_at IS NOT NULL
    ) AS checked_in,
    (
        SELECT coalesce(sum(quantity), 0)::int FROM waitlist_entry
        WHERE event_id = :event_id AND booking_id IS NULL
    ) AS waiting
FROM booking WHERE event_id = :event_id

-- name: list_sections
-- Sections in the order of the plan. A ticket has its section by name; names of an event differ.
WITH sold AS (
    SELECT ticket.section AS name, count(*) AS booked, sum(ticket.price) AS revenue
    FROM booking JOIN ticket ON ticket.booking_id = booking.id
    WHERE booking.event_id = :event_id AND {IS_CONFIRMED} AND ticket.section IS NOT NULL
    GROUP BY ticket.section
), seats AS (
    SELECT section_id, count(*) AS capacity FROM seat
    WHERE event_id = :event_id AND section_id IS NOT NULL GROUP BY section_id
)
SELECT section.name, coalesce(seats.capacity, 0)::int AS capacity,
    coalesce(sold.booked, 0)::int AS booked, coalesce(sold.revenue, 0)::bigint AS revenue
FROM section LEFT JOIN seats ON seats.section_id = section.id LEFT JOIN sold USING (name)
WHERE section.event_id = :event_id
ORDER BY section.position

-- name: list_moments
-- What is booked by the quarter of an hour in which it was sold: offsets from UTC are multiples of that, and
-- Python's rules of time zones, not PostgreSQL's, tell the day.
SELECT date_bin('15 minutes', coalesce(confirmed_at, created_at), '2000-01-01 00:00:00Z') AS moment,
    sum(quantity)::int AS seats, sum(total)::bigint AS revenue
FROM booking WHERE booking.event_id = :event_id AND {IS_CONFIRMED}
GROUP BY moment ORDER BY moment
