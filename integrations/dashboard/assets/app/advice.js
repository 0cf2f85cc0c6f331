'use strict';
// What to set up in another way, and how the pool is used.
fp.advice = (() => {
  const list = document.getElementById('advice');
  const table = document.getElementById('usage');
  const card = table.closest('section');
  const NAMES = { frame_bytes: 'Frame buffers, a frame', pooled_bytes: 'Held, at a frame end', age_frames: 'Age of what is out, frames' };

  // What so much of the values does not exceed: the end of a bucket. Bucket 0 is of zero, bucket n ends before 2^n.
  const atMost = (counts, share) => {
    const wanted = Math.ceil(share * counts.reduce((sum, count) => sum + count, 0));
    let seen = 0;
    const bucket = counts.findIndex((count) => { seen += count; return count && seen >= wanted; });
    return bucket < 1 ? 0 : 2 ** bucket - 1;
  };

  const row = ({ measure, tag, histogram }) => {
    const show = measure === 'age_frames' ? fp.count : fp.bytes;
    const most = Math.max(...histogram);
    const bars = fp.element('span', { class: 'bars', 'aria-hidden': 'true' }, ...histogram.map((count) => {
      const bar = fp.element('i');
      bar.style.height = `${count ? Math.max(8, (count / most) * 100) : 0}%`;
      return bar;
    }));
    return fp.element('tr', {},
      fp.element('th', { scope: 'row' }, tag ? `${NAMES[measure]}: ${tag}` : NAMES[measure]),
      ...[0.5, 0.99, 1].map((share) => fp.element('td', { class: 'number' }, atMost(histogram, share) ? `≤ ${show(atMost(histogram, share))}` : show(0))),
      fp.element('td', {}, bars));
  };

  const item = ({ sentence, code }) => {
    const made = fp.element('li', {}, ...fp.prose(sentence.charAt(0).toUpperCase() + sentence.slice(1)));
    if (code) made.append(fp.element('pre', { tabindex: '0' }, code));
    return made;
  };

  const heads = [['Usage', ''], ['Half', 'number'], ['99 %', 'number'], ['All', 'number'], ['Each doubling from zero', '']];
  table.createTHead().insertRow().append(...heads.map(([name, kind]) => fp.element('th', { scope: 'col', class: kind || undefined }, name)));
  const body = table.createTBody();

  const shown = { advice: '', usage: '' };
  // Runs `paint` if what it paints has changed, so that a focus is kept.
  const ifNew = (name, value, paint) => {
    const key = JSON.stringify(value);
    if (key === shown[name]) return;
    shown[name] = key;
    paint();
  };
  const show = (health) => {
    const advice = health.advice ?? [];
    const usage = health.usage ?? [];
    card.hidden = !advice.length && !usage.length;
    list.hidden = !advice.length;
    ifNew('advice', advice, () => list.replaceChildren(...advice.map(item)));
    ifNew('usage', usage, () => body.replaceChildren(...usage.map(row)));
  };

  return { show };
})();
