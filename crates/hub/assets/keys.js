// @ts-check
// The keyboard, and what opens over the page. The help dialog lists the keys.

import { app, composer, dock, fine, must, running, storage, stored } from './base.js';
import { copyLink } from './common.js';
import { sendComposer } from './composer.js';
import { toEnd } from './follow.js';

const KEY = 'groundlink.single-keys';
const single = /** @type {HTMLInputElement} */ (must('single-keys'));
single.checked = stored(storage('localStorage'), KEY) !== 'off';
single.addEventListener('change', () => stored(storage('localStorage'), KEY, single.checked ? '' : 'off'));

/** @param {string} id */
function open(id) {
  const dialog = must(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

document.addEventListener('click', (event) => {
  if (!(event.target instanceof Element)) return;
  // A tap beside a window closes it.
  if (event.target instanceof HTMLDialogElement) event.target.close();
  const button = event.target.closest('button[data-act]');
  switch (button?.getAttribute('data-act')) {
    case 'open-details': open('details-dialog'); break;
    case 'open-keys': open('keys-dialog'); break;
    case 'close-dialog': button?.closest('dialog')?.close(); break;
    case 'copy-link': void copyLink(/** @type {HTMLElement} */ (button)); break;
    default:
  }
});

// The link as this browser knows it: it may have come by another name than the hub's own.
const link = /** @type {HTMLInputElement} */ (must('link'));
link.value ||= location.origin + location.pathname;
link.addEventListener('focus', () => link.select());

document.addEventListener('keydown', (event) => {
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  if (event.key === 'Enter') return void enter(event, target);
  if (event.key === 'Escape' && target.matches('textarea, input')) return target.blur();
  const typing = target.matches('textarea, input, select') || target.isContentEditable;
  if (typing || !single.checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return undefined;
  if (document.querySelector('dialog[open]')) return undefined;
  const act = { '?': help, '/': write, w: waiting, e: toEnd, i: details }[event.key];
  if (!act) return undefined;
  event.preventDefault();
  return act();
});

const help = () => open('keys-dialog');
const details = () => open('details-dialog');
const write = () => composer.focus();

function waiting() {
  const card = /** @type {HTMLElement | null} */ (dock.querySelector('.card'));
  card?.setAttribute('tabindex', '-1');
  card?.focus();
}

/** @param {KeyboardEvent} event @param {HTMLElement} target */
function enter(event, target) {
  if (!(target instanceof HTMLTextAreaElement) || event.shiftKey || event.isComposing) return;
  if (target === composer && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    void sendComposer(running() ? 'steer' : 'queue');
    return;
  }
  // On a phone Enter is a new line; the button sends.
  if (!fine.matches || !target.form) return;
  event.preventDefault();
  target.form.requestSubmit();
}

app.dataset.keys = 'ready';
