// @ts-check
// Notifications on this device: the switch, and how it stands. They are shown by a worker of the browser's, push-worker.js,
// which knows its link by where it is registered.

import { fail, must, sentence } from './common.js';
import { device } from './identity.js';

/** @typedef {{content: boolean, done: boolean}} Wishes */

const PATIENCE_MS = 10_000;
/** What a browser of this kind says once it is an app on the home screen. @type {Navigator & {standalone?: boolean}} */
const browser = navigator;

/** Why this browser cannot be notified. @returns {{state: 'missing' | 'blocked', words: string} | undefined} */
function hindrance() {
  if (!window.isSecureContext) {
    return { state: 'missing', words: 'Not available here: browsers want HTTPS for it, or a hub on this very computer (localhost).' };
  }
  if (!('serviceWorker' in navigator) || !('PushManager' in window) || !('Notification' in window)) {
    const apple = /iPhone|iPad/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
    const words = apple && !browser.standalone
      ? 'On an iPhone or iPad, add this page to the home screen and open it from there; then it can be turned on.'
      : 'This browser cannot be notified.';
    return { state: 'missing', words };
  }
  if (Notification.permission === 'denied') {
    return { state: 'blocked', words: 'Blocked: this browser’s settings forbid notifications of this site. Allow them there first.' };
  }
  return undefined;
}

/** @param {string} endpoint */
async function nameOf(endpoint) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint)));
  return btoa(String.fromCharCode(...hash)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {string} key Base64url */
function bytes(key) {
  return Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
}

/** A worker that runs: a browser subscribes for no other. @param {ServiceWorkerRegistration} registration */
async function running(registration) {
  const coming = registration.active ? null : registration.installing ?? registration.waiting;
  if (!coming) return registration;
  await new Promise((done, broken) => {
    coming.addEventListener('statechange', () => {
      if (coming.state === 'activated') done(undefined);
      else if (coming.state === 'redundant') broken(new Error('the worker did not start'));
    });
  });
  return registration;
}

/** Takes notifications away that are settled. @param {string} [session] without one, all */
export async function clearNotifications(session) {
  if (!('serviceWorker' in navigator)) return;
  for (const registration of await navigator.serviceWorker.getRegistrations().catch(() => [])) {
    const shown = await registration.getNotifications?.(session ? { tag: session } : {}).catch(() => []);
    for (const one of shown ?? []) one.close();
  }
}

/**
 * Lets the person turn notifications on and off.
 * @param {string} api the link's, or that of all sessions @param {string} key the hub's @param {() => void} changed after a change
 */
export function offerPush(api, key, changed) {
  const at = /^(.*)\/api\/v1\/(links|hubs)\/([^/]+)$/.exec(api);
  if (!at) return;
  const scope = `${at[1]}/${at[2] === 'hubs' ? 'h' : 't'}/${at[3]}/`;
  const dialog = /** @type {HTMLDialogElement} */ (must('notify-dialog'));
  const bell = must('bell');
  const on = /** @type {HTMLInputElement} */ (must('notify-on'));
  const content = /** @type {HTMLInputElement} */ (must('notify-content'));
  const done = /** @type {HTMLInputElement} */ (must('notify-done'));
  const words = must('notify-state');
  const error = must('notify-error');

  /** @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<Wishes | null>} nothing where there is none */
  async function call(method, path, body) {
    const answer = await fetch(`${api}/${path}`, {
      method,
      headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 204 || (answer.status === 404 && method === 'GET')) return null;
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.detail || told.title || `the hub answered ${answer.status}`);
    return told;
  }

  /** @returns {Promise<PushSubscription | null>} */
  async function subscription() {
    const registration = await navigator.serviceWorker.getRegistration(scope);
    return registration && registration.scope.endsWith(scope) ? registration.pushManager.getSubscription() : null;
  }

  /** @param {PushSubscription} given @param {Wishes} wishes */
  async function put(given, wishes) {
    const { endpoint, keys } = given.toJSON();
    await call('PUT', `push/${await nameOf(given.endpoint)}`, { endpoint, p256dh: keys?.p256dh, auth: keys?.auth, device, ...wishes });
  }

  /** @param {'on' | 'off' | 'missing' | 'blocked'} state @param {string} text @param {Wishes} [wishes] */
  function show(state, text, wishes) {
    bell.dataset.state = state;
    const label = state === 'on' ? 'Notifications: on' : 'Notifications: off';
    bell.setAttribute('aria-label', label);
    bell.title = label;
    words.textContent = text;
    on.checked = state === 'on';
    on.disabled = state === 'missing' || state === 'blocked';
    for (const field of [content, done]) field.disabled = state !== 'on';
    content.checked = wishes?.content ?? false;
    done.checked = wishes?.done ?? false;
  }

  async function refresh() {
    const hindered = hindrance();
    if (hindered) return show(hindered.state, hindered.words);
    const given = await subscription();
    const wishes = given && await call('GET', `push/${await nameOf(given.endpoint)}`);
    if (wishes) return show('on', 'On: this device is notified.', wishes);
    return show('off', 'Off: this device is not notified.');
  }

  async function turnOn() {
    if (await Notification.requestPermission() !== 'granted') {
      await refresh();
      if (Notification.permission !== 'denied') throw new Error('the browser was not allowed to notify you');
      return;
    }
    const who = new URLSearchParams({ device: device.id, name: device.name ?? '' });
    const registration = await running(await navigator.serviceWorker.register(`${scope}push.js?${who}`));
    const wanted = { userVisibleOnly: true, applicationServerKey: bytes(key) };
    const given = await registration.pushManager.subscribe(wanted).catch(async (/** @type {unknown} */ why) => {
      // One that is left from another key of the hub's.
      const old = await registration.pushManager.getSubscription();
      if (!old) throw why;
      await old.unsubscribe();
      return registration.pushManager.subscribe(wanted);
    });
    await put(given, { content: content.checked, done: done.checked });
  }

  async function turnOff() {
    const given = await subscription();
    if (!given) return;
    await call('DELETE', `push/${await nameOf(given.endpoint)}`);
    await given.unsubscribe();
  }

  async function wish() {
    const given = await subscription();
    if (given) await put(given, { content: content.checked, done: done.checked });
  }

  /** @param {() => Promise<void>} change */
  async function perform(change) {
    fail(error, '');
    for (const field of [on, content, done]) field.disabled = true;
    let wrong = '';
    await change().then(changed, (/** @type {unknown} */ why) => {
      wrong = why instanceof DOMException && why.name === 'AbortError' ? 'The browser’s push service cannot be reached.'
        : why instanceof TypeError ? 'Not done: the hub cannot be reached.'
        : sentence(why instanceof Error ? why.message : String(why));
    });
    await refresh().catch(() => show('off', 'How it stands is not known: the hub cannot be reached.'));
    fail(error, wrong);
  }

  on.addEventListener('change', () => void perform(on.checked ? turnOn : turnOff));
  for (const field of [content, done]) field.addEventListener('change', () => void perform(wish));
  bell.addEventListener('click', () => {
    fail(error, '');
    dialog.showModal();
    void refresh().catch(() => {});
  });
  void refresh().catch(() => show('off', 'How it stands is not known: the hub cannot be reached.'));
}
