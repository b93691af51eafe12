// @ts-check
// Helpers that every page's scripts need and that need nothing of a page.

/** @param {string} id @returns {HTMLElement} */
export const must = (id) => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page lacks #${id}`);
  return element;
};

/** A random id; `randomUUID` exists in secure contexts only. @returns {string} */
export function newId() {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @returns {Storage | undefined} */
export function storage(/** @type {'localStorage' | 'sessionStorage'} */ name) {
  try { return window[name]; } catch { return undefined; }
}

/** Storage may be forbidden. @param {Storage | undefined} store @param {string} key @param {string} [value] */
export function stored(store, key, value) {
  try {
    if (value === undefined) return store?.getItem(key) ?? null;
    if (value === '') store?.removeItem(key);
    else store?.setItem(key, value);
  } catch { /* private mode: the page works without */ }
  return null;
}

/** @param {string} html @returns {DocumentFragment} */
export function parse(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content;
}

/** @param {number} ms */
export function age(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** A moment in the reader's own time. @param {number} ms since 1970 */
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** @param {HTMLElement} place @param {string} words */
export function fail(place, words) {
  place.textContent = words;
  place.hidden = words === '';
}

/** Says something to those who listen to the page. @param {'polite' | 'assertive'} place @param {string} words */
export function say(place, words) {
  must(place).textContent = words;
}

/** A problem's words as a sentence. @param {string} words */
export const sentence = (words) => {
  const first = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
};

/** Copies the link that the page shows. @param {HTMLElement} button */
export async function copyLink(button) {
  const field = /** @type {HTMLInputElement} */ (must('link'));
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = 'Copied';
  } catch {
    // Without a secure context there is no clipboard: the link is marked, to be copied by hand.
    field.select();
    button.textContent = 'Marked';
  }
}
