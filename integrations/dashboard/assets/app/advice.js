'use strict';
// What to set up in another way, and how the pool is used.
fp.advice = (() => {
  const list = document.getElementById('advice');
  const table = document.getElementById('usage');
  const card = table.closest('section');
  const NAMES = { frame_bytes: 'Frame buffers, a frame', pooled_bytes: 'Held, at a frame end', age_frames: 'Age of what is out, frames' };
  const HELP = {
    frame_bytes: 'Bytes of the frame buffers that each frame allocated (frame_bytes).', pooled_bytes: 'Bytes that the pool held from the system at each frame end (pooled_bytes).',
    age_frames: 'Ages of the pooled buffers that are out, in frames (age_frames).',
  };

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
      fp.element('th', { scope: 'row', title: HELP[measure] }, tag ? `${NAMES[measure]}: ${tag}` : NAMES[measure]),
      ...[0.5, 0.99, 1].map((share) => fp.element('td', { class: 'number', 'data-away': share === 0.5 ? 2 : undefined }, atMost(histogram, share) ? `≤ ${show(atMost(histogram, share))}` : show(0))),
      fp.element('td', { 'data-away': 1 }, bars));
  };

  const item = ({ sentence, code }) => {
    const made = fp.element('li', {}, ...fp.prose(sentence.charAt(0).toUpperCase() + sentence.slice(1)));
    if (code) made.append(fp.element('pre', { tabindex: '0' }, code));
    return made;
  };

  const heads = [
    ['Usage', '', 'What is counted, frame by frame.'], ['Half', 'number', 'Half of the values are at most this.', 2], ['99 %', 'number', '99 of 100 values are at most this.'],
    ['All', 'number', 'No value is more than this.'], ['Each doubling from zero', '', 'How many values there are between one power of two and the next.', 1],
  ];
  table.createTHead().insertRow().append(...heads.map(([name, kind, help, away]) => fp.element('th', { scope: 'col', title: help, 'data-away': away, class: kind || undefined }, name)));
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
