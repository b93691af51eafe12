// @ts-check
// The stream of patches: it is opened, watched, opened again, and the page says how it stands.

import { age, api, app, composeError, fail, must } from './base.js';

const connection = must('connection');
/** What to do with a patch. @type {(ops: import('./patches.js').Op[]) => void} */
let onPatch = () => {};

/** @param {typeof onPatch} apply */
export function whenPatched(apply) {
  onPatch = apply;
}

let cursor = app.dataset.cursor ?? '';
/** @type {EventSource | undefined} */
let source;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
let failures = 0;
let lostAt = 0;
let heardAt = Date.now();
let pinged = false;
let gone = false;

export function connect() {
  clearTimeout(retry);
  source?.close();
  if (gone) return;
  const stream = new EventSource(`${api}/page/stream?cursor=${encodeURIComponent(cursor)}`);
  source = stream;
  stream.addEventListener('open', () => {
    failures = 0;
    lostAt = 0;
    heardAt = Date.now();
    showConnection();
  });
  stream.addEventListener('patch', (event) => {
    heardAt = Date.now();
    /** @type {{ops: import('./patches.js').Op[]}} */
    let patch;
    try { patch = JSON.parse(event.data); } catch { return; }
    onPatch(patch.ops);
    if (event.lastEventId) cursor = event.lastEventId;
  });
  stream.addEventListener('ping', () => {
    heardAt = Date.now();
    pinged = true;
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
  // While the device says it is offline, its coming back wakes us; the rare try is for devices that err.
  const base = navigator.onLine ? Math.min(10_000, 400 * 2 ** Math.min(failures, 5)) : 20_000;
  const wait = base * (0.75 + Math.random() / 2);
  clearTimeout(retry);
  retry = setTimeout(connect, wait);
  showConnection();
  if (failures === 2) void checkLink();
}

/** A stream that does not open tells nothing; an ordinary request tells whether the link still exists. */
async function checkLink() {
  try {
    const answer = await fetch(api, { headers: { accept: 'application/json' } });
    if (answer.status !== 404) return;
    gone = true;
    clearTimeout(retry);
    showConnection();
    fail(composeError, 'This link does not lead to a session any more.');
  } catch { /* offline: keep trying */ }
}

function showConnection() {
  const open = source?.readyState === EventSource.OPEN;
  const lostFor = lostAt ? Date.now() - lostAt : 0;
  let state = 'connecting';
  let words = 'Connecting';
  if (gone) [state, words] = ['offline', 'Link is gone'];
  else if (open && !lostAt) [state, words] = ['live', 'Live'];
  else if (lostAt && (!navigator.onLine || lostFor > 8000)) [state, words] = ['offline', lostFor < 3000 ? 'Offline' : `Offline for ${age(lostFor)}`];
  else if (lostAt) [state, words] = ['reconnecting', lostFor > 2000 ? `Reconnecting, ${age(lostFor)}` : 'Reconnecting'];
  if (connection.textContent !== words) connection.textContent = words;
  connection.dataset.state = state;
}

setInterval(() => {
  if (lostAt) showConnection();
  // The hub sends a sign of life every 15 seconds; a radio that went away says nothing.
  if (pinged && source && Date.now() - heardAt > 40_000 && document.visibilityState === 'visible') lost();
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
