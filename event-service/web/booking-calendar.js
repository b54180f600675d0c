// The calendar file of a booking, which needs the session to be fetched.
import { get } from "./api.js";
import { download, toast } from "./dom.js";
import { t } from "./language.js";

/** Raises Problem, except for a booking that has no file. */
export async function saveCalendar(booking) {
  try {
    const options = { as: "blob", headers: { Accept: "text/calendar" } };
    download(await get(`/bookings/${booking.id}/calendar.ics`, options), "parterre.ics");
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    toast(t("calendar-missing"));
  }
}
