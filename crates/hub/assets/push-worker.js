// @ts-check
// Shows notifications while no page is open. It is registered below the address of the page that it is for, so its own
// place tells it the link: nothing is kept here, no page is cached, and no request goes through it.

const worker = /** @type {any} */ (self);
/** @type {ServiceWorkerRegistration} */
const registration = worker.registration;
const scope = new URL(registration.scope).pathname;
const [, site, kind, key] = /^(.*)\/(t|h)\/([^/]+)\/$/.exec(scope) ?? ['', '', 't', ''];
const api = `${site}/api/v1/${kind === 'h' ? 'hubs' : 'links'}/${key}`;
const home = scope.replace(/\/$/, '');

/**
 * @typedef {{session: string, kind?: string, tool?: string, text?: string, more?: number}} Content
 * @typedef {{session_id?: string, reason?: string, at_ms?: number, content?: Content}} Message
 */

worker.addEventListener('install', () => worker.skipWaiting());

worker.addEventListener('push', (/** @type {any} */ event) => event.waitUntil(show(event.data)));

/** @type {Record<string, string>} */
const TOOLS = { shell: 'Run', write: 'Write', read: 'Read', url: 'Open', mcp: 'Use' };

/** What is asked, in a line. @param {Content} content */
function line({ kind, tool, text, more }) {
  const verb = kind === 'permission' ? TOOLS[tool ?? ''] ?? tool : kind === 'plan_approval' ? 'Plan' : '';
  const first = [verb, text].filter(Boolean).join(': ');
  return more ? `${first}\n${more === 1 ? 'One more waits' : `${more} more wait`}.` : first;
}

/** The words of a notification. @param {Message} message */
function words({ reason, content }) {
  const who = content?.session ?? 'A session';
  if (reason === 'failed') return { title: `${who} has failed`, body: content ? content.text ?? '' : 'Open it to see why.' };
  if (reason === 'done') return { title: `${who} is done`, body: '' };
  return { title: `${who} needs you`, body: content ? line(content) : 'Open it to see what it asks.' };
}

/** A browser wants something to be seen for each message, whatever is in it. @param {{json(): Message} | null} data */
async function show(data) {
  /** @type {Message} */
  let message = {};
  try { message = data?.json() ?? {}; } catch { /* none of ours */ }
  const { title, body } = words(message);
  /** @type {NotificationOptions & {renotify: boolean, timestamp: number}} */
  const options = {
    body,
    // A session has one notification; a newer one takes its place, and makes itself heard again.
    tag: message.session_id ?? home,
    renotify: true,
    timestamp: message.at_ms ?? Date.now(),
    dir: 'auto',
    icon: `${site}/assets/icon-192.png`,
    data: { session: message.session_id },
  };
  await registration.showNotification(title, options);
}

worker.addEventListener('notificationclick', (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.session));
});

/** The page of a session, where this worker is for all of them. @param {string} [session] */
async function pageOf(session) {
  if (kind === 't' || !session) return home;
  try {
    const list = await (await fetch(`${api}/sessions`, { headers: { accept: 'application/json' } })).json();
    const link = list.sessions.find((/** @type {{session_id: string}} */ one) => one.session_id === session)?.link ?? '';
    return link.includes('/t/') ? site + link.slice(link.indexOf('/t/')) : home;
  } catch {
    return home;
  }
}

/** Goes to the page where it is open, under whichever form of its link, or opens it. @param {string} [session] */
async function open(session) {
  const path = await pageOf(session);
  const last = (/** @type {string} */ url) => new URL(url, worker.location.href).pathname.split('/').at(-1);
  const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const there = windows.find((/** @type {{url: string}} */ one) => last(one.url) === last(path));
  await (there ? there.focus() : worker.clients.openWindow(path));
}

worker.addEventListener('pushsubscriptionchange', (/** @type {any} */ event) => {
  event.waitUntil(renew(event.oldSubscription, event.newSubscription));
});

/** @param {string} endpoint */
async function nameOf(endpoint) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint)));
  return btoa(String.fromCharCode(...hash)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/**
 * The browser has changed the subscription: the hub hears of the new one, with the wishes of the old.
 * @param {PushSubscription | null} old @param {PushSubscription | null} fresh
 */
async function renew(old, fresh) {
  const before = old ? `${api}/push/${await nameOf(old.endpoint)}` : '';
  const known = before ? await fetch(before) : undefined;
  const { content = false, done = false } = known?.ok ? await known.json() : {};
  const { public_key: applicationServerKey } = await (await fetch(`${api}/push`)).json();
  const now = fresh ?? await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  const { endpoint, keys } = now.toJSON();
  const who = new URL(worker.location.href).searchParams;
  const device = { id: who.get('device') || 'browser', name: who.get('name') || undefined };
  await fetch(`${api}/push/${await nameOf(now.endpoint)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ endpoint, p256dh: keys?.p256dh, auth: keys?.auth, device, content, done }),
  });
  if (old && old.endpoint !== now.endpoint) await fetch(before, { method: 'DELETE' });
}
