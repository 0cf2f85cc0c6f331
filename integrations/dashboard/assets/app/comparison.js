'use strict';
// The comparison of two moments: who kept memory across frames, who was born, died, grew and shrank in between.
fp.comparison = (() => {
  const root = document.getElementById('comparison');
  const { KINDS, OTHERS, REST, IN_FLIGHT, fullName, nameOf, held } = fp.kinds;
  let shown = '';

  // A sample names the largest holders only. One that it does not name may still hold as much as the others together, and no more
  // than the smallest that it names.
  const unnamed = (named) => {
    const others = named.get(OTHERS)?.bytes ?? 0;
    const least = Math.min(...[...named].filter(([place]) => place > REST).map(([, { bytes }]) => bytes));
    return Math.min(others, least);
  };

  const fate = (a, b) => {
    if (!a.bytes && b.bytes) return a.atMost ? ['rose to the largest', '△'] : ['born', '+'];
    if (a.bytes && !b.bytes) return b.atMost ? ['fell below the largest', '▽'] : ['died', '✕'];
    if (b.bytes > a.bytes) return ['grew', '▲'];
    if (b.bytes < a.bytes) return ['shrank', '▼'];
    return ['held', '='];
  };

  const amount = ({ bytes, atMost }) => (atMost ? `at most ${fp.bytes(atMost)}` : fp.bytes(bytes));
  const buffers = ({ buffers: number, atMost }) => (atMost ? '?' : fp.count(number));
  const signed = (bytes) => (bytes > 0 ? '+' : '') + fp.bytes(bytes);

  // What happened between two rows: counters rise, so their difference is exact.
  const between = ({ allocs, releases, inUse, inFlight }, when, from, to) => {
    const rise = (values) => fp.count(values[to] - values[from]);
    let most = from;
    for (let at = from; at <= to; at += 1) if (inUse[at] > inUse[most]) most = at;
    return `${rise(allocs)} allocs and ${rise(releases)} releases in between; the most in use was ${fp.bytes(inUse[most])}, at ${when(most)}. ${inFlight ? 'Compared is what is kept across frames, in' : 'Compared are'} the samples nearest to A and B.`;
  };

  const headings = (kind) => [
    { name: KINDS[kind].title, help: 'Who holds memory.' },
    { name: 'Change', help: 'What became of what it keeps across frames.' },
    { name: 'Bytes', help: 'Bytes that it keeps at the end, minus those at the beginning.' },
    { name: 'At the beginning', away: 1, help: 'Bytes that it keeps at the earlier moment.' },
    { name: 'At the end', away: 1, help: 'Bytes that it keeps at the later moment.' },
    { name: 'Buffers', away: 2, help: 'Pooled buffers that it keeps at both moments.' },
  ];
  const numbers = (texts) => texts.map((text, at) => fp.element('td', { class: 'number', 'data-away': [undefined, 1, 1, 2][at] }, text));

  const hide = () => {
    root.hidden = true;
    shown = '';
  };

  const show = (pool, view, kind, all) => {
    if (!view.range) {
      hide();
      return;
    }
    // What was chosen stands still, also when the live view has moved past it.
    const key = [pool.id, view.span, kind, ...view.range].join();
    if (key === shown) return;
    const { rows, times, course } = all();
    if (!rows.length) {
      hide();
      return;
    }
    root.hidden = false;
    shown = key;
    const [from, to] = view.range.map((time) => fp.charts.nearest(times, time));
    const when = (row) => view.at(times[row]);
    const at = (row) => new Map(held(rows[row], kind).map(([place, bytes, buffers]) => [place, { bytes, buffers }]));
    const [before, after] = [at(from), at(to)];
    const none = (named, place) => ({ bytes: 0, buffers: 0, atMost: place > REST ? unnamed(named) : 0 });
    const changes = [...new Set([...before.keys(), ...after.keys()])].map((place) => {
      const [a, b] = [before.get(place) ?? none(before, place), after.get(place) ?? none(after, place)];
      return { place, a, b, bytes: b.bytes - a.bytes };
    }).sort((a, b) => Math.abs(b.bytes) - Math.abs(a.bytes) || b.b.bytes - a.b.bytes);
    const sum = changes.reduce((all, change) => all + change.bytes, 0);
    const clear = fp.element('button', { type: 'button', id: 'clear' }, 'Clear');
    clear.addEventListener('click', () => fp.view.select(null));
    const zoom = fp.element('button', { type: 'button', id: 'zoom', title: 'Key z' }, 'Zoom to A–B');
    zoom.addEventListener('click', fp.view.zoomToRange);
    const head = fp.element('div', { class: 'head' }, fp.element('h3', {}, `From ${when(from)} to ${when(to)}: ${signed(sum)}`), fp.element('div', { class: 'buttons' }, zoom, clear));
    const table = fp.element('table', {}, fp.element('thead', {}, fp.element('tr', {},
      ...headings(kind).map(({ name, help, away }, index) => fp.element('th', { scope: 'col', title: help, 'data-away': away, class: index > 1 ? 'number' : undefined }, name)))));
    const body = fp.element('tbody');
    for (const { place, a, b, bytes } of changes) {
      const [word, sign] = fate(a, b);
      body.append(fp.element('tr', { 'data-fate': word },
        fp.element('th', { scope: 'row', title: fullName(pool, kind, place) }, fp.colours.mark(fp.kinds.colourOf(pool, kind, place)), nameOf(pool, kind, place)),
        fp.element('td', {}, `${sign} ${word}`),
        ...numbers([signed(bytes), amount(a), amount(b), `${buffers(a)} → ${buffers(b)}`])));
    }
    // Buffers of frames come and go: of them only the levels are said.
    if (course.inFlight) {
      const levels = [from, to].map((row) => fp.bytes(course.inFlight[row]));
      body.append(fp.element('tr', { 'data-fate': 'in flight' },
        fp.element('th', { scope: 'row', title: fp.kinds.covered(kind, IN_FLIGHT) }, fp.colours.mark(fp.kinds.colourOf(pool, kind, IN_FLIGHT)), nameOf(pool, kind, IN_FLIGHT)),
        fp.element('td', {}, 'not compared'), ...numbers(['–', ...levels, '–'])));
    }
    table.append(body);
    const scroll = fp.element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'What changed in between' }, table);
    root.replaceChildren(head, fp.element('p', { class: 'hint' }, between(course, when, from, to)), scroll);
  };

  return { show, hide };
})();
