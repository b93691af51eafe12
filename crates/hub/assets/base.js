// @ts-check
// What every script of the page needs: its elements, its storage, small helpers.

import { must } from './common.js';

export { age, fail, must, newId, parse, say, storage, stored } from './common.js';

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

/** Whether a turn is running. */
export const running = () => document.getElementById('stop') !== null;
