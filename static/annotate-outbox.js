// Answers on their way: kept in this browser until the server has acknowledged them, sent one after another.
// Each has a key of its own, so that two tabs cannot take each other's away, and its owner's name, so that nobody
// else's login sends it. Sending one twice is harmless: the server answers the second time with the first result.

const RETRY_MS = [500, 1000, 2000, 5000, 10_000];
const RELOAD_AFTER_MS = 10_000;

export const post = (path, fields, token) =>
  fetch(path, {
    method: "POST",
    headers: { "HX-Request": "true", "X-CSRF-Token": token },
    body: new URLSearchParams(fields),
  });

export class Outbox {
  #sending = false;
  #tries = 0;
  #added = 0;

  // on: offline(), loggedOut(), done(html), each called when it happens
  constructor(owner, token, on) {
    this.prefix = `toprank.outbox.${owner}.`;
    this.token = token;
    this.on = on;
  }

  keys() {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(this.prefix))
      .sort();
  }

  get isEmpty() {
    return this.keys().length === 0;
  }

  add(path, fields) {
    const place = `${String(Date.now()).padStart(15, "0")}.${String(this.#added++).padStart(6, "0")}`;
    localStorage.setItem(`${this.prefix}${place}.${crypto.getRandomValues(new Uint32Array(1))[0]}`, JSON.stringify({ path, fields }));
    this.send();
  }

  async send() {
    if (this.#sending) return;
    this.#sending = true;
    while (!this.isEmpty && (await this.#sendFirst()));
    this.#sending = false;
  }

  async #sendFirst() {
    const [key] = this.keys();
    const kept = localStorage.getItem(key);
    if (kept === null) return true; // another tab has sent it
    const { path, fields } = JSON.parse(kept);
    const response = await post(path, fields, this.token).catch(() => null);
    if (response === null || response.status >= 500 || response.status === 429) {
      this.on.offline();
      setTimeout(() => this.send(), RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)]);
      return false;
    }
    if (response.status === 401) {
      this.on.loggedOut();
      return false;
    }
    if (response.status === 403) {
      this.#reload(); // a login since then has changed the page's token
      return false;
    }
    this.#tries = 0;
    const html = await response.text();
    localStorage.removeItem(key);
    return this.#acknowledged(response, html);
  }

  #acknowledged(response, html) {
    const elsewhere = response.headers.get("HX-Redirect");
    if (elsewhere) location.assign(elsewhere);
    else if (!response.ok) location.reload();
    else if (html && this.isEmpty) this.on.done(html);
    return response.ok && !elsewhere;
  }

  #reload() {
    const last = Number(sessionStorage.getItem("toprank.reloaded") ?? 0);
    if (Date.now() - last < RELOAD_AFTER_MS) return this.on.loggedOut();
    sessionStorage.setItem("toprank.reloaded", String(Date.now()));
    location.reload();
  }
}
