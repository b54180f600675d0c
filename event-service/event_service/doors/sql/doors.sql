-- name: read_snapshot
-- The tickets of an event's confirmed bookings as JSON, in the form of DoorSnapshot. A code stands there as
-- a hash, so that a phone that is lost opens no door; it has 80 random bits, which nobody tries out. Half of
-- the hash tells 100,000 tickets apart, and a download is half as large.
SELECT json_build_object('event_id', :event_id::uuid, 'tickets', coalesce((
    SELECT json_agg(json_build_object(
        'hash', left(encode(
            sha256(convert_to(:event_id::uuid || ':' || replace(code, '-', ''), 'UTF8')), 'hex'
        ), 32),
        'section', section, 'row', row_name, 'number', number, 'is_checked_in', checked_in_at IS NOT NULL
    ) ORDER BY code)
    FROM booking JOIN ticket ON ticket.booking_id = booking.id
    WHERE booking.event_id = :event_id::uuid AND {IS_CONFIRMED}
), '[]'::json))::text AS snapshot

-- name: add_scan
-- Records a scan of a ticket, which is locked. Of one ticket so many are recorded: a door that sends the same
-- over and over fills no disk.
INSERT INTO door_scan (event_id, id, door_link_id, booking_id, seat_id, scanned_at, received_at, is_admitted)
SELECT :event_id, :id, :door_link_id, :booking_id, :seat_id, :scanned_at, now(), :is_admitted
WHERE (
    SELECT count(*) FROM door_scan WHERE booking_id = :booking_id AND seat_id = :seat_id
) < :scans
ON CONFLICT (event_id, id) DO NOTHING

-- name: list_conflicts
-- Scans of tickets that somebody had been admitted with, the latest first. ``first`` is the scan that admitted;
-- none where the organizer did without a door.
SELECT scan.id, scan.scanned_at, scan.received_at, link.name AS door,
    ticket.code AS ticket_code, ticket.section, ticket.row_name, ticket.number, ticket.seat_id,
    ticket.checked_in_at, booking.id AS booking_id, booking.guest_name, first.door AS first_door
FROM door_scan AS scan
JOIN booking ON booking.id = scan.booking_id
JOIN ticket ON ticket.booking_id = scan.booking_id AND ticket.seat_id = scan.seat_id
LEFT JOIN door_link AS link ON link.id = scan.door_link_id
LEFT JOIN LATERAL (
    SELECT door_link.name AS door
    FROM door_scan AS admitted LEFT JOIN door_link ON door_link.id = admitted.door_link_id
    WHERE admitted.booking_id = scan.booking_id AND admitted.seat_id = scan.seat_id AND admitted.is_admitted
    ORDER BY admitted.received_at DESC LIMIT 1
) AS first ON true
WHERE scan.event_id = :event_id AND NOT scan.is_admitted
    AND (:after_time::timestamptz IS NULL OR (scan.received_at, scan.id) < (:after_time, :after_id::uuid))
ORDER BY scan.received_at DESC, scan.id DESC
LIMIT :limit

-- name: admitting_door
-- The name of the door that admitted with a ticket last; none where the organizer did.
SELECT door_link.name
FROM door_scan LEFT JOIN door_link ON door_link.id = door_scan.door_link_id
WHERE door_scan.booking_id = :booking_id AND door_scan.seat_id = :seat_id AND door_scan.is_admitted
ORDER BY door_scan.received_at DESC
LIMIT 1

-- name: find_guests
-- Tickets of an event's confirmed bookings by a part of the guest's name, as the organizer's list finds them.
SELECT booking.guest_name, ticket.seat_id, ticket.section, ticket.row_name, ticket.number, ticket.checked_in_at
FROM booking JOIN ticket ON ticket.booking_id = booking.id
WHERE booking.event_id = :event_id AND {IS_CONFIRMED}
    AND strpos(event_plain(booking.guest_name), event_plain(:name)) > 0
ORDER BY booking.guest_name, booking.id, ticket.position
LIMIT :limit
