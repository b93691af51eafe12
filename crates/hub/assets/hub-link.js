// @ts-check
// The way from a session back to the list of all. A session's link does not lead there; but a browser that has been
// at the list knows its address.

import { storage, stored } from './common.js';

const KEY = 'groundlink.sessions';

/** Remembers the list that this page is. */
export const remember = () => stored(storage('localStorage'), KEY, location.pathname);

/** Shows the way back, where this browser knows one. */
export function showWayBack() {
  const path = stored(storage('localStorage'), KEY);
  const link = document.getElementById('back');
  if (!(link instanceof HTMLAnchorElement) || !path?.startsWith('/') || path.startsWith('//')) return;
  link.setAttribute('href', path);
  link.hidden = false;
}
