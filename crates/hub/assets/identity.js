// @ts-check
// Who this device is: a random id and a name, kept in this browser.

import { newId, storage, stored } from './common.js';

/** @typedef {{id: string, name?: string}} Device */

const KEY = 'groundlink.device';

/** What people would call this browser. @returns {string} */
export function guess() {
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
export const keep = () => stored(storage('localStorage'), KEY, JSON.stringify(device));
keep();
