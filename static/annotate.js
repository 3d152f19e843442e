// The annotation page: keys, the comparison that waits in the page, and answers that survive a bad connection.
// Without this script everything still works by forms, one page load for each answer.
"use strict";

(() => {
  const KEYS = { 1: "first", ArrowLeft: "first", 2: "second", ArrowRight: "second", 3: "equal", "=": "equal" };
  const KEEP_EVERY_MS = 240_000;
  const RETRY_MS = [500, 1000, 2000, 5000, 10_000];
  const root = document.getElementById("annotation");
  const find = (id) => document.getElementById(id);

  // ---- Visible time since the comparison was painted, by a clock that no one can set.

  const clock = {
    visibleMs: 0,
    since: null,
    run() {
      if (this.since === null && !document.hidden) this.since = performance.now();
    },
    stop() {
      if (this.since !== null) this.visibleMs += performance.now() - this.since;
      this.since = null;
    },
    restart() {
      this.visibleMs = 0;
      this.since = null;
      requestAnimationFrame(() => this.run());
    },
    read() {
      this.stop();
      this.run();
      return Math.round(this.visibleMs);
    },
  };

  const currentPair = () => document.querySelector(".pair");
  const currentClaim = () => currentPair()?.dataset.claim;
  const say = (words) => {
    find("notices").textContent = words;
  };

  // ---- Answers on their way: kept in this browser until the server has acknowledged them, sent one after another.

  const outbox = {
    key: "toprank.outbox",
    sending: false,
    tries: 0,
    read() {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]");
    },
    write(answers) {
      localStorage.setItem(this.key, JSON.stringify(answers));
    },
    add(answer) {
      this.write([...this.read(), answer]);
      this.send();
    },
    async send() {
      if (this.sending) return;
      this.sending = true;
      while (this.read().length > 0 && (await this.sendFirst()));
      this.sending = false;
    },
    async sendFirst() {
      const answer = this.read()[0];
      const response = await post("/annotate", answer).catch(() => null);
      if (response === null || response.status >= 500) {
        say("No connection. Your answer is kept here and sent as soon as it is back.");
        setTimeout(() => this.send(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
        return false;
      }
      if (response.status === 401 || response.redirected) {
        say("You have been logged out. Your answer is kept here: log in again in this browser and it is sent.");
        return false;
      }
      const html = await response.text();
      this.tries = 0;
      this.write(this.read().slice(1));
      if (!response.ok) {
        location.reload();
        return false;
      }
      if (this.read().length === 0) update(html);
      return true;
    },
  };

  const post = (path, fields) =>
    fetch(path, {
      method: "POST",
      headers: { "HX-Request": "true", "X-CSRF-Token": root.dataset.token },
      body: new URLSearchParams(fields),
    });

  // ---- Showing comparisons.

  const showPair = (pair) => {
    find("pair").replaceChildren(pair);
    scrollTo({ top: 0, behavior: "instant" });
    currentPair().querySelector(".context").focus({ preventScroll: true });
    clock.restart();
  };

  // The server's word on what is shown and what is next. What is on the screen already stays, with its clock.
  const update = (html) => {
    const fragment = document.createRange().createContextualFragment(html);
    const fresh = fragment.querySelector("#judgement");
    const shown = fresh.querySelector("#pair .pair");
    say("");
    if (shown && shown.dataset.claim === currentClaim()) {
      find("judged").textContent = fresh.querySelector("#judged").textContent;
      find("revise").hidden = false;
      find("following")?.remove();
      const following = fresh.querySelector("#following");
      if (following) find("judgement").append(following);
    } else {
      find("judgement").replaceWith(fresh);
      htmx.process(fresh);
      prepare();
      fresh.querySelector(".context")?.focus({ preventScroll: true });
      scrollTo({ top: 0, behavior: "instant" });
    }
  };

  const judge = (verdict) => {
    const form = currentPair()?.querySelector(".choices");
    if (!form || form.dataset.judged) return;
    form.dataset.judged = verdict;
    const duration = clock.read();
    if (!root) {
      form.elements.duration_ms.value = duration;
      form.requestSubmit(form.querySelector(`[value="${verdict}"]`));
      return;
    }
    const answer = { claim: currentClaim(), verdict, duration_ms: duration };
    const following = find("following");
    if (following) {
      showPair(following.content.cloneNode(true));
      following.remove();
      say("Saved. Next comparison.");
    } else {
      form.querySelector(`[value="${verdict}"]`).classList.add("is-chosen");
      form.querySelectorAll("button").forEach((button) => (button.disabled = true));
    }
    outbox.add(answer);
  };

  const prepare = () => {
    const keys = find("show-keys");
    if (keys) keys.hidden = false;
    if (currentPair()) clock.restart();
  };

  // ---- What people do.

  let lastActive = performance.now();

  const press = (event) => {
    const typing = event.target.matches?.("input, textarea, select");
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("dialog[open]")) return;
    const verdict = KEYS[event.key];
    const action = {
      u: () => find("revise")?.click(),
      s: () => currentPair()?.querySelector(".skip summary")?.click(),
      "?": () => find("keys")?.showModal(),
    }[event.key.toLowerCase()];
    if (!verdict && !action) return;
    event.preventDefault();
    if (verdict) judge(verdict);
    else action();
  };

  document.addEventListener("keydown", press);
  document.addEventListener("submit", (event) => {
    if (!root || !event.target.matches(".choices")) return;
    event.preventDefault();
    judge(event.submitter.value);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#show-keys")) find("keys").showModal();
    const revise = event.target.closest("#revise");
    if (revise && outbox.read().length > 0) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? clock.stop() : clock.run()));
  for (const kind of ["keydown", "pointerdown", "pointermove", "scroll"]) {
    document.addEventListener(kind, () => (lastActive = performance.now()), { passive: true });
  }

  if (root) {
    const pauseAfterMs = 1000 * Number(root.dataset.pauseSeconds);
    let keptAt = performance.now();
    setInterval(() => {
      const now = performance.now();
      if (now - lastActive > pauseAfterMs && !find("pause").open && currentPair()) {
        clock.stop();
        find("pause").showModal();
      } else if (now - keptAt > KEEP_EVERY_MS && lastActive > keptAt && !document.hidden && currentPair()) {
        keptAt = now;
        post("/annotate/keep", { claim: currentClaim() }).catch(() => null);
      }
    }, 1000);
    find("pause").addEventListener("close", () => clock.run());
    addEventListener("online", () => outbox.send());
    addEventListener("pagehide", () => {
      if (!currentPair()) return;
      const fields = new URLSearchParams({ claim: currentClaim(), csrf_token: root.dataset.token });
      navigator.sendBeacon("/annotate/leave", fields);
    });
    document.body.addEventListener("htmx:afterSettle", prepare);
    outbox.send();
  }
  prepare();
})();
