// @ts-check
// Where in the transcript the reader is: at its end, which is followed, or further up, where older items are fetched.

import { api, log, must } from './base.js';
import { prepend } from './patches.js';

const below = must('below');
const number = /** @type {HTMLElement} */ (below.querySelector('.number'));
let following = true;
let missed = 0;

const atEnd = () => document.documentElement.scrollHeight - window.innerHeight - window.scrollY < 90;

export function toEnd() {
  following = true;
  window.scrollTo(0, document.documentElement.scrollHeight);
  caughtUp();
}

function caughtUp() {
  missed = 0;
  below.hidden = true;
}

/** After a change of the transcript. @param {boolean} grew @param {number} fresh how many items are new */
export function followed(grew, fresh) {
  if (following) return toEnd();
  if (!grew) return undefined;
  missed += fresh;
  below.hidden = false;
  number.textContent = missed ? String(missed) : '';
  return undefined;
}

/** The person does something that makes the end interesting. */
export function follow() {
  following = true;
}

window.addEventListener('scroll', () => {
  following = atEnd();
  if (following) caughtUp();
  if (window.scrollY < 900) void loadOlder();
}, { passive: true });
new ResizeObserver(() => { if (following) toEnd(); }).observe(must('app'));
const foot = /** @type {HTMLElement} */ (document.querySelector('.foot'));
new ResizeObserver(() => document.documentElement.style.setProperty('--foot', `${foot.offsetHeight}px`)).observe(foot);
window.addEventListener('resize', () => { if (following) toEnd(); });
below.addEventListener('click', toEnd);

// Opening a row is reading, not following. Its pictures are fetched now.
log.addEventListener('toggle', (event) => {
  following = atEnd();
  const row = event.target;
  if (!(row instanceof HTMLDetailsElement) || !row.open) return;
  for (const image of row.querySelectorAll(':scope > .inside img[data-src]:not([src])')) {
    image.setAttribute('src', `${api}/${image.getAttribute('data-src')}`);
  }
}, true);
log.addEventListener('click', (event) => {
  if (event.target instanceof Element && event.target.closest('summary')) following = false;
});

// ---------------------------------------------------------------- older items

/** The part that is being fetched. @type {Promise<void> | undefined} */
let loading;

const loadOlder = () => (loading ??= fetchOlder().finally(() => { loading = undefined; }));

async function fetchOlder() {
  const note = document.getElementById('older');
  const first = log.querySelector(':scope > [data-n]');
  if (!note || !first) return;
  try {
    const place = `before=${note.dataset.before}&until=${note.dataset.until}`;
    const answer = await fetch(`${api}/page/older?${place}`, { headers: { accept: 'application/json' } });
    // A page that was drawn anew meanwhile begins elsewhere.
    if (!answer.ok || !first.isConnected) return;
    /** @type {{html: string}} */
    const part = await answer.json();
    // What the reader looks at stays where it is.
    const before = first.getBoundingClientRect().top;
    prepend(part.html);
    window.scrollBy(0, first.getBoundingClientRect().top - before);
  } catch { /* the next scroll tries again */ }
}

/** The most parts that are fetched to find again what the reader looked at, and the items in each. */
const MAX_PARTS = 40;
const IN_A_PART = 150;
/** How many frames it may take until it stays in its place, and how many in a row show that it does. */
const FRAMES = 90;
const STILL = 10;

/**
 * Before the transcript is drawn anew: remembers what the reader further up looks at. What is returned puts it back in
 * its place, and fetches what is older until it is there.
 * @returns {() => Promise<void>}
 */
export function hold() {
  const seen = following ? undefined
    : [...log.querySelectorAll(':scope > [data-n]')].find((item) => item.getBoundingClientRect().bottom > 80);
  if (!seen) return async () => {};
  const { id } = seen;
  const { top } = seen.getBoundingClientRect();
  const n = Number(seen.getAttribute('data-n'));
  const far = () => Number(document.getElementById('older')?.dataset.before ?? 0) - n;
  return async () => {
    // Too far to fetch all that is between: the reader begins at the end again.
    if (far() > MAX_PARTS * IN_A_PART) return toEnd();
    for (let part = 0; part < MAX_PARTS && far() > 0 && !document.getElementById(id); part += 1) await loadOlder();
    const again = document.getElementById(id);
    // What is new has its size only once it is drawn, which takes some frames. The browser's own way to keep a place
    // would add to this one.
    const { style } = document.documentElement;
    style.overflowAnchor = 'none';
    for (let frame = 0, still = 0; again?.isConnected && frame < FRAMES && still < STILL; frame += 1) {
      const off = again.getBoundingClientRect().top - top;
      if (Math.abs(off) >= 1) window.scrollBy(0, off);
      still = Math.abs(off) < 1 ? still + 1 : 0;
      await new Promise((drawn) => { requestAnimationFrame(drawn); });
    }
    style.overflowAnchor = '';
    return undefined;
  };
}

log.addEventListener('click', (event) => {
  if (event.target instanceof Element && event.target.closest('[data-act="older"]')) void loadOlder();
});
