// What somebody chose for an event outlives a sign-in, a change of the language and a reload, in this window.
const NAME = "parterre-choice:";

/** `{seats, quantity, group, section, hold}`, all optional: places of chosen seats (`{section, row, number}`), how many
 * without numbers, how many together and in which section, the hold that was made of them. */
export function readChoice(eventId) {
  try {
    const choice = JSON.parse(sessionStorage.getItem(NAME + eventId));
    return choice && typeof choice === "object" ? choice : {};
  } catch {
    return {}; // Storage is turned off, or holds something else.
  }
}

export function keepChoice(eventId, changes) {
  try {
    const choice = { ...readChoice(eventId), ...changes };
    sessionStorage.setItem(NAME + eventId, JSON.stringify(choice));
  } catch {
    // Turned off or full: then it lasts as long as the page.
  }
}

/** Of a booking's seats, as a choice keeps them. */
export const placesOf = ({ seats }) => seats.map(({ section, row, number }) => ({ section, row, number }));
