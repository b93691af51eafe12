// @ts-check
// Keeps the page current and sends what the person does. The server draws; this only puts its
// fragments in place. Everything works on plain http in a local network, too.

/**
 * @typedef {{op: 'reset', regions: Record<string, string>}} ResetOp
 * @typedef {{op: 'region', target: string, html: string}} RegionOp
 * @typedef {{op: 'item', target: string, n: number, html: string}} ItemOp
 * @typedef {{op: 'text', target: string, blocks?: string, tail?: string, append?: string}} TextOp
 * @typedef {{op: 'list', target: string, order: string[], html: Record<string, string>}} ListOp
 * @typedef {ResetOp | RegionOp | ItemOp | TextOp | ListOp} Op
 * @typedef {{type: string, [field: string]: unknown}} Intent
 */

/** @param {string} id @returns {HTMLElement} */
const must = (id) => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page lacks #${id}`);
  return element;
};

const app = must('app');
const log = must('log');
const dock = must('dock');
const connection = must('connection');
const below = must('below');
const composer = /** @type {HTMLTextAreaElement} */ (must('composer'));
const composeForm = must('compose');
const composeError = must('compose-error');
// Only the path: the page may have been reached by another name than the hub knows itself by.
const api = new URL(app.dataset.api ?? '', location.href).pathname.replace(/\/$/, '');
const fine = matchMedia('(hover: hover) and (pointer: fine)');

// ---------------------------------------------------------------- small things

/** A random id; `randomUUID` exists in secure contexts only. @returns {string} */
function newId() {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Storage may be forbidden. @param {Storage | undefined} store @param {string} key @param {string} [value] */
function stored(store, key, value) {
  try {
    if (value === undefined) return store?.getItem(key) ?? null;
    if (value === '') store?.removeItem(key);
    else store?.setItem(key, value);
  } catch { /* private mode: the page works without */ }
  return null;
}

/** @returns {Storage | undefined} */
function storage(/** @type {'localStorage' | 'sessionStorage'} */ name) {
  try { return window[name]; } catch { return undefined; }
}

/** @param {string} html @returns {DocumentFragment} */
function parse(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content;
}

/** @param {number} ms */
function age(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

// ---------------------------------------------------------------- what only the browser knows

/** Commands given on this page, to tell its own messages from others'. @type {Set<string>} */
const own = new Set((stored(storage('sessionStorage'), 'groundlink.own') ?? '').split(' ').filter(Boolean));

/** @param {string} command */
function remember(command) {
  own.add(command);
  stored(storage('sessionStorage'), 'groundlink.own', [...own].slice(-200).join(' '));
  decorate(document);
}

/** Times in the reader's zone, and whose message it was. @param {ParentNode} root */
function decorate(root) {
  for (const time of root.querySelectorAll('time[datetime]:not([title])')) {
    const moment = new Date(time.getAttribute('datetime') ?? '');
    if (Number.isNaN(moment.getTime())) continue;
    const today = moment.toDateString() === new Date().toDateString();
    time.textContent = moment.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    if (!today) time.textContent = `${moment.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time.textContent}`;
    time.setAttribute('title', moment.toLocaleString());
  }
  for (const source of root.querySelectorAll('.user[data-source="link"] .source')) {
    const command = source.closest('.user')?.getAttribute('data-command') ?? '';
    source.textContent = own.has(command) ? 'This page' : 'Another page';
  }
  for (const by of root.querySelectorAll('.by[data-command]')) {
    by.textContent = own.has(by.getAttribute('data-command') ?? '') ? 'on this page' : 'on another page';
  }
}

// ---------------------------------------------------------------- patches

/** What the server last sent for a region, so that an unchanged one is left alone. @type {Map<string, string>} */
const drawn = new Map();

/** @param {Op[]} ops */
function apply(ops) {
  let grew = false;
  for (const op of ops) {
    switch (op.op) {
      case 'reset':
        for (const [target, html] of Object.entries(op.regions)) {
          if (target === 'dock' || target === 'queue') replaceChildren(must(target), html);
          else region(target, html);
        }
        grew = true;
        break;
      case 'region':
        region(op.target, op.html);
        break;
      case 'item':
        grew = item(op) || grew;
        break;
      case 'text':
        text(op);
        grew = true;
        break;
      case 'list':
        list(must(op.target), op.order, op.html);
        grew = true;
        break;
      default: // a newer hub's: the next reload brings it
    }
  }
  settle();
  if (following) toEnd();
  else if (grew) below.hidden = false;
}

/** @param {string} target @param {string} html */
function region(target, html) {
  if (target !== 'log' && drawn.get(target) === html) return;
  drawn.set(target, html);
  const element = document.getElementById(target);
  if (!element) return;
  const focused = element.contains(document.activeElement) ? document.activeElement?.id : '';
  const content = parse(html);
  decorate(content);
  element.replaceChildren(content);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Adds or replaces an item of the transcript. @param {ItemOp} op @returns {boolean} whether it is new */
function item(op) {
  const content = parse(op.html);
  decorate(content);
  const fresh = content.firstElementChild;
  if (!fresh) return false;
  const old = document.getElementById(op.target);
  if (old) {
    swap(old, fresh);
    return false;
  }
  const rows = log.querySelectorAll(':scope > [data-n]');
  const first = rows[0];
  // Older than what this page began with.
  if (first && op.n < Number(first.getAttribute('data-n'))) return false;
  let after = log.lastElementChild;
  while (after && Number(after.getAttribute('data-n') ?? -1) > op.n) after = after.previousElementSibling;
  if (after) after.after(fresh);
  else log.prepend(fresh);
  return true;
}

/** @param {TextOp} op */
function text(op) {
  const element = document.getElementById(op.target);
  const tail = element?.querySelector('.tail');
  if (!element || !tail) return;
  if (op.blocks) element.querySelector('.done')?.append(parse(op.blocks));
  if (op.tail !== undefined) tail.replaceChildren(parse(op.tail));
  if (op.append) tail.querySelector('[data-append]')?.append(op.append);
}

/** @param {HTMLElement} parent @param {string[]} order @param {Record<string, string>} html */
function list(parent, order, html) {
  const wanted = new Set(order);
  const held = parent.contains(document.activeElement);
  for (const child of [...parent.children]) if (!wanted.has(child.id)) child.remove();
  order.forEach((id, index) => {
    let element = document.getElementById(id);
    if (html[id] !== undefined) {
      const content = parse(html[id]);
      decorate(content);
      const fresh = content.firstElementChild;
      if (!fresh) return;
      if (element) swap(element, fresh);
      else shield(fresh);
      element = /** @type {HTMLElement} */ (fresh);
    }
    if (element && parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
  // The card that had the focus is gone: go to the next one as a whole, not to one of its buttons.
  if (held && !parent.contains(document.activeElement)) {
    const next = parent.querySelector('.card');
    if (next) {
      next.setAttribute('tabindex', '-1');
      /** @type {HTMLElement} */ (next).focus({ preventScroll: true });
    } else if (fine.matches) composer.focus({ preventScroll: true });
  }
}

/** @param {HTMLElement} parent @param {string} html */
function replaceChildren(parent, html) {
  const children = [...parse(html).children];
  /** @type {Record<string, string>} */
  const byId = {};
  for (const child of children) byId[child.id] = child.outerHTML;
  list(parent, children.map((child) => child.id), byId);
}

/** A card that slides under a finger must not take its tap. @param {Element} card */
function shield(card) {
  const fieldset = card.querySelector('fieldset');
  if (!fieldset || fieldset.disabled) return;
  fieldset.disabled = true;
  card.setAttribute('data-fresh', '');
  setTimeout(() => {
    card.removeAttribute('data-fresh');
    if (card.getAttribute('data-state') === 'open') fieldset.disabled = false;
  }, 350);
}

/** Puts a newer drawing in place and keeps what the person has done to the old one. @param {Element} old @param {Element} fresh */
function swap(old, fresh) {
  if (old instanceof HTMLDetailsElement && fresh instanceof HTMLDetailsElement) fresh.open = old.open;
  const active = document.activeElement;
  const focus = active && old.contains(active) ? path(active) : '';
  for (const field of old.querySelectorAll('textarea, input, select')) {
    const twin = find(fresh, path(field));
    if (field instanceof HTMLInputElement && twin instanceof HTMLInputElement) {
      twin.checked = field.checked;
      if (field.type !== 'checkbox' && field.type !== 'radio') twin.value = field.value;
    } else if (field instanceof HTMLTextAreaElement && twin instanceof HTMLTextAreaElement) {
      twin.value = field.value;
      twin.style.height = field.style.height;
    } else if (field instanceof HTMLSelectElement && twin instanceof HTMLSelectElement) twin.value = field.value;
  }
  const scrolled = [...old.querySelectorAll('.card-body, pre, .diff')].map((element) => element.scrollTop);
  old.replaceWith(fresh);
  fresh.querySelectorAll('.card-body, pre, .diff').forEach((element, index) => {
    if (scrolled[index]) element.scrollTop = scrolled[index];
  });
  if (focus) /** @type {HTMLElement | null} */ (find(fresh, focus))?.focus({ preventScroll: true });
}

/** What names a control within its card. @param {Element} element */
function path(element) {
  const names = ['data-testid', 'name', 'value', 'data-value'].map((name) =>
    element.hasAttribute(name) && !(name === 'value' && element.getAttribute('type') === 'text')
      ? `[${name}="${CSS.escape(element.getAttribute(name) ?? '')}"]` : '');
  return element.tagName.toLowerCase() + names.join('');
}

/** @param {Element} root @param {string} selector @returns {Element | null} */
function find(root, selector) {
  if (root.matches(selector)) return root;
  return root.querySelector(selector);
}

// ---------------------------------------------------------------- following the end

let following = true;

function atEnd() {
  return document.documentElement.scrollHeight - window.innerHeight - window.scrollY < 90;
}

function toEnd() {
  window.scrollTo(0, document.documentElement.scrollHeight);
  below.hidden = true;
}

window.addEventListener('scroll', () => {
  following = atEnd();
  if (following) below.hidden = true;
}, { passive: true });
new ResizeObserver(() => { if (following) toEnd(); }).observe(must('app'));
window.addEventListener('resize', () => { if (following) toEnd(); });
below.addEventListener('click', () => {
  following = true;
  toEnd();
});
// Opening a row is reading, not following.
log.addEventListener('toggle', () => { following = atEnd(); }, true);
log.addEventListener('click', (event) => {
  if (event.target instanceof Element && event.target.closest('summary')) following = false;
});

// ---------------------------------------------------------------- after every change

/** What has been read out already. @type {Set<string>} */
const announced = new Set();
let first = true;

function settle() {
  const cards = [...dock.querySelectorAll('.card')];
  const title = document.querySelector('#head h1')?.textContent ?? 'Session';
  document.title = cards.length ? `(${cards.length}) Needs you · ${title}` : `${title} · groundlink`;
  const icon = /** @type {HTMLLinkElement & {dataset: DOMStringMap}} */ (must('icon'));
  icon.dataset.calm ??= icon.getAttribute('href') ?? '';
  const wanted = (cards.length ? icon.dataset.attention : icon.dataset.calm) ?? '';
  if (icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted);
  composer.disabled = document.querySelector('#controls .closed') !== null;

  for (const card of cards) {
    const body = card.querySelector('.card-body');
    if (body) hint(body);
    announce('assertive', `card ${card.id}`, () =>
      `${card.querySelector('h2')?.textContent ?? ''} ${card.querySelector('.card-body')?.textContent?.slice(0, 400) ?? ''}`);
  }
  const said = log.querySelectorAll('.assistant[data-state="done"], .note[data-level="error"]');
  const last = said[said.length - 1];
  if (last) announce('polite', last.id, () => last.textContent?.trim().slice(0, 600) ?? '');
  first = false;
}

/** Says that a card has more than is in view: nobody should approve half a command. @param {Element} body */
function hint(body) {
  body.toggleAttribute('data-more', body.scrollHeight - body.clientHeight - body.scrollTop > 12);
}
document.addEventListener('scroll', (event) => {
  if (event.target instanceof Element && event.target.classList.contains('card-body')) hint(event.target);
}, { capture: true, passive: true });
window.addEventListener('resize', () => dock.querySelectorAll('.card-body').forEach(hint));

/** @param {string} region @param {string} key @param {() => string} words */
function announce(region, key, words) {
  if (announced.has(key)) return;
  announced.add(key);
  // What stands there when the page opens is read with the page.
  if (!first) must(region).textContent = words();
}

// ---------------------------------------------------------------- the stream

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

function connect() {
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
    /** @type {{ops: Op[]}} */
    let patch;
    try { patch = JSON.parse(event.data); } catch { return; }
    apply(patch.ops);
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

// ---------------------------------------------------------------- commands

class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Sends a command. The same id goes with each try, so that a lost answer does nothing twice.
 * @param {Intent} intent @param {string} [clientId]
 * @returns {Promise<{id: string, state: string}>}
 */
async function command(intent, clientId = newId()) {
  for (let attempt = 0; ; attempt += 1) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 15_000);
    try {
      const answer = await fetch(`${api}/commands`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ client_id: clientId, ...intent }),
        signal: stop.signal,
      });
      const body = await answer.json().catch(() => ({}));
      if (answer.ok) {
        if (body.id) remember(body.id);
        return body;
      }
      const words = body.detail || body.title || `The hub answered ${answer.status}.`;
      throw new Refused(answer.status, answer.status === 409 ? `Already answered elsewhere. ${words}` : words);
    } catch (error) {
      if (error instanceof Refused || attempt >= 1) throw error;
      await new Promise((done) => { setTimeout(done, 700); });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @param {unknown} error */
function explain(error) {
  if (error instanceof Refused) return error.message;
  return 'Not sent: the hub cannot be reached. Try again when you are connected.';
}

/** @param {HTMLElement} place @param {string} words */
function fail(place, words) {
  place.textContent = words;
  place.hidden = words === '';
}

/** @param {Element} card @param {Intent} intent */
async function answer(card, intent) {
  const fieldset = /** @type {HTMLFieldSetElement} */ (card.querySelector('fieldset'));
  const error = /** @type {HTMLElement} */ (card.querySelector('.card-error'));
  const sent = /** @type {HTMLElement} */ (card.querySelector('.card-sent'));
  fieldset.disabled = true;
  fail(error, '');
  sent.hidden = false;
  try {
    await command({ ...intent, request_id: card.getAttribute('data-request-id') });
  } catch (reason) {
    // The card may have been drawn anew meanwhile; then the newer one speaks.
    if (!card.isConnected) return;
    sent.hidden = true;
    fieldset.disabled = reason instanceof Refused && reason.status === 409;
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
      const chosen = /** @type {string[]} */ (content[input.name] ??= []);
      if (input.checked) chosen.push(input.value);
    } else if (input.type === 'radio') {
      if (input.checked) content[input.name] = input.value;
    } else if (input.value !== '') content[input.name] = type === 'string' ? input.value : Number(input.value);
  }
  return content;
}

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('button[data-act]') : null;
  if (!(button instanceof HTMLButtonElement) || button.disabled) return;
  const card = button.closest('.card');
  const value = button.dataset.value ?? '';
  switch (button.dataset.act) {
    case 'approve':
    case 'approve-session':
      if (card) void answer(card, { type: 'permission_response', approved: true, scope: button.dataset.act === 'approve' ? 'once' : 'session' });
      break;
    case 'deny':
      if (card) {
        const feedback = typed(card, 'feedback');
        void answer(card, { type: 'permission_response', approved: false, ...(feedback && { feedback }) });
      }
      break;
    case 'choice':
      if (card) void answer(card, { type: 'ask_user_response', answer: value, freeform: false });
      break;
    case 'plan-action':
      if (card) void answer(card, { type: 'plan_approval_response', approved: true, selected_action: value });
      break;
    case 'plan-reject':
      if (card) {
        const feedback = typed(card, 'feedback');
        void answer(card, { type: 'plan_approval_response', approved: false, ...(feedback && { feedback }) });
      }
      break;
    case 'elicit-decline':
    case 'elicit-cancel':
      if (card) void answer(card, { type: 'elicitation_response', action: button.dataset.act === 'elicit-decline' ? 'decline' : 'cancel' });
      break;
    case 'suggest':
      void send(button.dataset.prompt ?? '', button);
      break;
    case 'stop':
      void act(button, { type: 'abort' });
      break;
    default:
  }
});

document.addEventListener('change', (event) => {
  const select = event.target;
  if (select instanceof HTMLSelectElement && select.dataset.act === 'mode') {
    void act(select, { type: 'mode_switch', mode: select.value });
  }
});

document.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  const card = form.closest('.card');
  if (form.id === 'compose') void sendComposer();
  else if (card && form.dataset.act === 'answer') {
    const words = typed(card, 'answer');
    if (words) void answer(card, { type: 'ask_user_response', answer: words, freeform: true });
    else /** @type {HTMLElement | null} */ (form.querySelector('textarea'))?.focus();
  } else if (card && form.dataset.act === 'elicit') {
    void answer(card, { type: 'elicitation_response', action: 'accept', content: formContent(form) });
  }
});

/** A command of the foot of the page. @param {HTMLButtonElement | HTMLSelectElement} control @param {Intent} intent */
async function act(control, intent) {
  control.disabled = true;
  fail(composeError, '');
  try {
    await command(intent);
  } catch (reason) {
    fail(composeError, explain(reason));
    // The control shows again what is the case.
    const html = drawn.get('controls');
    drawn.delete('controls');
    if (html !== undefined) region('controls', html);
  }
  if (control.isConnected) control.disabled = false;
}

// ---------------------------------------------------------------- composer

const draft = `groundlink.draft.${app.dataset.session}`;
/** The id of the message that is being tried, so that pressing Send again does not send it twice. */
let attempt = { text: '', id: '' };

/** @param {HTMLTextAreaElement} area */
function grow(area) {
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
}

function typing() {
  grow(composer);
  /** @type {HTMLButtonElement | null} */
  const button = composeForm.querySelector('.send');
  if (button) button.disabled = composer.value.trim() === '';
  stored(storage('localStorage'), draft, composer.value);
}

async function sendComposer() {
  const words = composer.value.trim();
  if (!words || composer.readOnly) return;
  composer.readOnly = true;
  if (await send(words)) {
    composer.value = '';
  }
  composer.readOnly = false;
  typing();
  if (fine.matches) composer.focus();
}

/** @param {string} words @param {HTMLButtonElement} [button] @returns {Promise<boolean>} */
async function send(words, button) {
  if (attempt.text !== words) attempt = { text: words, id: newId() };
  fail(composeError, '');
  if (button) button.disabled = true;
  following = true;
  try {
    await command({ type: 'user_message', content: words }, attempt.id);
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

document.addEventListener('input', (event) => {
  if (event.target === composer) typing();
  else if (event.target instanceof HTMLTextAreaElement) grow(event.target);
});

document.addEventListener('keydown', (event) => {
  // On a phone Enter is a new line; the button sends.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !fine.matches) return;
  const area = event.target;
  if (!(area instanceof HTMLTextAreaElement) || !area.form) return;
  event.preventDefault();
  area.form.requestSubmit();
});

// ---------------------------------------------------------------- begin

for (const id of ['head', 'notice', 'activity', 'suggestions', 'controls']) drawn.set(id, must(id).innerHTML);
composer.value = stored(storage('localStorage'), draft) ?? '';
typing();
decorate(document);
settle();
toEnd();
connect();
