// One file on its way: parts with a checksum each, and the server's word at every step on where to go on.

import { Sha256 } from "./upload-hash.js";

const PART = 8 * 2 ** 20;
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];
const BUSY_MS = 1000;
const MOST_TRIES = 5;
const root = document.getElementById("upload");

export class RefusedError extends Error {}
export class LoggedOutError extends Error {}

const rest = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

// The answer to a request that may be repeated; while there is none, it is asked again.
const ask = async (method, path, { headers = {}, body, signal, onAway = () => {} }) => {
  for (let tries = 0; ; tries++) {
    const sent = { method, headers: { "X-CSRF-Token": root.dataset.token, ...headers }, body, signal };
    const response = await fetch(`/api/v1${path}`, sent).catch((error) => {
      if (signal.aborted) throw error;
      return null;
    });
    if (response?.status === 401) throw new LoggedOutError();
    if (response !== null && response.status !== 429 && ![502, 503, 504].includes(response.status)) return response;
    onAway();
    await rest(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)], signal);
  }
};

const problem = async (response) => {
  const said = await response.json().catch(() => ({ detail: `The server answers ${response.status}. Try again later.` }));
  return new RefusedError([said.detail, ...(said.errors ?? []).map(({ where, why }) => `${where}: ${why}.`)].join(" "));
};

// The JSON of a successful answer; a request that another is at the same work as waits for its turn.
export const api = async (method, path, { json, signal }) => {
  const said = json === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(json) };
  for (;;) {
    const response = await ask(method, path, { ...said, signal });
    if (response.ok) return response.status === 204 ? null : response.json();
    if (response.status !== 423) throw await problem(response);
    await rest(BUSY_MS, signal);
  }
};

// WebCrypto is faster, and absent on plain http.
const checksum = async (buffer) => {
  const sum = crypto.subtle
    ? new Uint8Array(await crypto.subtle.digest("SHA-256", buffer))
    : new Sha256().update(new Uint8Array(buffer)).digest();
  return `sha256 ${btoa(String.fromCharCode(...sum))}`;
};

// The hash of a whole file, computed beside the page; null where the program for it cannot be loaded.
const hashBeside = (file, signal) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(root.dataset.hasher, { type: "module" });
    const end = (settle, value) => (worker.terminate(), settle(value));
    worker.onmessage = ({ data }) => (data.sha256 ? end(resolve, data.sha256) : end(reject, new Error(data.error)));
    worker.onerror = () => end(resolve, null);
    signal.addEventListener("abort", () => end(reject, signal.reason), { once: true });
    worker.postMessage(file);
  });

// The program is fetched like everything else, so a cut may meet it too.
const hashOf = async (file, signal) => {
  for (let tries = 0; ; tries++) {
    const sum = await hashBeside(file, signal);
    if (sum !== null) return sum;
    await rest(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)], signal);
  }
};

export class FileOnItsWay {
  onProgress = () => {};

  constructor(upload, file, state, signal) {
    this.path = `/uploads/${upload}/files/${state.number}`;
    this.file = file;
    this.state = state;
    this.signal = signal;
    this.received = state.received;
    this.isDone = state.sha256 !== null;
  }

  async send() {
    if (this.isDone) return;
    const hash = hashOf(this.file, this.signal);
    hash.catch(() => {}); // a failure is met where it is awaited
    for (let tries = 0; tries < MOST_TRIES && !this.isDone; tries++) {
      await this.#sendParts();
      this.onProgress(" · comparing");
      await this.#compare(await hash);
    }
    if (!this.isDone) throw new RefusedError(`${this.state.name} arrives other than it is here. Does it change meanwhile?`);
    this.onProgress(" · there");
  }

  async #sendParts() {
    for (let spoilt = 0; this.received < this.state.size; ) {
      const part = await this.file.slice(this.received, this.received + PART).arrayBuffer();
      const headers = {
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": String(this.received),
        "Upload-Checksum": await checksum(part),
      };
      const response = await this.#ask("PATCH", { headers, body: part });
      const offset = response.headers.get("Upload-Offset");
      if (response.status === 423) await this.#wait();
      else if (response.status === 460 && spoilt++ < MOST_TRIES) continue;
      else if (offset !== null && (response.ok || response.status === 409)) this.#goOnFrom(Number(offset));
      else throw await problem(response);
    }
  }

  async #compare(sha256) {
    const headers = { "Content-Type": "application/json" };
    const response = await this.#ask("POST", { headers, body: JSON.stringify({ sha256 }) }, "/check");
    this.isDone = response.ok;
    if (this.isDone) return;
    if (![409, 422, 423].includes(response.status)) throw await problem(response);
    await this.#wait();
  }

  async #wait() {
    await rest(BUSY_MS, this.signal);
    const response = await this.#ask("HEAD", {});
    if (!response.ok) throw new RefusedError("The upload was cancelled. Press Upload to send it anew.");
    this.#goOnFrom(Number(response.headers.get("Upload-Offset")));
  }

  #ask(method, sent, more = "") {
    const onAway = () => this.onProgress(" · the server cannot be reached, trying again");
    return ask(method, this.path + more, { ...sent, signal: this.signal, onAway });
  }

  #goOnFrom(received) {
    this.received = received;
    this.onProgress("");
  }
}
