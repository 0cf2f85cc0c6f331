'use strict';
// Held memory as stacked bands by call site, and the comparison of two moments.
fp.timeline = (() => {
  const BANDS = 8;
  const OTHERS = 0;
  const chart = new fp.charts.Chart('timeline', { format: fp.bytes, least: 1024, click: (_, plot, event) => clickBand(plot, event) });
  const comparison = document.getElementById('comparison');
  let stack = [];
  // A call site keeps its colour as long as it is among the largest.
  const colours = new Map();

  const colourOf = (site) => {
    if (site === OTHERS) return '--band-others';
    if (!colours.has(site)) {
      const used = new Set([...colours.values()]);
      const free = Array.from({ length: BANDS }, (_, at) => `--band-${at}`).find((name) => !used.has(name));
      if (free) colours.set(site, free);
    }
    return colours.get(site) ?? '--band-others';
  };

  // The call sites with the most memory at any moment in sight.
  const largest = (rows) => {
    const most = new Map();
    for (const [, , held] of rows) {
      for (const [site, bytes] of held) if (site !== OTHERS) most.set(site, Math.max(most.get(site) ?? 0, bytes));
    }
    const sites = [...most].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, BANDS).map(([site]) => site);
    for (const site of colours.keys()) if (!sites.includes(site)) colours.delete(site);
    // The oldest places lie below, so that bands do not change their order.
    return sites.sort((a, b) => a - b);
  };

  const show = (pool, view, rows, times, xRange) => {
    if (view.span === 'frames') {
      chart.root.dataset.empty = 'Call sites are recorded over time, not per frame: choose 2 min, hour or day.';
      chart.show(view, [], [[]], xRange);
      chart.legend.replaceChildren();
      comparison.hidden = true;
      return;
    }
    chart.root.dataset.empty = 'Nothing recorded in this span yet.';
    const sites = largest(rows);
    const bands = [...sites, OTHERS].map((site) => ({ site, values: new Array(rows.length).fill(0) }));
    const bandOf = new Map(bands.map((band) => [band.site, band]));
    rows.forEach(([, , held], at) => {
      for (const [site, bytes] of held) (bandOf.get(site) ?? bandOf.get(OTHERS)).values[at] += bytes;
    });
    const sums = new Array(rows.length).fill(0);
    for (const band of bands) band.top = band.values.map((bytes, at) => { sums[at] += bytes; return sums[at]; });
    stack = bands.filter((band) => band.site !== OTHERS || band.values.some((bytes) => bytes > 0));
    // Drawn from the top of the stack down, each band covers what lies below the line above it.
    const series = [...stack].reverse().map((band) => ({
      name: fp.site(pool.siteNames[band.site] ?? '?').name, colour: colourOf(band.site), fill: colourOf(band.site), width: 0.5,
      values: band.values, help: `${pool.siteNames[band.site] ?? ''}: bytes of its pooled buffers, as a walk of the block records found them`,
    }));
    chart.show(view, series, [times, ...[...stack].reverse().map((band) => band.top)], xRange);
    compare(pool, view, rows, times);
  };

  const clickBand = (plot, event) => {
    const at = plot.cursor.idx;
    if (at == null) return;
    const height = plot.posToVal(event.offsetY, 'y');
    const band = stack.find((one) => height <= one.top[at]);
    if (band && band.site > 1) fp.app.filter(fp.app.pool().siteNames[band.site]);
  };

  const nearest = (times, time) => {
    let best = 0;
    times.forEach((at, index) => { if (Math.abs(at - time) < Math.abs(times[best] - time)) best = index; });
    return best;
  };

  const fate = (a, b) => {
    if (!a.buffers && b.buffers) return ['born', '+'];
    if (a.buffers && !b.buffers) return ['died', '✕'];
    if (b.bytes > a.bytes) return ['grew', '▲'];
    if (b.bytes < a.bytes) return ['shrank', '▼'];
    return ['same', '='];
  };

  let compared = '';
  const compare = (pool, view, rows, times) => {
    comparison.hidden = !view.range || rows.length === 0;
    if (comparison.hidden) {
      compared = '';
      return;
    }
    const [from, to] = view.range.map((time) => nearest(times, time));
    const key = `${pool.id} ${view.span} ${times[from]} ${times[to]}`;
    if (key === compared) return;
    compared = key;
    const at = (row) => new Map(rows[row][2].map(([site, bytes, buffers]) => [site, { bytes, buffers }]));
    const [before, after] = [at(from), at(to)];
    const none = { bytes: 0, buffers: 0 };
    const changes = [...new Set([...before.keys(), ...after.keys()])].map((site) => {
      const [a, b] = [before.get(site) ?? none, after.get(site) ?? none];
      return { site, a, b, bytes: b.bytes - a.bytes };
    }).sort((a, b) => Math.abs(b.bytes) - Math.abs(a.bytes));
    const sum = changes.reduce((all, change) => all + change.bytes, 0);
    const signed = (bytes) => (bytes > 0 ? '+' : '') + fp.bytes(bytes);
    const head = fp.element('div', { class: 'head' },
      fp.element('h3', {}, `From ${fp.clock(times[from] * 1000)} to ${fp.clock(times[to] * 1000)}: ${signed(sum)}`),
      fp.element('button', { type: 'button', id: 'clear' }, 'Clear'));
    head.lastChild.addEventListener('click', () => fp.app.select(null));
    const table = fp.element('table', {}, fp.element('thead', {}, fp.element('tr', {},
      ...['Call site', 'Change', 'Bytes', 'At the beginning', 'At the end', 'Buffers'].map((name, index) => fp.element('th', { scope: 'col', class: index > 1 ? 'number' : undefined }, name)))));
    const body = fp.element('tbody');
    for (const { site, a, b, bytes } of changes) {
      const [word, sign] = fate(a, b);
      const name = pool.siteNames[site] ?? '?';
      body.append(fp.element('tr', { 'data-fate': word },
        fp.element('th', { scope: 'row', title: name }, fp.site(name).name),
        fp.element('td', {}, `${sign} ${word}`),
        ...[signed(bytes), fp.bytes(a.bytes), fp.bytes(b.bytes), `${fp.count(a.buffers)} → ${fp.count(b.buffers)}`].map((text) => fp.element('td', { class: 'number' }, text))));
    }
    table.append(body);
    comparison.replaceChildren(head, fp.element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'What changed in between' }, table));
  };

  return { show };
})();
