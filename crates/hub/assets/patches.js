// @ts-check
// Puts the server's fragments in place and keeps what the person has done to the old ones.

import { composer, fine, log, must, parse } from './base.js';
import { cardGone, shield } from './cards.js';
import { decorate } from './device.js';

/**
 * @typedef {{op: 'reset', regions: Record<string, string>}} ResetOp
 * @typedef {{op: 'region', target: string, html: string}} RegionOp
 * @typedef {{op: 'item', target: string, n: number, html: string}} ItemOp
 * @typedef {{op: 'text', target: string, blocks?: string, tail?: string, append?: string}} TextOp
 * @typedef {{op: 'list', target: string, order: string[], html: Record<string, string>}} ListOp
 * @typedef {ResetOp | RegionOp | ItemOp | TextOp | ListOp} Op
 */

/** What the server last sent for a region, so that an unchanged one is left alone. @type {Map<string, string>} */
const drawn = new Map();
for (const id of ['head', 'notice', 'activity', 'suggestions', 'controls', 'tasks', 'details']) drawn.set(id, must(id).innerHTML);

/** @param {Op[]} ops @returns {{grew: boolean, fresh: number}} whether the transcript grew, and by how many items */
export function patch(ops) {
  let grew = false;
  let fresh = 0;
  for (const op of ops) {
    switch (op.op) {
      case 'reset':
        // The transcript first: a card that goes finds there how it ended.
        for (const [target, html] of Object.entries(op.regions).sort(([one], [other]) => Number(other === 'log') - Number(one === 'log'))) {
          if (target === 'dock' || target === 'queue') replaceChildren(must(target), html);
          else region(target, html);
        }
        grew = true;
        break;
      case 'region':
        region(op.target, op.html);
        break;
      case 'item':
        if (item(op)) {
          grew = true;
          fresh += 1;
        }
        break;
      case 'text':
        text(op);
        grew = true;
        break;
      case 'list':
        list(must(op.target), op.order, op.html);
        grew = true;
        break;
      default: // a newer hub's: the next reload brings it
    }
  }
  return { grew, fresh };
}

/** Shows again what the server last said of a region. @param {string} target */
export function redraw(target) {
  const html = drawn.get(target);
  drawn.delete(target);
  if (html !== undefined) region(target, html);
}

/** @param {string} target @param {string} html */
function region(target, html) {
  if (target !== 'log' && drawn.get(target) === html) return;
  drawn.set(target, html);
  const element = document.getElementById(target);
  if (!element) return;
  const focused = element.contains(document.activeElement) ? document.activeElement?.id : '';
  const content = parse(html);
  decorate(content);
  for (const open of element.querySelectorAll('details[id][open]')) {
    const twin = content.querySelector(`#${CSS.escape(open.id)}`);
    if (twin instanceof HTMLDetailsElement) twin.open = true;
  }
  element.replaceChildren(content);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Adds or replaces an item of the transcript. @param {ItemOp} op @returns {boolean} whether it is new */
function item(op) {
  const content = parse(op.html);
  decorate(content);
  const fresh = content.firstElementChild;
  if (!fresh) return false;
  const old = document.getElementById(op.target);
  if (old) {
    swap(old, fresh);
    return false;
  }
  const first = log.querySelector(':scope > [data-n]');
  // Older than what this page shows; scrolling up brings it.
  if (first && op.n < Number(first.getAttribute('data-n'))) return false;
  place(document.getElementById(fresh.getAttribute('data-parent') ?? '') ?? log, fresh);
  return true;
}

/** Puts an item among the others, by number. @param {Element} parent @param {Element} fresh */
function place(parent, fresh) {
  const n = Number(fresh.getAttribute('data-n'));
  let after = parent.lastElementChild;
  while (after && Number(after.getAttribute('data-n') ?? -1) > n) after = after.previousElementSibling;
  if (after) after.after(fresh);
  else parent.prepend(fresh);
}

/** Adds older items before the first one. @param {string} html */
export function prepend(html) {
  const content = parse(html);
  decorate(content);
  document.getElementById('older')?.remove();
  log.prepend(content);
  // The steps of a sub-agent whose tool call is here only now.
  for (const step of log.querySelectorAll(':scope > [data-parent]')) {
    const parent = document.getElementById(step.getAttribute('data-parent') ?? '');
    if (parent) place(parent, step);
  }
}

/** @param {TextOp} op */
function text(op) {
  const element = document.getElementById(op.target);
  const tail = element?.querySelector('.tail');
  if (!element || !tail) return;
  if (op.blocks) element.querySelector('.done')?.append(parse(op.blocks));
  if (op.tail !== undefined) tail.replaceChildren(parse(op.tail));
  if (op.append) tail.querySelector('[data-append]')?.append(op.append);
}

/** @param {HTMLElement} parent @param {string[]} order @param {Record<string, string>} html */
function list(parent, order, html) {
  const wanted = new Set(order);
  const held = parent.contains(document.activeElement);
  for (const child of [...parent.children]) {
    if (wanted.has(child.id)) continue;
    if (child.classList.contains('card')) cardGone(child);
    child.remove();
  }
  order.forEach((id, index) => {
    let element = document.getElementById(id);
    if (html[id] !== undefined) {
      const content = parse(html[id]);
      decorate(content);
      const fresh = content.firstElementChild;
      if (!fresh) return;
      if (element) swap(element, fresh);
      else shield(fresh);
      element = /** @type {HTMLElement} */ (fresh);
    }
    if (element && parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
  // The card that had the focus is gone: go to the next one as a whole, not to one of its buttons.
  if (held && !parent.contains(document.activeElement)) {
    const next = parent.querySelector('.card');
    if (next) {
      next.setAttribute('tabindex', '-1');
      /** @type {HTMLElement} */ (next).focus({ preventScroll: true });
    } else if (fine.matches) composer.focus({ preventScroll: true });
  }
}

/** @param {HTMLElement} parent @param {string} html */
function replaceChildren(parent, html) {
  const children = [...parse(html).children];
  /** @type {Record<string, string>} */
  const byId = {};
  for (const child of children) byId[child.id] = child.outerHTML;
  list(parent, children.map((child) => child.id), byId);
}

/** Puts a newer drawing in place. @param {Element} old @param {Element} fresh */
function swap(old, fresh) {
  if (old instanceof HTMLDetailsElement && fresh instanceof HTMLDetailsElement) fresh.open = old.open;
  const active = document.activeElement;
  const focus = active && old.contains(active) ? path(active) : '';
  const kids = old.querySelector(':scope > .kids');
  if (kids) fresh.querySelector(':scope > .kids')?.append(...kids.children);
  for (const field of old.querySelectorAll('textarea, input, select')) {
    const twin = find(fresh, path(field));
    if (field instanceof HTMLInputElement && twin instanceof HTMLInputElement) {
      twin.checked = field.checked;
      if (field.type !== 'checkbox' && field.type !== 'radio') twin.value = field.value;
    } else if (field instanceof HTMLTextAreaElement && twin instanceof HTMLTextAreaElement) {
      if (field.value !== field.defaultValue) twin.value = field.value;
      twin.style.height = field.style.height;
    } else if (field instanceof HTMLSelectElement && twin instanceof HTMLSelectElement) twin.value = field.value;
  }
  for (const image of fresh.querySelectorAll('img[data-src]')) {
    const known = old.querySelector(`img[data-src="${CSS.escape(image.getAttribute('data-src') ?? '')}"][src]`);
    if (known) image.replaceWith(known);
  }
  const scrolled = [...old.querySelectorAll('.card-body, pre, .diff')].map((element) => element.scrollTop);
  old.replaceWith(fresh);
  fresh.querySelectorAll('.card-body, pre, .diff').forEach((element, index) => {
    if (scrolled[index]) element.scrollTop = scrolled[index];
  });
  if (focus) /** @type {HTMLElement | null} */ (find(fresh, focus))?.focus({ preventScroll: true });
}

/** What names a control within its card. @param {Element} element */
function path(element) {
  const names = ['data-testid', 'name', 'value', 'data-value'].map((name) =>
    element.hasAttribute(name) && !(name === 'value' && element.getAttribute('type') === 'text')
      ? `[${name}="${CSS.escape(element.getAttribute(name) ?? '')}"]` : '');
  return element.tagName.toLowerCase() + names.join('');
}

/** @param {Element} root @param {string} selector @returns {Element | null} */
function find(root, selector) {
  if (root.matches(selector)) return root;
  return root.querySelector(selector);
}
