// Visible time since the comparison was painted, by a clock that no one can set.

const isInterrupted = () => document.hidden || document.querySelector("#pause[open], #break[open]") !== null;

export const clock = {
  visibleMs: 0,
  since: null,
  run() {
    if (this.since === null && !isInterrupted()) this.since = performance.now();
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

// How long somebody has worked without a break, over all pages and tabs of this browser.
export const workday = (owner) => ({
  key: `toprank.work.${owner}`,
  read() {
    return JSON.parse(localStorage.getItem(this.key) ?? '{"ms": 0, "at": 0}');
  },
  add(ms, breakMs) {
    const { ms: before, at } = this.read();
    const rested = Date.now() - at > breakMs;
    const total = (rested ? 0 : before) + ms;
    localStorage.setItem(this.key, JSON.stringify({ ms: total, at: Date.now() }));
    return total;
  },
  rest() {
    localStorage.removeItem(this.key);
  },
});
