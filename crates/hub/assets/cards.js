// @ts-check
// Answering what waits: approvals, questions, forms and plans.

import { coarse, dock, fail, grow, must, say } from './base.js';
import { command, explain, Refused } from './commands.js';
import { device } from './device.js';

/** How long a second tap counts. */
const ARMED_MS = 4000;
/** How long the page says what became of a card that somebody else answered. */
const SETTLED_MS = 12_000;

/** Requests that were answered on this page. @type {Set<string>} */
const answered = new Set();

/** @param {Element} card @param {import('./commands.js').Intent} intent */
async function answer(card, intent) {
  const fieldset = /** @type {HTMLFieldSetElement} */ (card.querySelector('fieldset'));
  const error = /** @type {HTMLElement} */ (card.querySelector('.card-error'));
  const sent = /** @type {HTMLElement} */ (card.querySelector('.card-sent'));
  const request = card.getAttribute('data-request-id') ?? '';
  fieldset.disabled = true;
  fail(error, '');
  sent.hidden = false;
  answered.add(request);
  try {
    // The digest stands for what was on this card, so that nothing else can be approved by it.
    await command({ ...intent, request_id: request, digest: card.getAttribute('data-digest') });
  } catch (reason) {
    answered.delete(request);
    // The card may have been drawn anew meanwhile; then the newer one speaks.
    if (!card.isConnected) return;
    sent.hidden = true;
    fieldset.disabled = reason instanceof Refused && reason.status === 409 && !reason.kind.endsWith('digest-mismatch');
    fail(error, explain(reason));
  }
}

/** @param {Element} card @param {string} name */
const typed = (card, name) =>
  /** @type {HTMLTextAreaElement | null} */ (card.querySelector(`[name="${name}"]`))?.value.trim() ?? '';

/** Form values by the schema's types. @param {HTMLFormElement} form */
function formContent(form) {
  /** @type {Record<string, unknown>} */
  const content = {};
  for (const field of form.querySelectorAll('[data-type]')) {
    const input = /** @type {HTMLInputElement} */ (field);
    const type = input.dataset.type;
    if (type === 'boolean') content[input.name] = input.checked;
    else if (type === 'array') {
      // None chosen is an answer where one is needed, and none where it may be left out.
      if (!input.checked && input.dataset.required === undefined) continue;
      const chosen = /** @type {string[]} */ (content[input.name] ??= []);
      if (input.checked) chosen.push(input.value);
    } else if (input.type === 'radio') {
      if (input.checked) content[input.name] = input.value;
    } else if (input.value === '') continue;
    else if (type === 'string') content[input.name] = input.value;
    else if (type === 'date-time') content[input.name] = new Date(input.value).toISOString();
    else content[input.name] = Number(input.value);
  }
  return content;
}

/** How many may be chosen of several, which a browser does not check by itself. @param {HTMLFormElement} form */
function rightNumber(form) {
  for (const set of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll('fieldset:is([data-min], [data-max])'))) {
    const all = /** @type {HTMLInputElement[]} */ ([...set.querySelectorAll('input')]);
    const count = all.filter((input) => input.checked).length;
    const { min = '0', max = String(all.length) } = set.dataset;
    const optional = count === 0 && all[0]?.dataset.required === undefined;
    const wrong = optional || (count >= Number(min) && count <= Number(max)) ? ''
      : `Choose ${count < Number(min) ? `at least ${min}` : `at most ${max}`}.`;
    all[0]?.setCustomValidity(wrong);
    if (wrong) return all[0]?.reportValidity();
  }
  return true;
}

document.addEventListener('change', (event) => {
  const set = event.target instanceof Element && event.target.closest('fieldset:is([data-min], [data-max])');
  // What was wrong with it is looked at again when it is sent.
  if (set) for (const input of set.querySelectorAll('input')) input.setCustomValidity('');
});

/** The person ends the turn, and knows that this closes what is open. */
export function closeAll() {
  for (const card of dock.querySelectorAll('.card')) answered.add(card.getAttribute('data-request-id') ?? '');
}

// ---------------------------------------------------------------- the second tap

/** @type {{button: HTMLElement, label: string, timer: ReturnType<typeof setTimeout>} | undefined} */
let armed;

function disarm() {
  if (!armed) return;
  clearTimeout(armed.timer);
  armed.button.removeAttribute('data-armed');
  const label = armed.button.querySelector('.label');
  if (label) label.textContent = armed.label;
  armed = undefined;
}

/** A finger slips: what cannot be taken back wants a second tap. @param {HTMLElement} button @returns {boolean} whether to go on */
function confirmed(button) {
  if (!coarse.matches || !button.hasAttribute('data-arm')) return true;
  const again = armed?.button === button;
  disarm();
  if (again) return true;
  const label = button.querySelector('.label');
  armed = { button, label: label?.textContent ?? '', timer: setTimeout(disarm, ARMED_MS) };
  button.setAttribute('data-armed', '');
  if (label) label.textContent = 'Tap again to approve';
  say('assertive', 'Tap again to approve');
  return false;
}

// ---------------------------------------------------------------- buttons and forms

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('button[data-act]') : null;
  if (!(button instanceof HTMLButtonElement) || button.disabled) return;
  if (armed && armed.button !== button) disarm();
  const card = button.closest('.card');
  if (!card) return;
  const value = button.dataset.value ?? '';
  const feedback = typed(card, 'feedback');
  switch (button.dataset.act) {
    case 'approve':
    case 'approve-session':
      if (confirmed(button)) void answer(card, { type: 'permission_response', approved: true, scope: button.dataset.act === 'approve' ? 'once' : 'session' });
      break;
    case 'deny':
      void answer(card, { type: 'permission_response', approved: false, ...(feedback && { feedback }) });
      break;
    case 'choice':
      void answer(card, { type: 'ask_user_response', answer: value, freeform: false });
      break;
    case 'plan-action':
      void answer(card, { type: 'plan_approval_response', approved: true, selected_action: value });
      break;
    case 'plan-reject':
      void answer(card, { type: 'plan_approval_response', approved: false, ...(feedback && { feedback }) });
      break;
    case 'elicit-decline':
    case 'elicit-cancel':
      void answer(card, { type: 'elicitation_response', action: button.dataset.act === 'elicit-decline' ? 'decline' : 'cancel' });
      break;
    default:
  }
});

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  const card = form.closest('.card');
  if (!card) return;
  event.preventDefault();
  if (form.dataset.act === 'answer') {
    const words = typed(card, 'answer');
    if (words) void answer(card, { type: 'ask_user_response', answer: words, freeform: true });
    else /** @type {HTMLElement | null} */ (form.querySelector('textarea'))?.focus();
  } else if (form.dataset.act === 'elicit' && rightNumber(form)) {
    void answer(card, { type: 'elicitation_response', action: 'accept', content: formContent(form) });
  }
});

dock.addEventListener('input', (event) => {
  const area = event.target;
  if (!(area instanceof HTMLTextAreaElement)) return;
  grow(area);
  const label = area.closest('.card')?.querySelector('[data-act="deny"] .label');
  if (label) label.textContent = area.value.trim() ? 'Deny with message' : 'Deny';
});

// ---------------------------------------------------------------- cards that somebody else answered

/** @type {ReturnType<typeof setTimeout> | undefined} */
let settledTimer;

/** A card went away. Whoever was about to answer it is told who did, and when. @param {Element} card */
export function cardGone(card) {
  if (armed && card.contains(armed.button)) disarm();
  const request = card.getAttribute('data-request-id') ?? '';
  const row = document.getElementById(card.getAttribute('data-item') ?? '');
  const outcome = row?.querySelector(':scope > .inside > .outcome, :scope > .outcome');
  const by = outcome?.querySelector('.by');
  // Who answered needs no telling, unless somebody else was faster.
  if (answered.delete(request) && (!by || by.getAttribute('data-device') === device.id)) return;
  const what = card.querySelector('.cmd, .fact .v, .md')?.textContent?.trim().split('\n')[0] ?? '';
  const note = document.createElement('p');
  const words = document.createElement('strong');
  const [verdict, time] = [outcome?.cloneNode(true), outcome?.querySelector('time')];
  if (verdict instanceof Element) verdict.querySelectorAll('time, .answer').forEach((part) => part.remove());
  words.textContent = verdict?.textContent?.replace(/\s+/g, ' ').trim() || 'Closed without an answer';
  const subject = document.createElement('span');
  subject.className = 'what mono';
  subject.dir = 'auto';
  subject.textContent = what.length > 80 ? `${what.slice(0, 79)}…` : what;
  note.append(words, ' ', ...(time ? [time.cloneNode(true), ' '] : []), subject);
  must('settled').replaceChildren(note);
  clearTimeout(settledTimer);
  settledTimer = setTimeout(() => must('settled').replaceChildren(), SETTLED_MS);
}

/** A card that slides under a finger must not take its tap. @param {Element} card */
export function shield(card) {
  const fieldset = card.querySelector('fieldset');
  if (!fieldset || fieldset.disabled) return;
  fieldset.disabled = true;
  card.setAttribute('data-fresh', '');
  setTimeout(() => {
    card.removeAttribute('data-fresh');
    if (card.getAttribute('data-state') === 'open') fieldset.disabled = false;
  }, 350);
}
