// The annotation page: keys, the comparison that waits in the page, and answers that survive a bad connection.
// Without this script everything still works by forms, one page load for each answer.

import { clock, workday } from "./annotate-clock.js";
import { Outbox, post } from "./annotate-outbox.js";

const KEYS = { 1: "first", ArrowLeft: "first", 2: "second", ArrowRight: "second", 3: "equal", "=": "equal" };
const SCROLLS = { ArrowUp: -60, ArrowDown: 60, PageUp: -400, PageDown: 400 };
const KEEP_EVERY_MS = 240_000;
const ACTIVE_MS = 60_000;
const REST_MS = 300_000;

const find = (id) => document.getElementById(id);
const root = find("annotation");
const currentPair = () => document.querySelector(".pair");
const currentClaim = () => currentPair()?.dataset.claim;
const words = (name) => root.dataset[`say${name}`];

// Quiet words are for screen readers only: what everybody sees must not move the texts.
const say = (sentence, { quiet = false } = {}) => {
  const notices = find("notices");
  notices.className = quiet ? "visually-hidden" : "notice notice--warn";
  notices.textContent = sentence;
};
const sayNothing = () => {
  if (!find("notices").classList.contains("visually-hidden")) find("notices").textContent = "";
};

// ---- Showing comparisons.

const showPair = (pair) => {
  find("pair").replaceChildren(pair);
  beginReading();
};

const beginReading = () => {
  scrollTo({ top: 0, behavior: "instant" });
  (currentPair()?.querySelector(".context") ?? find("content")).focus({ preventScroll: true });
  clock.restart();
};

// The server's word on what is shown and what is next. What is on the screen already stays, with its clock.
const update = (html) => {
  const fresh = document.createRange().createContextualFragment(html).querySelector("#judgement");
  if (!fresh || fresh.dataset.study !== find("judgement").dataset.study) return;
  sayNothing();
  const shown = fresh.querySelector("#pair .pair");
  if (shown && shown.dataset.claim === currentClaim() && !currentPair().dataset.judged) {
    find("judged").textContent = fresh.querySelector("#judged").textContent;
    find("revise").hidden = fresh.querySelector("#revise").hidden;
    find("following")?.remove();
    const following = fresh.querySelector("#following");
    if (following) find("judgement").append(following);
  } else {
    find("judgement").replaceWith(fresh);
    htmx.process(fresh);
    prepare();
    beginReading();
  }
};

const refresh = async () => {
  const path = `/annotate?study=${find("judgement").dataset.study}`;
  const response = await fetch(path, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (response?.ok && outbox.isEmpty) update(await response.text());
};

const outbox = root
  ? new Outbox(root.dataset.owner, root.dataset.token, {
      offline: () => say(words("Offline")),
      loggedOut: () => say(words("LoggedOut")),
      done: (html) => {
        update(html);
        otherTabs.postMessage(find("judgement").dataset.study);
      },
    })
  : null;
const otherTabs = new BroadcastChannel("toprank");
otherTabs.addEventListener("message", (event) => {
  if (root && event.data === find("judgement").dataset.study) refresh();
});

// ---- Leaving a comparison: with a verdict, or without one.

const goOn = (path, fields, sentence) => {
  const pair = currentPair();
  pair.dataset.judged = "true";
  const following = find("following");
  if (following) {
    showPair(following.content.cloneNode(true));
    following.remove();
    say(sentence, { quiet: true });
  } else {
    pair.querySelectorAll("button").forEach((button) => (button.disabled = true));
  }
  outbox.add(path, fields);
};

const judge = (verdict) => {
  const pair = currentPair();
  const form = pair?.querySelector(".choices");
  if (!form || pair.dataset.judged) return;
  const duration = clock.read();
  form.querySelector(`[value="${verdict}"]`).classList.add("is-chosen");
  if (root) {
    goOn("/annotate", { claim: currentClaim(), verdict, duration_ms: duration }, words("Saved"));
    return;
  }
  pair.dataset.judged = "true";
  form.elements.duration_ms.value = duration;
  form.requestSubmit(form.querySelector(`[value="${verdict}"]`));
};

const skip = (reason) => {
  if (!currentPair().dataset.judged) goOn("/annotate/skip", { claim: currentClaim(), reason }, words("Skipped"));
};

const flag = (form) => {
  outbox.add("/annotate/flag", { claim: currentClaim(), note: form.elements.note.value });
  form.reset();
  close(form.closest("details"));
  say(words("Flagged"), { quiet: false });
};

const open = (selector) => {
  const details = currentPair()?.querySelector(selector);
  if (!details) return;
  details.open = true;
  details.querySelector("button, textarea").focus();
};

const close = (details) => {
  details.open = false;
  currentPair().querySelector(".context").focus({ preventScroll: true });
};

const revise = () => {
  if (outbox && !outbox.isEmpty) say(words("Busy"));
  else find("revise")?.click();
};

const prepare = () => {
  if (find("show-keys")) find("show-keys").hidden = false;
  if (currentPair()) clock.restart();
};

// ---- What people do.

let lastActive = performance.now();

const scroll = (event) => {
  const texts = document.querySelector(".continuations");
  if (!texts || texts.scrollHeight <= texts.clientHeight || texts.contains(event.target)) return;
  event.preventDefault();
  texts.scrollBy({ top: SCROLLS[event.key], behavior: "instant" });
};

const pressInside = (event, details) => {
  const reason = details.matches(".skip") && details.querySelectorAll("form button")[Number(event.key) - 1];
  if (event.key === "Escape") close(details);
  else if (reason) reason.click();
};

const press = (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const details = event.target.closest?.("details[open]");
  if (details) return pressInside(event, details);
  if (event.target.matches?.("input, textarea, select")) return;
  if (event.key in SCROLLS) return scroll(event);
  const verdict = KEYS[event.key];
  const action = { u: revise, s: () => open(".skip"), f: () => open(".flag"), "?": () => find("keys")?.showModal() }[event.key.toLowerCase()];
  if (!verdict && !action) return;
  event.preventDefault();
  if (verdict) judge(verdict);
  else action();
};

const submit = (event) => {
  if (!root || !event.target.closest(".pair")) return;
  event.preventDefault();
  if (event.target.matches(".choices")) judge(event.submitter.value);
  else if (event.target.matches(".skip form")) skip(event.submitter.value);
  else flag(event.target);
};

document.addEventListener("keydown", press);
document.addEventListener("submit", submit);
document.addEventListener("click", (event) => {
  if (event.target.closest("#show-keys")) find("keys").showModal();
  if (event.target.closest("#revise") && outbox && !outbox.isEmpty) event.preventDefault();
});
document.addEventListener("visibilitychange", () => (document.hidden ? clock.stop() : clock.run()));
for (const kind of ["keydown", "pointerdown", "pointermove", "scroll"]) {
  document.addEventListener(kind, () => (lastActive = performance.now()), { passive: true, capture: true });
}

const interrupt = (dialog) => {
  clock.stop();
  dialog.showModal();
};

const watch = () => {
  const pauseAfterMs = 1000 * Number(root.dataset.pauseSeconds);
  const breakAfterMs = 60_000 * Number(root.dataset.breakMinutes);
  const work = workday(root.dataset.owner);
  let keptAt = performance.now();
  let tickedAt = performance.now();
  setInterval(() => {
    const now = performance.now();
    const idleMs = now - lastActive;
    const isReading = currentPair() && !document.hidden && !document.querySelector("dialog[open]");
    if (isReading && idleMs > pauseAfterMs) interrupt(find("pause"));
    else if (isReading && breakAfterMs && idleMs < ACTIVE_MS) {
      if (work.add(now - tickedAt, REST_MS) >= breakAfterMs) interrupt(find("break"));
    }
    if (isReading && now - keptAt > KEEP_EVERY_MS && lastActive > keptAt) {
      keptAt = now;
      post("/annotate/keep", { claim: currentClaim() }, root.dataset.token).catch(() => null);
    }
    tickedAt = now;
  }, 1000);
  find("pause").addEventListener("close", () => clock.run());
  find("break")?.addEventListener("close", () => {
    work.rest();
    clock.run();
  });
};

if (root) {
  watch();
  addEventListener("online", () => outbox.send());
  addEventListener("pageshow", (event) => event.persisted && refresh());
  addEventListener("pagehide", () => {
    if (!currentPair()) return;
    const fields = new URLSearchParams({ claim: currentClaim(), csrf_token: root.dataset.token });
    navigator.sendBeacon("/annotate/leave", fields);
  });
  document.body.addEventListener("htmx:afterSettle", prepare);
  outbox.send();
}
prepare();
