// Keys on the page where passages are read one at a time: each presses the button that carries it.
// Without this script everything works by the buttons.

const TYPING = "input, textarea, select";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest(TYPING)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const name = event.shiftKey && /[a-z]/.test(key) ? `shift+${key}` : key;
  const target = document.querySelector(`[data-key="${CSS.escape(name)}"]`);
  if (!target) return;
  event.preventDefault();
  target.click();
  if (target.tagName === "SUMMARY") target.parentElement.querySelector("textarea")?.focus();
});
