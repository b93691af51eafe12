// @ts-check
// What every script of the page needs: its elements, its storage, small helpers.

import { must } from './common.js';

export { age, clock, fail, must, newId, parse, say, storage, stored } from './common.js';

export const app = must('app');
export const log = must('log');
export const dock = must('dock');
export const composer = /** @type {HTMLTextAreaElement} */ (must('composer'));
export const composeError = must('compose-error');

// Only the path: the page may have been reached by another name than the hub knows itself by.
export const api = new URL(app.dataset.api ?? '', location.href).pathname.replace(/\/$/, '');

/** A mouse and a keyboard, most likely. */
export const fine = matchMedia('(hover: hover) and (pointer: fine)');
/** A finger. */
export const coarse = matchMedia('(pointer: coarse)');

/** Makes a text field as high as its text. @param {HTMLTextAreaElement} area */
export function grow(area) {
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
}

/**
 * Gets rid of sockets that died without a word. The browser keeps some of them for later requests, which would wait
 * for ever; a request that is given up takes its socket along. As many as a browser keeps.
 */
export async function shake() {
  const give = () => fetch(api, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(3000) }).catch(() => {});
  await Promise.all(Array.from({ length: 6 }, give));
}

/** Whether a turn is running. */
export const running = () => document.getElementById('stop') !== null;
