// @ts-check
// Who this device is, and what of the page is its own doing.

import { api, must } from './base.js';
import { device, guess, keep } from './identity.js';

export { device } from './identity.js';

const field = /** @type {HTMLInputElement} */ (must('device-name'));
field.value = device.name ?? '';
field.addEventListener('change', () => {
  device.name = field.value.trim().slice(0, 60) || guess();
  field.value = device.name;
  keep();
});

/** Times in the reader's zone, also in fields; pictures, and whose doing it was. @param {ParentNode} root */
export function decorate(root) {
  for (const time of root.querySelectorAll('time[datetime]:not([title])')) {
    const moment = new Date(time.getAttribute('datetime') ?? '');
    if (Number.isNaN(moment.getTime())) continue;
    const today = moment.toDateString() === new Date().toDateString();
    time.textContent = moment.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    if (!today) time.textContent = `${moment.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time.textContent}`;
    time.setAttribute('title', moment.toLocaleString());
  }
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll('input[data-value]'))) {
    const moment = new Date(field.dataset.value ?? '');
    if (Number.isNaN(moment.getTime())) continue;
    field.value = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
    field.defaultValue = field.value;
  }
  // Those of a tool's answer wait until its row is opened.
  for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (root.querySelectorAll('.user img[data-src]:not([src])'))) {
    image.loading = 'lazy';
    image.src = `${api}/${image.dataset.src}`;
  }
  for (const by of root.querySelectorAll('[data-command]:is(.source, .by)')) {
    if (by.getAttribute('data-device') === device.id) by.textContent = by.classList.contains('by') ? 'from this device' : 'This device';
  }
}
