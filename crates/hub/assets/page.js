// @ts-check
// Keeps the page current and sends what the person does. The server draws; this only puts its fragments in place.
// Everything works on plain http in a local network, too. One file, one subject:
//
//   common    small helpers of all pages         base      this page's elements
//   identity  who this device is                 device    what of the page is its own doing
//   hub-link  the way back to all sessions           focus     whether somebody looks
//   push      notifications on this device
//   patches   fragments find their place         stream    how they get here
//   follow    the end, and what is further up    settle    titles and voices after a change
//   commands  what is sent                       cards     answers
//   composer  messages, queue, mode, stop        keys      the keyboard, dialogs

import './cards.js';
import { api, app, dock } from './base.js';
import { decorate } from './device.js';
import { tellFocus } from './focus.js';
import { followed, hold, toEnd } from './follow.js';
import { showWayBack } from './hub-link.js';
import './keys.js';
import { label, restoreDraft } from './composer.js';
import { patch } from './patches.js';
import { clearNotifications, offerPush } from './push.js';
import { settle } from './settle.js';
import { connect, whenPatched } from './stream.js';

let waited = false;

/** What was answered, wherever, is no notification any more. */
function cleared() {
  const waits = dock.querySelector('.card') !== null;
  if (waited && !waits) void clearNotifications(app.dataset.session);
  waited = waits;
}

whenPatched((ops) => {
  const back = ops.some((op) => op.op === 'reset') ? hold() : undefined;
  const { grew, fresh } = patch(ops);
  settle();
  label();
  cleared();
  followed(grew, fresh);
  void back?.();
});

restoreDraft();
showWayBack();
decorate(document);
settle();
toEnd();
connect();

if (app.dataset.push) {
  cleared();
  offerPush(api, app.dataset.push, tellFocus(api));
  // Who looks has seen it.
  const seen = () => void clearNotifications(app.dataset.session);
  window.addEventListener('focus', seen);
  seen();
}
