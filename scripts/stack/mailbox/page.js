// The chosen mail stands in the address after "#", so that reload, links and "back" work.
const at = id => document.getElementById(id);
// As the mails are written: the day before the month, 24 hours.
const LOCALE = "en-GB";
const PAGE = 100, PAUSE_MS = 1000;
const lines = new Map();
let limit = PAGE, chosen = "", refreshing = null, isStale = false;

const copy = id => at(id).content.firstElementChild.cloneNode(true);
const mailUrl = id => "/api/v1/messages/" + encodeURIComponent(id);
const partUrl = (id, number) => `/part/${encodeURIComponent(id)}/${number}`;
const subjectOf = mail => mail.subject || "(no subject)";

function make(tag, text, more = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, more);
}

function shortTime(iso) {
  const date = new Date(iso), now = new Date();
  if (date.toDateString() === now.toDateString())
    return date.toLocaleTimeString(LOCALE, { hour: "2-digit", minute: "2-digit" });
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString(LOCALE, { day: "numeric", month: "short", year });
}

const longTime = iso => new Date(iso).toLocaleString(LOCALE, { dateStyle: "medium", timeStyle: "medium" });

function size(bytes) {
  if (bytes < 1024) return bytes + " B";
  return bytes < 1048576 ? Math.round(bytes / 1024) + " KB" : (bytes / 1048576).toFixed(1) + " MB";
}

function lineOf(mail) {
  if (!lines.has(mail.id)) {
    const row = copy("line"), link = row.querySelector("a"), time = row.querySelector("time");
    link.href = "#" + encodeURIComponent(mail.id);
    row.querySelector(".sender").textContent = mail.sender || "(no sender)";
    row.querySelector(".subject").textContent = subjectOf(mail);
    row.querySelector(".recipients").textContent = "to " + mail.recipients;
    time.dateTime = mail.received_at;
    time.title = longTime(mail.received_at);
    lines.set(mail.id, row);
  }
  const row = lines.get(mail.id), link = row.firstElementChild;
  row.querySelector("time").textContent = shortTime(mail.received_at);
  if (mail.id === chosen) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  return row;
}

// Rows that stay are not touched: focus, selected words and the place in the list stay too.
function showList(items) {
  const wanted = new Set(items.map(mail => mail.id));
  for (const [id, row] of lines) if (!wanted.has(id)) { row.remove(); lines.delete(id); }
  let next = at("list").firstElementChild;
  for (const mail of items) {
    const row = lineOf(mail);
    if (row === next) next = next.nextElementSibling;
    else at("list").insertBefore(row, next);
  }
}

function showCounts({ total, searched, is_done: isDone, items }) {
  const query = at("search").value.trim(), all = total.toLocaleString();
  at("count").textContent = total === 1 ? "1 mail" : `${all} mails`;
  document.title = total ? `Mailbox (${all})` : "Mailbox";
  at("clear").disabled = total === 0;
  at("more").hidden = items.length < limit || searched === total;
  at("note").textContent = !isDone ? `Searched ${searched.toLocaleString()} of ${all} …`
    : items.length ? "" : query ? "No mail holds these words." : "No mail yet.";
}

async function load() {
  const query = new URLSearchParams({ q: at("search").value.trim(), limit });
  try {
    const found = await (await fetch("/mails?" + query)).json();
    showList(found.items);
    showCounts(found);
  } catch {
    at("count").textContent = "not reachable";
  }
}

// One at a time; what changes meanwhile is asked for once more.
function refresh() {
  isStale = true;
  refreshing ??= (async () => {
    while (isStale) { isStale = false; await load(); }
    refreshing = null;
  })();
  return refreshing;
}

function showNothing(words) {
  at("mail").replaceChildren(make("p", words, { className: "empty" }));
}

async function decoded(url) {
  const response = await fetch(url);
  const [, charset] = /charset\s*=\s*"?([^\s";]+)/i.exec(response.headers.get("Content-Type")) ?? [];
  const bytes = await response.arrayBuffer();
  try { return new TextDecoder(charset ?? "utf-8").decode(bytes); }
  catch { return new TextDecoder().decode(bytes); }
}

function headerTable(headers) {
  const table = document.createElement("table"), around = make("div", "", { className: "names" });
  for (const [name, value] of headers) table.insertRow().append(make("th", name), make("td", value));
  around.append(table);
  return around;
}

function frameOf(mail) {
  const frame = make("iframe", "", { title: subjectOf(mail) });
  frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  frame.src = partUrl(mail.id, mail.html);
  return frame;
}

function viewsOf(mail) {
  // Each paragraph in its own direction, as mail programs show it.
  const text = url => async () => make("pre", await decoded(url), { className: "plain-text" });
  const views = [];
  if (mail.html !== null) views.push(["HTML", async () => frameOf(mail)]);
  if (mail.text !== null) views.push(["Text", text(partUrl(mail.id, mail.text))]);
  views.push(["Headers", async () => headerTable(mail.headers)]);
  views.push(["Source", text(mailUrl(mail.id) + "/download")]);
  return views;
}

// As everywhere: arrows lead from tab to tab, Tab leads on to what the chosen one shows.
function moveBetweenTabs(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.children];
  const next = tabs.at((tabs.indexOf(document.activeElement) + step) % tabs.length);
  next.focus();
  next.click();
}

function showMail(mail) {
  const article = copy("opened"), find = name => article.querySelector(name);
  find("h2").textContent = subjectOf(mail);
  find(".sender").textContent = mail.sender || "(no sender)";
  find(".recipients").textContent = mail.recipients;
  find(".time").textContent = longTime(mail.received_at);
  for (const file of mail.attachments) {
    const link = make("a", "↓ " + file.name + " ", { className: "button", download: file.name });
    link.href = partUrl(mail.id, file.number);
    link.append(make("small", size(file.bytes)));
    link.title = file.type;
    find(".files").append(link);
  }
  find(".download").href = mailUrl(mail.id) + "/download";
  find(".delete").onclick = () => remove(mailUrl(mail.id));
  for (const [name, view] of viewsOf(mail)) {
    const tab = make("button", name);
    tab.setAttribute("role", "tab");
    tab.onclick = async () => {
      for (const other of find(".tabs").children) {
        other.setAttribute("aria-selected", other === tab);
        other.tabIndex = other === tab ? 0 : -1;
      }
      find("h3").textContent = find(".body").ariaLabel = name;
      const shown = await view();
      if (tab.getAttribute("aria-selected") === "true") find(".body").replaceChildren(shown);
    };
    find(".tabs").append(tab);
  }
  find(".tabs").onkeydown = moveBetweenTabs;
  at("mail").replaceChildren(article);
  find("[role=tab]").click();
  // On a phone the list is gone, and with it what had the focus.
  if (document.activeElement === document.body) find("h2").focus();
}

async function open() {
  const id = chosen = decodeURIComponent(location.hash.slice(1));
  document.body.classList.toggle("reading", id !== "");
  for (const [other, row] of lines) row.firstElementChild.toggleAttribute("aria-current", other === id);
  lines.get(id)?.firstElementChild.setAttribute("aria-current", "true");
  if (!id) return showNothing("Choose a mail to read it.");
  const response = await fetch("/mails/" + encodeURIComponent(id)).catch(() => null);
  if (id !== chosen) return;
  if (response?.ok) showMail(await response.json());
  else showNothing(response ? "This mail is no longer there." : "The mailbox is not reachable.");
}

async function remove(url) {
  await fetch(url, { method: "DELETE" }).catch(() => null);
  location.hash = "";
  await refresh();
}

at("search").oninput = () => { limit = PAGE; refresh(); };
at("more").onclick = () => { limit += PAGE; refresh(); };
at("back").onclick = () => { location.hash = ""; };
at("clear").onclick = () => { if (confirm("Delete all mails?")) remove("/api/v1/messages"); };
addEventListener("hashchange", open);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, PAUSE_MS);
refresh();
open();
