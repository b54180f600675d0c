// What an organizer does with an event: publish, cancel, see who comes, check tickets in.
import { api, get, post, serverNow } from "../api.js";
import { ask, h, icon, toast } from "../dom.js";
import { count, dateAndTime, span, zoneName } from "../format.js";
import { guestList, loadGuests } from "../guest-list.js";
import { isolate, t } from "../language.js";
import {
  actionButton,
  alert,
  availability as seatsBadge,
  dateBlock,
  explain,
  field,
  form,
  tint,
  titleOf,
  venueOf,
} from "../parts.js";

export async function render({ params: [id], signal, go }) {
  const [event, numbers, bookings] = await Promise.all([
    get(`/events/${id}`, { signal }),
    get(`/events/${id}/availability`, { signal }),
    loadGuests(id, { signal }).catch((problem) => {
      if (problem.status === 404) return null;
      throw problem;
    }),
  ]);
  const node = h("article", { class: "event" });
  draw({ node, event, numbers, bookings, go });
  return { title: isolate(titleOf(event)), node };
}

function draw(view) {
  const { node, event, numbers, bookings } = view;
  const problems = h("div", {});
  const banner = h(
    "header",
    { class: "banner" },
    dateBlock(event),
    h(
      "div",
      {},
      h("p", { class: "category" }, seatsBadge(event, numbers.available)),
      h("h1", { dir: "auto" }, titleOf(event)),
    ),
  );
  tint(banner, event.category || event.title);
  node.replaceChildren(
    ...[
      h("a", { href: "/my-events", class: "back" }, icon("back"), t("my-events")),
      banner,
      h(
        "p",
        { class: "lead" },
        span(event),
        h("span", { class: "zone" }, zoneName(event), " · ", venueOf(event)),
      ),
      h(
        "dl",
        { class: "numbers" },
        ["capacity", "booked", "held", "available"].map((name) =>
          h("div", {}, h("dt", {}, t(`number.${name}`)), h("dd", {}, count(numbers[name]))),
        ),
      ),
      h("div", { class: "actions" }, actions(view, problems)),
      problems,
      event.status === "published" && checkIn(event),
      bookings && event.status !== "draft" && guestList(event, bookings, problems),
    ].filter(Boolean),
  );
}

function actions(view, problems) {
  const { event, go } = view;
  const failed = (problem) => problems.replaceChildren(alert(explain(problem)));
  const become = (after) => {
    view.event = after;
    draw(view);
  };
  const edit = h("a", { class: "button quiet", href: `/my-events/${event.id}/edit` }, t("edit"));
  const look = h("a", { class: "button quiet", href: `/events/${event.id}` }, t("to-event"));
  if (event.status === "draft") {
    return [
      actionButton(
        t("publish"),
        "primary",
        async () => {
          become(await post(`/events/${event.id}/publish`));
          toast(t("published"), "good");
        },
        failed,
      ),
      edit,
      look,
      actionButton(
        t("delete-draft"),
        "quiet danger",
        async () => {
          if (!(await ask({ title: t("delete-draft-ask"), yes: t("delete-draft"), no: t("keep") }))) return;
          await api("DELETE", `/events/${event.id}`);
          go("/my-events");
        },
        failed,
      ),
    ];
  }
  if (event.status === "cancelled") return [look];
  // What has taken place cannot be called off any more.
  if (Date.parse(event.ends_at) <= serverNow()) return [look, edit];
  return [
    look,
    edit,
    actionButton(
      t("cancel-event"),
      "quiet danger",
      async () => {
        const reason = field({ label: t("reason"), name: "reason", rows: 4, maxlength: 500, hint: t("reason-hint") });
        const sure = await ask({
          title: t("cancel-event-ask"),
          text: t("cancel-event-text"),
          yes: t("cancel-event"),
          no: t("keep"),
          content: reason,
        });
        if (!sure) return;
        const words = reason.input.value.trim();
        become(await post(`/events/${event.id}/cancel`, words ? { reason: words } : {}));
      },
      failed,
    ),
  ];
}

function checkIn(event) {
  const code = field({
    label: t("ticket-code"),
    name: "ticket_code",
    required: true,
    maxlength: 100,
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
  });
  const result = h("p", { class: "check-result", role: "status" });
  const say = (kind, text) => {
    result.className = `check-result ${kind}`;
    result.textContent = text;
  };
  return h(
    "section",
    {},
    h("h2", {}, t("check-in")),
    form({
      className: "form inline",
      fields: [code],
      submit: t("check-in"),
      done: async (values, element) => {
        say("", "");
        try {
          const done = await post(`/events/${event.id}/check-ins`, { ticket_code: values.ticket_code.trim() });
          say(
            "good",
            t("checked-in", {
              who: done.guest_name ?? done.ticket_code,
              n: count(done.checked_in),
              capacity: count(done.capacity),
            }),
          );
          element.reset();
        } catch (problem) {
          if (problem.code === "already-checked-in")
            say("bad", t("already-in", { when: dateAndTime(problem.checked_in_at, event.timezone) }));
          else if (problem.status === 404) say("bad", t("no-such-ticket"));
          else throw problem;
        } finally {
          code.input.focus();
        }
      },
    }),
    result,
  );
}
