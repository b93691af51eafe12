// @ts-check
// The stream of patches: it is opened, watched, opened again, and the page says how it stands and since when.

import { age, api, app, clock, composeError, fail, must, say, shake } from './base.js';

/** The hub sends a sign of life every 15 seconds; a radio that went away says nothing. */
const SILENCE_MS = 35_000;
/** From here on a live connection says when it was last heard. */
const QUIET_MS = 20_000;
/** An answer to a request for the stream. */
const OPEN_MS = 8000;
/** A try to connect again that failed this long is no hiccup any more. */
const OFFLINE_MS = 8000;
/** A clock that jumps by more than this was stopped: the machine slept, or the tab was frozen. */
const ASLEEP_MS = 10_000;

const connection = must('connection');
const facts = must('connection-facts');
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
/** When this stream was asked for. */
let askedAt = Date.now();
/** When the hub was last heard. */
let heardAt = Date.now();
/** When the connection was lost, 0 while it stands. */
let lostAt = 0;
/** Events that are on their way to a page that was away. */
let behind = 0;
let gone = false;

export function connect() {
  clearTimeout(retry);
  source?.close();
  source = undefined;
  if (gone) return;
  askedAt = Date.now();
  const stream = new EventSource(`${api}/page/stream?cursor=${encodeURIComponent(cursor)}`);
  source = stream;
  stream.addEventListener('hello', (event) => {
    heard();
    failures = 0;
    lostAt = 0;
    try { behind = Number(JSON.parse(event.data).behind) || 0; } catch { behind = 0; }
    showConnection();
  });
  stream.addEventListener('patch', (event) => {
    heard();
    /** @type {{ops: import('./patches.js').Op[]}} */
    let patch;
    try { patch = JSON.parse(event.data); } catch { return; }
    onPatch(patch.ops);
    if (event.lastEventId) cursor = event.lastEventId;
    behind = 0;
    showConnection();
  });
  stream.addEventListener('ping', () => {
    heard();
    behind = 0;
    showConnection();
  });
  // The browser's own retry would ask from where this stream began; ours asks from where we are.
  stream.addEventListener('error', () => {
    if (source === stream) lost();
  });
  showConnection();
}

function heard() {
  heardAt = Date.now();
}

/** @param {number} [when] */
function lost(when = Date.now()) {
  source?.close();
  source = undefined;
  lostAt ||= when;
  failures += 1;
  // While the device says it is offline, its coming back wakes us; the rare try is for devices that err.
  const base = navigator.onLine ? Math.min(10_000, 400 * 2 ** Math.min(failures, 5)) : 20_000;
  const wait = base * (0.75 + Math.random() / 2);
  clearTimeout(retry);
  retry = setTimeout(connect, wait);
  showConnection();
  if (failures === 2) void checkLink();
}

/** Nothing comes, and nothing says why: the socket is dead, and so may others be. @param {number} since */
function silent(since) {
  lost(since);
  void shake();
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

/** How it stands, in which words, and since when. @returns {{state: string, words: string, since: number}} */
function standing() {
  const now = Date.now();
  if (gone) return { state: 'offline', words: 'Link is gone', since: lostAt };
  if (lostAt) {
    const ago = now - lostAt;
    if (!navigator.onLine || ago > OFFLINE_MS) return { state: 'offline', words: ago < 2000 ? 'Offline' : `Offline for ${age(ago)}`, since: lostAt };
    return { state: 'reconnecting', words: ago < 2000 ? 'Reconnecting' : `Reconnecting, ${age(ago)}`, since: lostAt };
  }
  const asked = now - askedAt;
  // Until the hub has said how far behind the page is, nobody knows whether it is current.
  if (source?.readyState !== EventSource.OPEN) return { state: 'connecting', words: asked < 2000 ? 'Connecting' : `Connecting, ${age(asked)}`, since: askedAt };
  if (behind) {
    const events = behind === 1 ? '1 event' : `${behind} events`;
    return { state: 'catching-up', words: asked < 2000 ? `Catching up, ${events}` : `Catching up, ${events}, ${age(asked)}`, since: askedAt };
  }
  const quiet = now - heardAt;
  return { state: 'live', words: quiet < QUIET_MS ? 'Live' : `Live, heard ${age(quiet)} ago`, since: askedAt };
}

let shown = '';

function showConnection() {
  const { state, words, since } = standing();
  if (connection.textContent !== words) connection.textContent = words;
  connection.title = `${words}, last heard at ${clock(heardAt)}`;
  facts.textContent = `${words}, since ${clock(since)}. Last heard ${age(Date.now() - heardAt)} ago.`;
  if (shown === state) return;
  connection.dataset.state = state;
  // Who listens to the page hears of a loss and of its end, not of every try.
  if (state === 'offline') say('polite', 'The connection is lost. The page goes on when it is back.');
  else if (state === 'live' && shown && shown !== 'connecting') say('polite', 'Connected again.');
  shown = state;
}

let tickedAt = Date.now();
setInterval(() => {
  const now = Date.now();
  // A stopped clock's stream may look open and be dead. In the background clocks tick as the browser likes.
  const slept = document.visibilityState === 'visible' && now - tickedAt > ASLEEP_MS;
  tickedAt = now;
  if (slept) connect();
  else if (source && source.readyState !== EventSource.OPEN && now - askedAt > OPEN_MS) silent(askedAt);
  else if (source && source.readyState === EventSource.OPEN && now - heardAt > SILENCE_MS) silent(heardAt);
  showConnection();
}, 1000);

let hiddenAt = 0;
document.addEventListener('visibilitychange', () => {
  tickedAt = Date.now();
  if (document.visibilityState === 'hidden') hiddenAt = Date.now();
  else if (!source || Date.now() - hiddenAt > 3000) connect();
});
// Out of the freezer, or out of the browser's memory of pages.
document.addEventListener('resume', () => connect());
window.addEventListener('pageshow', (event) => { if (event.persisted) connect(); });
window.addEventListener('online', () => connect());
window.addEventListener('offline', () => lost());
window.addEventListener('pagehide', () => source?.close());
