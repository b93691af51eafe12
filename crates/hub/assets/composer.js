// @ts-check
// Writing to the agent: the message field, the queue, mode, model and stop.

import { app, composeError, composer, fail, fine, grow, must, newId, running, storage, stored } from './base.js';
import { closeAll } from './cards.js';
import { cancel, command, edit, explain } from './commands.js';
import { follow, toEnd } from './follow.js';
import { redraw } from './patches.js';

const form = must('compose');
const queue = must('queue');
const send = /** @type {HTMLButtonElement} */ (form.querySelector('.send'));
const draft = `groundlink.draft.${app.dataset.session}`;
/** The id of the message that is being tried, so that pressing Send again does not send it twice. */
let attempt = { text: '', id: '' };

/** @returns {'queue' | 'steer'} */
const delivery = () => (form.querySelector('[name="delivery"]:checked')?.getAttribute('value') === 'steer' ? 'steer' : 'queue');

function typing() {
  grow(composer);
  form.toggleAttribute('data-draft', composer.value.trim() !== '');
  label();
  stored(storage('localStorage'), draft, composer.value);
}

/** Says what Send will do now. */
export function label() {
  const busy = running();
  form.toggleAttribute('data-running', busy);
  send.disabled = composer.disabled || composer.value.trim() === '';
  const steer = delivery() === 'steer';
  let words = 'Send';
  if (busy) words = steer ? 'Steer now' : 'Queue';
  send.dataset.does = words.toLowerCase().split(' ')[0];
  send.setAttribute('aria-label', words);
  send.title = words;
  must('delivery-hint').textContent = steer ? 'The agent reads it at its next step' : 'Goes out when this turn ends';
  composer.placeholder = busy ? 'Add to what the agent does' : 'Message the agent';
}

/** @param {'queue' | 'steer'} [how] */
export async function sendComposer(how = delivery()) {
  const words = composer.value.trim();
  if (!words || composer.readOnly || composer.disabled) return;
  composer.readOnly = true;
  if (await message(words, running() ? how : 'queue')) composer.value = '';
  composer.readOnly = false;
  const queued = form.querySelector('[name="delivery"][value="queue"]');
  // Steering is a decision for one message.
  if (queued instanceof HTMLInputElement) queued.checked = true;
  typing();
  if (fine.matches) composer.focus();
}

/** @param {string} words @param {'queue' | 'steer'} how @param {HTMLButtonElement} [button] @returns {Promise<boolean>} */
async function message(words, how, button) {
  if (attempt.text !== words) attempt = { text: words, id: newId() };
  fail(composeError, '');
  if (button) button.disabled = true;
  follow();
  try {
    await command({ type: 'user_message', content: words, ...(how === 'steer' && { delivery: 'steer' }) }, attempt.id);
    attempt = { text: '', id: '' };
    return true;
  } catch (reason) {
    fail(composeError, explain(reason));
    return false;
  } finally {
    if (button?.isConnected) button.disabled = false;
    toEnd();
  }
}

/** A command of the foot of the page. @param {HTMLButtonElement | HTMLSelectElement} control @param {import('./commands.js').Intent} intent */
async function act(control, intent) {
  control.disabled = true;
  fail(composeError, '');
  try {
    await command(intent);
  } catch (reason) {
    fail(composeError, explain(reason));
    // The control shows again what is the case.
    redraw('controls');
  }
  if (control.isConnected) control.disabled = false;
}

// ---------------------------------------------------------------- queued messages

/** @param {Element} row @param {boolean} open */
function editing(row, open) {
  const area = row.querySelector('textarea');
  /** @type {HTMLElement | null} */ (row.querySelector('.queue-form'))?.toggleAttribute('hidden', !open);
  for (const part of row.querySelectorAll(':scope > .bubble, :scope > .queue-tools')) part.toggleAttribute('hidden', open);
  if (open && area) {
    grow(area);
    area.focus();
  } else if (area) area.value = area.defaultValue;
}

/** @param {Element} row @param {() => Promise<unknown>} work @returns {Promise<boolean>} */
async function changeQueued(row, work) {
  const error = /** @type {HTMLElement} */ (row.querySelector('.card-error'));
  fail(error, '');
  try {
    await work();
    return true;
  } catch (reason) {
    if (error.isConnected) fail(error, explain(reason));
    return false;
  }
}

queue.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('button[data-act]') : null;
  const row = button?.closest('.queued');
  if (!(button instanceof HTMLButtonElement) || !row) return;
  const id = row.getAttribute('data-command') ?? '';
  switch (button.dataset.act) {
    case 'queue-edit': editing(row, true); break;
    case 'queue-keep': editing(row, false); break;
    case 'queue-cancel': void changeQueued(row, () => cancel(id)); break;
    case 'queue-steer': void steerQueued(row, id); break;
    default:
  }
});

/** Out of the queue and to the agent at once. @param {Element} row @param {string} id */
async function steerQueued(row, id) {
  const words = row.querySelector('textarea')?.defaultValue.trim() ?? '';
  if (!words || !await changeQueued(row, () => cancel(id))) return;
  // What could not be sent must not be lost: it goes back into the message field.
  if (!await message(words, 'steer')) {
    composer.value = [words, composer.value].filter(Boolean).join('\n');
    typing();
  }
}

queue.addEventListener('submit', (event) => {
  event.preventDefault();
  const row = event.target instanceof Element ? event.target.closest('.queued') : null;
  const words = row?.querySelector('textarea')?.value.trim();
  if (!row || !words) return;
  void changeQueued(row, async () => {
    await edit(row.getAttribute('data-command') ?? '', words);
    const area = row.querySelector('textarea');
    if (area) area.defaultValue = words;
    editing(row, false);
  });
});

// ---------------------------------------------------------------- the field, the controls

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('button[data-act]') : null;
  if (!(button instanceof HTMLButtonElement) || button.disabled) return;
  if (button.dataset.act === 'suggest') void message(button.dataset.prompt ?? '', 'queue', button);
  else if (button.dataset.act === 'stop') {
    closeAll();
    void act(button, { type: 'abort' });
  }
});

document.addEventListener('change', (event) => {
  const control = event.target;
  if (control instanceof HTMLInputElement && control.name === 'delivery') label();
  if (!(control instanceof HTMLSelectElement)) return;
  if (control.dataset.act === 'mode') void act(control, { type: 'mode_switch', mode: control.value });
  else if (control.dataset.act === 'model') void act(control, { type: 'model_switch', model: control.value });
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void sendComposer();
});

document.addEventListener('input', (event) => {
  if (event.target === composer) typing();
  else if (event.target instanceof HTMLTextAreaElement) grow(event.target);
});

/** Puts back what was being written. */
export function restoreDraft() {
  composer.value = stored(storage('localStorage'), draft) ?? '';
  typing();
}
