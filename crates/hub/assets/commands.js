// @ts-check
// Sending what the person does.

import { api, newId, shake } from './base.js';
import { sentence } from './common.js';
import { device } from './device.js';

/** @typedef {{type: string, [field: string]: unknown}} Intent */

/** The hub said no. */
export class Refused extends Error {
  /** @param {number} status @param {string} message @param {string} [kind] */
  constructor(status, message, kind = '') {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

/** @param {string} path @param {string} method @param {unknown} [body] */
async function call(path, method, body) {
  for (let attempt = 0; ; attempt += 1) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 10_000);
    try {
      const answer = await fetch(`${api}/${path}`, {
        method,
        headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: stop.signal,
      });
      const told = await answer.json().catch(() => ({}));
      if (answer.ok) return told;
      const words = told.detail || told.title || `The hub answered ${answer.status}.`;
      throw new Refused(answer.status, sentence(words), told.type);
    } catch (error) {
      if (error instanceof Refused || attempt >= 1) throw error;
      // No answer in time: another try over another dead socket would not get one, either.
      if (stop.signal.aborted) await shake();
      else await new Promise((done) => { setTimeout(done, 700); });
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Sends a command. The same id goes with each try, so that a lost answer does nothing twice.
 * @param {Intent} intent @param {string} [clientId]
 * @returns {Promise<{id: string, state: string}>}
 */
export const command = (intent, clientId = newId()) => call('commands', 'POST', { client_id: clientId, ...intent, device });

/** Gives a queued message other words. @param {string} id @param {string} content */
export const edit = (id, content) => call(`commands/${encodeURIComponent(id)}`, 'PATCH', { content, device });

/** Takes a queued message back. @param {string} id */
export const cancel = (id) => {
  const who = new URLSearchParams({ device: device.id, device_name: device.name ?? '' });
  return call(`commands/${encodeURIComponent(id)}?${who}`, 'DELETE');
};

/** @param {unknown} error */
export function explain(error) {
  if (error instanceof Refused) return error.message;
  return 'Not sent: the hub cannot be reached. Try again when you are connected.';
}
