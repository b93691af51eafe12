// @ts-check
// After every change: what the page's title, its screen reader's voice and its composer make of it.

import { composer, dock, log, must, say } from './base.js';

/** What has been read out already. @type {Set<string>} */
const announced = new Set();
let first = true;

export function settle() {
  const cards = [...dock.querySelectorAll('.card')];
  const title = document.querySelector('#head h1')?.textContent ?? 'Session';
  document.title = cards.length ? `(${cards.length}) Needs you · ${title}` : `${title} · groundlink`;
  const icon = /** @type {HTMLLinkElement & {dataset: DOMStringMap}} */ (must('icon'));
  icon.dataset.calm ??= icon.getAttribute('href') ?? '';
  const wanted = (cards.length ? icon.dataset.attention : icon.dataset.calm) ?? '';
  if (icon.getAttribute('href') !== wanted) icon.setAttribute('href', wanted);
  composer.disabled = document.querySelector('#controls .closed') !== null;

  for (const card of cards) {
    const body = card.querySelector('.card-body');
    if (body) hint(body);
    announce('assertive', `card ${card.id}`, () =>
      `${card.querySelector('h2')?.textContent ?? ''} ${card.querySelector('.card-body')?.textContent?.slice(0, 400) ?? ''}`);
  }
  const said = log.querySelectorAll(':scope > .assistant[data-state="done"], :scope > .note[data-level="error"]');
  const last = said[said.length - 1];
  if (last) announce('polite', last.id, () => last.textContent?.trim().slice(0, 600) ?? '');
  first = false;
}

/** Says that a card has more than is in view: nobody should approve half a command. @param {Element} body */
function hint(body) {
  body.toggleAttribute('data-more', body.scrollHeight - body.clientHeight - body.scrollTop > 12);
}
document.addEventListener('scroll', (event) => {
  if (event.target instanceof Element && event.target.classList.contains('card-body')) hint(event.target);
}, { capture: true, passive: true });
window.addEventListener('resize', () => dock.querySelectorAll('.card-body').forEach(hint));

/** @param {'polite' | 'assertive'} region @param {string} key @param {() => string} words */
function announce(region, key, words) {
  if (announced.has(key)) return;
  announced.add(key);
  // What stands there when the page opens is read with the page.
  if (!first) say(region, words());
}
