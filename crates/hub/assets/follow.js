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

let loading = false;

async function loadOlder() {
  const note = document.getElementById('older');
  const first = log.querySelector(':scope > [data-n]');
  if (loading || !note || !first) return;
  loading = true;
  try {
    const answer = await fetch(`${api}/page/older?before=${first.getAttribute('data-n')}`, { headers: { accept: 'application/json' } });
    if (!answer.ok) return;
    /** @type {{html: string}} */
    const part = await answer.json();
    // What the reader looks at stays where it is.
    const anchor = /** @type {HTMLElement} */ (first);
    const before = anchor.getBoundingClientRect().top;
    prepend(part.html);
    window.scrollBy(0, anchor.getBoundingClientRect().top - before);
  } catch { /* the next scroll tries again */ } finally {
    loading = false;
  }
}

log.addEventListener('click', (event) => {
  if (event.target instanceof Element && event.target.closest('[data-act="older"]')) void loadOlder();
});
