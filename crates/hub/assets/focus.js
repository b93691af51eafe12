// @ts-check
// Tells the hub whether this page is looked at: while it is, no device is notified of what it shows. What it said holds
// for 25 seconds, so that a page that freezes or loses its radio is forgotten.

import { must, newId } from './common.js';
import { device } from './identity.js';

/** While it is looked at, it says so this often. */
const EVERY_MS = 10_000;

/** @param {string} api the link's, or that of all sessions @returns {() => void} says it anew, at once */
export function tellFocus(api) {
  const page = newId();
  const connection = must('connection');
  let told = false;
  let toldAt = 0;
  let left = false;

  // A page that shows an older state shows nothing.
  const looked = () => !left && document.visibilityState === 'visible' && document.hasFocus() && connection.dataset.state === 'live';

  function tell(anew = false) {
    const focused = looked();
    if (focused ? told && !anew && Date.now() - toldAt < EVERY_MS : !told) return;
    // Without a connection the hub forgets by itself.
    if (!navigator.onLine) return;
    told = focused;
    toldAt = Date.now();
    const body = JSON.stringify({ device, page, focused });
    fetch(`${api}/focus`, { method: 'PUT', keepalive: true, headers: { 'content-type': 'application/json' }, body }).catch(() => {});
  }

  const look = () => tell();
  for (const name of ['focus', 'blur']) window.addEventListener(name, look);
  for (const name of ['visibilitychange', 'freeze', 'resume']) document.addEventListener(name, look);
  window.addEventListener('pagehide', () => {
    left = true;
    tell();
  });
  window.addEventListener('pageshow', () => {
    left = false;
    tell();
  });
  setInterval(look, 1000);
  return () => tell(true);
}
