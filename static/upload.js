// Sends a folder as a checkpoint: several files at once, each in parts from where the server has it already (tus 1.0).
// The same folder under the same name goes on where it was, after a pause, a cut or a reload.

import { FileOnItsWay, LoggedOutError, RefusedError, api } from "./upload-file.js";

const PARALLEL = 3;
const find = (id) => document.getElementById(id);
const root = find("upload");
const name = find("upload-name");
const pause = find("upload-pause");
root.hidden = false;

const say = (sentence, isError = false) => {
  find("upload-said").textContent = sentence;
  find("upload-said").className = isError ? "notice notice--error" : "hint";
};
const size = (bytes) =>
  bytes < 1e3 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;

// ---- What was chosen.

const inFolder = (file) => file.webkitRelativePath.split("/").slice(1);
const chosen = () =>
  [...find("upload-folder").files]
    .filter((file) => !inFolder(file).some((part) => part.startsWith(".")))
    .sort((one, other) => (one.webkitRelativePath < other.webkitRelativePath ? -1 : 1));
const folderName = () => find("upload-folder").files[0]?.webkitRelativePath.split("/")[0] ?? "";
const kept = () => `toprank.upload.${folderName()}`;

find("upload-folder").addEventListener("change", () => {
  name.value = localStorage.getItem(kept()) ?? (name.value || folderName());
});

// ---- Pictures of progress.

const row = (label) => {
  const line = document.createElement("li");
  const title = document.createElement("span");
  const both = document.createElement("div");
  const bar = document.createElement("progress");
  const words = document.createElement("span");
  title.className = "uploads__name";
  title.textContent = label;
  both.className = "progress-line";
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", label);
  both.append(bar, words);
  line.append(title, both);
  find("upload-files").append(line);
  return { bar, words };
};

const show = ({ bar, words }, received, total, more = "") => {
  bar.value = received / total;
  words.textContent = `${size(received)} of ${size(total)}${more}`;
};

// ---- Sending.

let running = null; // the AbortController of what is being sent

const settle = (isRunning) => {
  for (const id of ["upload-folder", "upload-name", "upload-start"]) find(id).disabled = isRunning;
  pause.hidden = !isRunning;
};

const begin = async (signal) => {
  const files = chosen();
  const said = files.map((file) => ({ name: inFolder(file).join("/"), size: file.size, modified: file.lastModified }));
  const upload = await api("POST", "/uploads", { json: { name: name.value, files: said }, signal });
  const known = new Map(files.map((file) => [inFolder(file).join("/"), file]));
  find("upload-files").replaceChildren();
  const all = { bar: find("upload-all").firstElementChild, words: find("upload-all").lastElementChild };
  find("upload-all").hidden = false;
  const total = upload.files.reduce((sum, file) => sum + file.size, 0);
  const waiting = upload.files.map((state) => new FileOnItsWay(upload.id, known.get(state.name), state, signal));
  const tell = () => show(all, waiting.reduce((sum, one) => sum + one.received, 0), total, " in all");
  for (const one of waiting) {
    const line = row(one.state.name);
    one.onProgress = (more) => {
      show(line, one.received, one.state.size, more);
      tell();
    };
    one.onProgress(one.isDone ? " · there" : "");
  }
  const left = [...waiting];
  const work = async () => {
    for (let one = left.shift(); one; one = left.shift()) await one.send();
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  say("Everything is there. The server looks at it …");
  const standing = await api("POST", `/uploads/${upload.id}/finish`, { signal });
  localStorage.removeItem(kept());
  location.assign(`/checkpoints/${standing.id}`);
};

find("upload-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  running = new AbortController();
  const { signal } = running;
  localStorage.setItem(kept(), name.value);
  settle(true);
  say("Sending …");
  try {
    await begin(signal);
  } catch (error) {
    if (signal.aborted && signal.reason === "pause") say("Paused. Upload goes on where it was.");
    else if (error instanceof LoggedOutError) say("You were logged out. Log in in another tab, then press Upload to go on.", true);
    else if (error instanceof RefusedError) say(error.message, true);
    else say(`The folder cannot be read any more (${error.message}). Choose it again, then press Upload to go on.`, true);
    running.abort(); // what is sent beside it
  }
  settle(false);
});

pause.addEventListener("click", () => running?.abort("pause"));

addEventListener("beforeunload", (event) => {
  if (!pause.hidden && find("upload-said").textContent.startsWith("Sending")) event.preventDefault();
});
