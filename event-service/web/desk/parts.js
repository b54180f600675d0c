// The parts of an event's desk: their addresses and icons.

export const partAddress = (event, name) =>
  name === "overview" ? `/my-events/${event.id}` : `/my-events/${event.id}/${name}`;

export const PART_ICONS = {
  overview: "M4.5 20v-8M10 20V4.5M15.5 20v-6M21 20H3",
  guests:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.4a3.5 3.5 0 0 1 0 6.2M18.5 14.6A6.5 6.5 0 0 1 21.5 20",
  waiting: "M6.5 3.5h11M6.5 20.5h11M8 3.5c0 5 8 6.5 8 8.5s-8 3.5-8 8.5M16 3.5c0 5-8 6.5-8 8.5s8 3.5 8 8.5",
  messages: "M3.5 6h17v12h-17zM4 6.5l8 6.5 8-6.5",
  door: "M6 20.5V3.5h12v17M3.5 20.5h17M14.5 11.5v1.5",
  settings:
    "M4 7h9M19 7h1M4 17h1M11 17h9M16 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
};
