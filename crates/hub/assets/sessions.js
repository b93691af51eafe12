// @ts-check
// The page of all sessions: rows find their group, the search narrows them, windows rename, archive and delete.

import { copyLink, fail, must, parse, say, sentence } from './common.js';
import { tellFocus } from './focus.js';
import { remember } from './hub-link.js';
import { device } from './identity.js';
import { api, follow } from './list-stream.js';
import { clearNotifications, offerPush } from './push.js';

const find = /** @type {HTMLInputElement} */ (must('find'));
const nameField = /** @type {HTMLInputElement} */ (must('name'));
const groups = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.group')]);
const rows = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.session')]);
const row = (/** @type {string} */ id) => document.getElementById(`s-${id}`);
const dialog = (/** @type {string} */ id) => /** @type {HTMLDialogElement} */ (must(id));

/* Rows */

/** @param {HTMLElement} fresh @param {string} group */
function place(fresh, group) {
  const list = document.querySelector(`#group-${CSS.escape(group)} ul`);
  if (!list) return;
  const at = (/** @type {Element} */ element) => Number(element.getAttribute('data-at'));
  // Who has waited the longest comes first; of the others, what moved last.
  const before = group === 'needs' ? (/** @type {Element} */ other) => at(other) > at(fresh) : (/** @type {Element} */ other) => at(other) < at(fresh);
  list.insertBefore(fresh, [...list.children].find(before) ?? null);
}

/** @param {import('./list-stream.js').Row} change */
function put(change) {
  const old = row(change.id);
  const fresh = parse(change.html).firstElementChild;
  if (!(fresh instanceof HTMLElement)) return;
  const focused = old?.contains(document.activeElement) ? document.activeElement?.getAttribute('data-testid') : undefined;
  const waited = old?.dataset.group === 'needs';
  if (old && old.dataset.group === change.group && old.dataset.at === fresh.dataset.at) old.replaceWith(fresh);
  else {
    old?.remove();
    place(fresh, change.group);
  }
  if (focused) /** @type {HTMLElement | null} */ (fresh.querySelector(`[data-testid="${focused}"]`))?.focus({ preventScroll: true });
  if (waited && change.group !== 'needs') void clearNotifications(change.id);
  if (change.group === 'needs' && !waited) {
    const what = fresh.querySelector('.waits .what')?.textContent ?? '';
    say('assertive', `${fresh.dataset.title} needs you: ${what}`);
  }
}

follow((change) => {
  if (change.all) {
    const there = new Set(change.rows.map((one) => one.id));
    for (const old of rows()) if (!there.has(old.dataset.id ?? '')) old.remove();
  }
  for (const id of change.gone) row(id)?.remove();
  for (const one of change.rows) put(one);
  if (open && !row(open)) closeWindows();
  else if (open) fill();
  settle();
});

/** Whether the archive was open before the search. @type {boolean | undefined} */
let archiveWas;

/** Counts, the search, the page's title and icon, ages. */
function settle() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const group of groups) {
    let here = 0;
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (group.querySelectorAll('.session'))) {
      one.hidden = !words.every((word) => one.dataset.find?.includes(word));
      if (!one.hidden) here += 1;
    }
    const count = group.querySelector('.count');
    if (count) count.textContent = String(here);
    group.hidden = here === 0;
    shown += here;
  }
  const all = rows().length;
  must('empty').hidden = all > 0;
  must('nothing').hidden = all === 0 || shown > 0;
  // What is put away is found, too; afterwards it is as it was.
  const archive = /** @type {HTMLDetailsElement} */ (must('archived-list'));
  if (words.length) {
    archiveWas ??= archive.open;
    archive.open = true;
  } else if (archiveWas !== undefined) {
    archive.open = archiveWas;
    archiveWas = undefined;
  }
  const waiting = document.querySelectorAll('#group-needs .session').length;
  document.title = waiting ? `(${waiting}) Sessions · groundlink` : 'Sessions · groundlink';
  const icon = /** @type {HTMLLinkElement & {dataset: DOMStringMap}} */ (must('icon'));
  icon.dataset.calm ??= icon.getAttribute('href') ?? '';
  const wanted = (waiting ? icon.dataset.attention : icon.dataset.calm) ?? '';
  if (icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted);
  ages();
}

/** @param {number} ms */
function since(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 1440)} days`;
}

function ages() {
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.age'))) {
    const at = Number(place.dataset.since);
    const words = since(Date.now() - at);
    if (place.textContent !== words) place.textContent = words;
    place.title ||= new Date(at).toLocaleString();
  }
}
setInterval(ages, 20_000);

find.addEventListener('input', settle);
document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof Element && event.target.matches('input, textarea, select');
  if (event.key === 'Escape' && event.target === find && find.value) {
    find.value = '';
    settle();
  } else if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !document.querySelector('dialog[open]')) {
    event.preventDefault();
    find.focus();
  }
});

/* Windows */

/** The session that a window is about. */
let open = '';

function closeWindows() {
  for (const one of /** @type {NodeListOf<HTMLDialogElement>} */ (document.querySelectorAll('dialog[open]'))) one.close();
}
for (const id of ['menu-dialog', 'delete-dialog']) {
  dialog(id).addEventListener('close', () => {
    if (!document.querySelector('dialog[open]')) open = '';
  });
}

/** Shows in the window how the session is now. */
function fill() {
  const now = row(open);
  if (!now) return;
  must('menu-title').textContent = now.dataset.title ?? '';
  must('delete-name').textContent = now.dataset.title ?? '';
  document.querySelector('[data-act="archive"]')?.replaceChildren(now.hasAttribute('data-archived') ? 'Take out of the archive' : 'Archive');
  const connected = now.hasAttribute('data-connected');
  document.querySelector('[data-act="ask-delete"]')?.toggleAttribute('disabled', connected);
  must('delete-hint').hidden = !connected;
}

/** @param {HTMLElement} of */
function menu(of) {
  open = of.dataset.id ?? '';
  nameField.value = of.dataset.name ?? '';
  nameField.placeholder = of.dataset.name ? '' : of.dataset.title ?? '';
  fail(must('menu-error'), '');
  fill();
  dialog('menu-dialog').showModal();
}

/** Asks the hub for something about the open session. @param {string} method @param {unknown} [body] @returns {Promise<string>} what went wrong */
async function ask(method, body) {
  const who = new URLSearchParams({ device: device.id, device_name: device.name ?? '' });
  const path = `${api}/sessions/${encodeURIComponent(open)}${method === 'DELETE' ? `?${who}` : ''}`;
  try {
    const answer = await fetch(path, {
      method,
      headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    if (answer.ok) return '';
    const told = await answer.json().catch(() => ({}));
    return sentence(told.detail || told.title || `The hub answered ${answer.status}`);
  } catch {
    return 'Not done: the hub cannot be reached. Try again when you are connected.';
  }
}

/** @param {{name?: string, archived?: boolean}} change @param {string} done */
async function change(change, done) {
  const wrong = await ask('PATCH', { ...change, device });
  fail(must('menu-error'), wrong);
  if (wrong) return;
  say('polite', done);
  closeWindows();
}

async function remove() {
  const title = row(open)?.dataset.title ?? '';
  const wrong = await ask('DELETE');
  fail(must('delete-error'), wrong);
  if (wrong) return;
  row(open)?.remove();
  say('polite', `${title} is deleted`);
  closeWindows();
  settle();
}

must('rename').addEventListener('submit', (event) => {
  event.preventDefault();
  void change({ name: nameField.value }, 'Renamed');
});

document.addEventListener('click', (event) => {
  if (!(event.target instanceof Element)) return;
  // A tap beside a window closes it.
  if (event.target instanceof HTMLDialogElement) event.target.close();
  const button = /** @type {HTMLElement | null} */ (event.target.closest('button[data-act]'));
  switch (button?.dataset.act) {
    case 'menu': menu(/** @type {HTMLElement} */ (button.closest('.session'))); break;
    case 'archive': {
      const away = !row(open)?.hasAttribute('data-archived');
      void change({ archived: away }, away ? 'Archived' : 'Taken out of the archive');
      break;
    }
    case 'ask-delete':
      fail(must('delete-error'), '');
      dialog('delete-dialog').showModal();
      break;
    case 'delete': void remove(); break;
    case 'open-hand-on': dialog('hand-on-dialog').showModal(); break;
    case 'copy-link': void copyLink(button); break;
    case 'close-dialog': button.closest('dialog')?.close(); break;
    default:
  }
});

// The link as this browser knows it: it may have come by another name than the hub's own.
const link = /** @type {HTMLInputElement} */ (must('link'));
link.value ||= location.origin + location.pathname;
link.addEventListener('focus', () => link.select());

remember();
settle();

const key = must('app').dataset.push;
if (key) {
  offerPush(api, key, tellFocus(api));
  // Who looks has seen it.
  const seen = () => void clearNotifications();
  window.addEventListener('focus', seen);
  seen();
}
