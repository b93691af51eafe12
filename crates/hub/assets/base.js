// @ts-check
// What every script of the page needs: its elements, its storage, small helpers.

/** @param {string} id @returns {HTMLElement} */
export const must = (id) => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page lacks #${id}`);
  return element;
};

export const app = must('app');
export const log = must('log');
export const dock = must('dock');
export const composer = /** @type {HTMLTextAreaElement} */ (must('composer'));
export const composeError = must('compose-error');

// Only the path: the page may have been reached by another name than the hub knows itself by.
export const api = new URL(app.dataset.api ?? '', location.href).pathname.replace(/\/$/, '');

/** A mouse and a keyboard, most likely. */
export const fine = matchMedia('(hover: hover) and (pointer: fine)');
/** A finger. */
export const coarse = matchMedia('(pointer: coarse)');

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

/** Makes a text field as high as its text. @param {HTMLTextAreaElement} area */
export function grow(area) {
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
}

/**
 * Gets rid of sockets that died without a word. The browser keeps some of them for later requests, which would wait
 * for ever; a request that is given up takes its socket along. As many as a browser keeps.
 */
export async function shake() {
  const give = () => fetch(api, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(3000) }).catch(() => {});
  await Promise.all(Array.from({ length: 6 }, give));
}

/** Whether a turn is running. */
export const running = () => document.getElementById('stop') !== null;

/** Says something to those who listen to the page. @param {'polite' | 'assertive'} place @param {string} words */
export function say(place, words) {
  must(place).textContent = words;
}
