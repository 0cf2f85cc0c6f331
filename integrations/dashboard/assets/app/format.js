'use strict';
// Numbers as people read them. Every text has a steady width: same digits, same unit for the same size.
const fp = {};

fp.bytes = (count) => {
  if (!Number.isFinite(count)) return '–';
  const sign = count < 0 ? '−' : '';
  let value = Math.abs(count);
  if (value < 1024) return `${sign}${Math.round(value)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = -1;
  do {
    value /= 1024;
    unit += 1;
  } while (value >= 1023.995 && unit + 1 < units.length);
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${sign}${value.toFixed(digits)} ${units[unit]}`;
};

fp.count = (count) => (Number.isFinite(count) ? Math.round(count).toLocaleString('en-US') : '–');

// So many per `unit` of time: seconds in a view over time, frames in a view of frames. In one axis all are in the unit of its largest.
const per = (unit) => (count, largest = count) => {
  if (!Number.isFinite(count)) return '–';
  if (largest >= 1e6) return `${(count / 1e6).toFixed(2)} M/${unit}`;
  if (largest >= 1e4) return `${(count / 1e3).toFixed(1)} k/${unit}`;
  return `${count < 10 && !Number.isInteger(count) ? count.toFixed(1) : fp.count(count)} /${unit}`;
};
fp.rate = per('s');
fp.perFrame = per('frame');

fp.ms = (ms) => {
  if (!Number.isFinite(ms)) return '–';
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms < 1 ? `${(ms * 1000).toFixed(0)} µs` : `${ms.toFixed(2)} ms`;
};

// Rounding never makes a part the whole, nor something nothing: `>99.9 %` and `<0.1 %` are the limits.
fp.percent = (share, digits = 1) => {
  if (!Number.isFinite(share)) return '–';
  const step = 10 ** -digits;
  const text = (share * 100).toFixed(digits);
  if (share < 1 && Number(text) >= 100) return `>${(100 - step).toFixed(digits)} %`;
  if (share > 0 && Number(text) <= 0) return `<${step.toFixed(digits)} %`;
  return share === 1 ? '100 %' : `${text} %`;
};

fp.seconds = (seconds) => {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor(seconds / 60) % 60).padStart(2, '0')} min`;
};

fp.duration = (duration) => (duration ? duration.secs + duration.nanos / 1e9 : NaN);

fp.clock = (ms) => new Date(ms).toLocaleTimeString('en-GB');

// `src/render/particles.rs:88:21` as the file's name and line first: that is what people look for.
fp.site = (location) => {
  const found = /^(.*?)([^/\\]+):(\d+):(\d+)$/.exec(location);
  return found ? { name: `${found[2]}:${found[3]}`, folder: found[1].replace(/[/\\]$/, '') } : { name: location, folder: '' };
};

// A value in a rule's unit.
fp.inUnit = (value, unit) => {
  if (unit === 'By') return fp.bytes(value);
  if (unit === 'ms') return fp.ms(value);
  if (unit === 's') return fp.seconds(value);
  if (unit === '1') return fp.percent(value);
  return fp.count(value);
};

// A unit of the table of metrics in words.
const UNITS = { By: 'bytes', s: 'seconds', ms: 'milliseconds', 1: 'a number without a unit' };
fp.unit = (unit) => UNITS[unit] ?? unit.replace(/^\{(.*)\}$/, '$1s');

// An element with text and attributes. Text never becomes markup.
fp.element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, '');
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};

// Repaints, and leaves the keyboard's focus where it was: at the element, at the one that took its place, or at what was around it.
fp.keepingFocus = (paint) => {
  const had = document.activeElement;
  const { key } = had?.dataset ?? {};
  const home = had?.parentElement?.closest('[id]');
  const around = had?.parentElement?.closest('[tabindex]');
  paint();
  if (!had || had === document.body || document.activeElement !== document.body) return;
  const next = had.isConnected ? had : document.getElementById(had.id) ?? (key && home?.querySelector(`[data-key="${CSS.escape(key)}"]`));
  (next || around)?.focus({ preventScroll: true });
};

// Names come from programs. A control character in one is shown as an escape, so that each name stays on its line. Not in code to paste,
// nor in rows of numbers, of which there are many.
fp.visible = (value, key) => {
  if (typeof value === 'string') return key === 'code' ? value : value.replace(/[\u0000-\u001f\u007f-\u009f]/g, (found) => (found === '\n' ? '\\n' : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`));
  if (Array.isArray(value)) return Array.isArray(value[0]) ? value : value.map((one) => fp.visible(one, key));
  if (value === null || typeof value !== 'object') return value;
  for (const name of Object.keys(value)) value[name] = fp.visible(value[name], name);
  return value;
};

fp.setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

// A text as the library writes it: what stands between backticks is code.
fp.prose = (text) => text.split(/`([^`]+)`/).map((part, at) => (at % 2 ? fp.element('code', {}, part) : part)).filter((part) => part !== '');
// The same where no elements can stand.
fp.plain = (text) => text.replace(/`([^`]+)`/g, '$1');
fp.setProse = (element, text) => {
  if (element.dataset.prose === text) return;
  element.dataset.prose = text;
  element.replaceChildren(...fp.prose(text));
};
