// @ts-check
// The list's stream of changes: opened, watched, opened again; the page says how it stands.

import { age, must } from './common.js';

/**
 * @typedef {{id: string, group: string, html: string}} Row
 * @typedef {{all: boolean, rows: Row[], gone: string[]}} Change
 */

const app = must('app');
const connection = must('connection');
/** The list's API. Only the path: the page may have been reached by another name than the hub knows itself by. */
export const api = new URL(app.dataset.api ?? '', location.href).pathname.replace(/\/$/, '');

let cursor = app.dataset.cursor ?? '';
/** @type {EventSource | undefined} */
let source;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
let failures = 0;
let lostAt = 0;
let heardAt = Date.now();
let gone = false;
/** @type {(change: Change) => void} */
let apply = () => {};

/** @param {(change: Change) => void} take */
export function follow(take) {
  apply = take;
  connect();
}

function connect() {
  clearTimeout(retry);
  source?.close();
  if (gone) return;
  const stream = new EventSource(`${api}/page/stream?cursor=${encodeURIComponent(cursor)}`);
  source = stream;
  const heard = () => {
    heardAt = Date.now();
    failures = 0;
    lostAt = 0;
    show();
  };
  stream.addEventListener('open', heard);
  stream.addEventListener('ping', heard);
  stream.addEventListener('patch', (event) => {
    heard();
    /** @type {Change} */
    let change;
    try { change = JSON.parse(event.data); } catch { return; }
    apply(change);
    if (event.lastEventId) cursor = event.lastEventId;
  });
  // The browser's own retry would ask from where this stream began; ours asks from where we are.
  stream.addEventListener('error', () => {
    if (source === stream) lost();
  });
}

function lost() {
  source?.close();
  source = undefined;
  lostAt ||= Date.now();
  failures += 1;
  const base = navigator.onLine ? Math.min(10_000, 400 * 2 ** Math.min(failures, 5)) : 20_000;
  clearTimeout(retry);
  retry = setTimeout(connect, base * (0.75 + Math.random() / 2));
  if (failures === 2) void check();
  show();
}

/** A stream that does not open tells nothing; an ordinary request tells whether the link still exists. */
async function check() {
  try {
    const answer = await fetch(`${api}/sessions`, { headers: { accept: 'application/json' } });
    if (answer.status !== 404) return;
    gone = true;
    clearTimeout(retry);
    show();
  } catch { /* offline: keep trying */ }
}

function show() {
  const lostFor = lostAt ? Date.now() - lostAt : 0;
  let [state, words] = ['connecting', 'Connecting'];
  if (gone) [state, words] = ['offline', 'Link is gone'];
  else if (!lostAt && source?.readyState === EventSource.OPEN) [state, words] = ['live', 'Live'];
  else if (lostAt && (!navigator.onLine || lostFor > 8000)) [state, words] = ['offline', lostFor < 3000 ? 'Offline' : `Offline for ${age(lostFor)}`];
  else if (lostAt) [state, words] = ['reconnecting', 'Reconnecting'];
  if (connection.textContent !== words) connection.textContent = words;
  connection.dataset.state = state;
}

setInterval(() => {
  if (lostAt) show();
  // The hub sends a sign of life every 15 seconds; a radio that went away says nothing.
  if (source && Date.now() - heardAt > 40_000 && document.visibilityState === 'visible') lost();
}, 1000);

let hiddenAt = 0;
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') hiddenAt = Date.now();
  // A frozen tab's stream may look open and be dead.
  else if (!source || Date.now() - hiddenAt > 3000) connect();
});
window.addEventListener('pageshow', (event) => { if (event.persisted) connect(); });
window.addEventListener('online', () => connect());
window.addEventListener('offline', () => lost());
window.addEventListener('pagehide', () => source?.close());
