// @ts-check
// Who this device is, and what of the page is its own doing.

import { must, newId, storage, stored } from './base.js';

/** @typedef {{id: string, name?: string}} Device */

const KEY = 'groundlink.device';

/** What people would call this browser. @returns {string} */
function guess() {
  const agent = navigator.userAgent;
  /** @type {[RegExp, string][]} */
  const browsers = [[/Edg\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\/|FxiOS\//, 'Firefox'], [/SamsungBrowser/, 'Samsung Internet'],
    [/Chrom(e|ium)\/|CriOS\//, 'Chrome'], [/Safari\//, 'Safari']];
  /** @type {[RegExp, string][]} */
  const systems = [[/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS X/, 'Mac'],
    [/CrOS/, 'Chromebook'], [/Linux/, 'Linux']];
  const of = (/** @type {[RegExp, string][]} */ table) => table.find(([sign]) => sign.test(agent))?.[1] ?? '';
  return [of(browsers) || 'Browser', of(systems)].filter(Boolean).join(' on ');
}

/** @returns {Device} */
function load() {
  try {
    const known = JSON.parse(stored(storage('localStorage'), KEY) ?? '');
    if (typeof known.id === 'string' && known.id) return { id: known.id, name: String(known.name || guess()) };
  } catch { /* the first visit, or storage is forbidden */ }
  return { id: newId(), name: guess() };
}

/** This device. @type {Device} */
export const device = load();
const keep = () => stored(storage('localStorage'), KEY, JSON.stringify(device));
keep();

const field = /** @type {HTMLInputElement} */ (must('device-name'));
field.value = device.name ?? '';
field.addEventListener('change', () => {
  device.name = field.value.trim().slice(0, 60) || guess();
  field.value = device.name;
  keep();
});

/** Times in the reader's zone, pictures, and whose doing it was. @param {ParentNode} root */
export function decorate(root) {
  for (const time of root.querySelectorAll('time[datetime]:not([title])')) {
    const moment = new Date(time.getAttribute('datetime') ?? '');
    if (Number.isNaN(moment.getTime())) continue;
    const today = moment.toDateString() === new Date().toDateString();
    time.textContent = moment.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    if (!today) time.textContent = `${moment.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time.textContent}`;
    time.setAttribute('title', moment.toLocaleString());
  }
  for (const by of root.querySelectorAll('[data-command]:is(.source, .by)')) {
    if (by.getAttribute('data-device') === device.id) by.textContent = by.classList.contains('by') ? 'on this device' : 'This device';
  }
}
