'use strict';
// Memory in use as stacked bands: what is kept across frames by call site, tag, thread or block size, and above it what is of
// frames in flight. The samples are tiles that the store merged, at most one a pixel or so.
fp.timeline = (() => {
  const BANDS = 8;
  const { KINDS, OTHERS, REST, IN_FLIGHT, covered, fullName, nameOf, colourOf, held } = fp.kinds;
  const chart = new fp.charts.Chart('timeline', { format: fp.bytes, least: 1024, click: (_, plot, event) => clickBand(plot, event), hover: (_, plot) => showTip(plot) });
  const tip = document.getElementById('tip');
  const hint = document.getElementById('points');
  const kinds = document.getElementById('kinds');
  let kind = 'site';
  let stack = [];
  let shown = { pool: null, rows: [], times: [], inFlight: null, at: String };

  // The holders with the most memory at any moment in sight.
  const largest = (rows) => {
    const most = new Map();
    for (const row of rows) {
      for (const [place, bytes] of held(row, kind)) if (place !== OTHERS) most.set(place, Math.max(most.get(place) ?? 0, bytes));
    }
    const places = [...most].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, BANDS).map(([place]) => place);
    // The oldest places lie below, so that bands do not change their order.
    return places.sort((a, b) => a - b);
  };

  // What is in sight: `times` are seconds or frames, and `view.at` says one in words. `course` is what a comparison says of all memory, and
  // how much of it is in flight; an older file does not know that. `lines` are drawn over the bands: each a series with its values.
  // `all` gives the same of everything that is recorded: the moments that are compared may be out of sight.
  const show = (pool, view, { rows, times, course }, xRange, lines, all) => {
    const places = largest(rows);
    const bands = [...places, OTHERS, IN_FLIGHT].map((place) => ({ place, values: new Array(rows.length).fill(0) }));
    const bandOf = new Map(bands.map((band) => [band.place, band]));
    rows.forEach((row, at) => {
      for (const [place, bytes] of held(row, kind)) (bandOf.get(place) ?? bandOf.get(OTHERS)).values[at] += bytes;
    });
    bandOf.get(IN_FLIGHT).values = rows.map((_, at) => course.inFlight?.[at] ?? 0);
    const sums = new Array(rows.length).fill(0);
    for (const band of bands) band.top = band.values.map((bytes, at) => { sums[at] += bytes; return sums[at]; });
    stack = bands.filter((band) => band.place > OTHERS || band.values.some((bytes) => bytes > 0));
    // Drawn from the top of the stack down, each band covers what lies below the line above it.
    const series = [...stack].reverse().map(({ place, values }) => {
      const colour = colourOf(pool, kind, place, places);
      return { name: nameOf(pool, kind, place), colour, fill: colour, width: 0.5, values, help: `${fullName(pool, kind, place)}\n${covered(kind, place)}` };
    });
    shown = { pool, rows, times, inFlight: course.inFlight, at: view.at };
    chart.show(view, [...series, ...lines.map((line) => line.series)], [times, ...[...stack].reverse().map((band) => band.top), ...lines.map((line) => line.values)], xRange);
    fp.comparison.show(pool, view, kind, all);
    showPoints(view);
  };

  // Says how two moments are compared, and which of them are chosen.
  const showPoints = ({ points, at }) => {
    const [set] = Object.entries(points).filter(([, moment]) => moment != null);
    const isHalf = set && (points.a == null || points.b == null);
    const key = isHalf ? `${set[0]} ${at(set[1])}` : '';
    if (hint.dataset.key === key) return;
    hint.dataset.key = key;
    const keyOf = (name) => fp.element('kbd', {}, name);
    const other = isHalf && set[0] === 'a' ? 'b' : 'a';
    hint.replaceChildren(...(isHalf
      ? [`${set[0].toUpperCase()} is at ${at(set[1])}. Press `, keyOf(other), ' at another moment to compare them, ', keyOf('Esc'), ' to clear.']
      : ['Drag over a range to compare its ends, then ', keyOf('z'), ' zooms into it; or press ', keyOf('a'), ' and ', keyOf('b'), ' at the crosshair. ', keyOf('Ctrl'), ' + wheel zooms. Click a band to find it in the tables.']));
  };

  // What a screen reader says of the crosshair.
  const tellCrosshair = (at) => {
    const told = { valuemax: Math.max(0, shown.times.length - 1 - chart.first()), valuenow: Math.max(0, at - chart.first()) };
    for (const [name, value] of Object.entries(told)) chart.root.setAttribute(`aria-${name}`, value);
    const held = stack.reduce((sum, { values }) => sum + values[at], 0);
    chart.root.setAttribute('aria-valuetext', at < 0 ? 'nothing recorded' : `${shown.at(shown.times[at])}, ${fp.bytes(held)} in use`);
  };

  // Keys of the crosshair, while the timeline has the focus. Returns whether it is one of them.
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
  const moveCrosshair = ({ key, shiftKey }) => {
    if (!(key in STEPS)) return false;
    tellCrosshair(chart.step(STEPS[key] * (shiftKey ? 10 : 1)));
    return true;
  };

  // The band below the mouse, and the row.
  const below = (plot, top) => {
    const at = plot.cursor.idx;
    if (at == null || top < 0) return null;
    const height = plot.posToVal(top, 'y');
    const band = stack.find((one) => height <= one.top[at] && one.values[at] > 0);
    return band ? { band, at } : null;
  };

  // Who it is, how much, and which counter and law cover the number.
  const showTip = (plot) => {
    const found = plot.over.matches(':hover') ? below(plot, plot.cursor.top) : null;
    tip.hidden = !found;
    if (!found) return;
    const { band: { place, values }, at } = found;
    const row = held(shown.rows[at], kind);
    const all = row.reduce((sum, [, bytes]) => sum + bytes, shown.inFlight?.[at] ?? 0);
    const buffers = row.find((one) => one[0] === place)?.[2];
    const counted = buffers ? `, ${fp.count(buffers)} ${buffers === 1 ? 'buffer' : 'buffers'}` : '';
    tip.replaceChildren(
      fp.element('b', {}, fullName(shown.pool, kind, place).replace(/^\d+$/, (bytes) => `${fp.bytes(Number(bytes))} (${fp.count(Number(bytes))} B)`)),
      fp.element('span', {}, `${fp.bytes(values[at])}${counted}, ${fp.percent(values[at] / all)} of what was in use at ${shown.at(shown.times[at])}`),
      fp.element('small', {}, covered(kind, place)),
    );
    const left = plot.over.offsetLeft + plot.cursor.left;
    const isRight = left > chart.root.clientWidth / 2;
    tip.style.left = isRight ? 'auto' : `${left + 14}px`;
    tip.style.right = isRight ? `${chart.root.clientWidth - left + 14}px` : 'auto';
  };

  const clickBand = (plot, event) => {
    const found = below(plot, event.offsetY);
    if (found && found.band.place > REST) KINDS[kind].find(fullName(shown.pool, kind, found.band.place));
  };

  const choose = (wanted) => {
    kind = wanted;
    tip.hidden = true;
    for (const button of kinds.children) button.setAttribute('aria-pressed', String(button.dataset.kind === kind));
    fp.app.draw(true);
  };

  const chooseNext = () => {
    const all = Object.keys(KINDS);
    choose(all[(all.indexOf(kind) + 1) % all.length]);
  };

  kinds.addEventListener('click', (event) => event.target.dataset.kind && choose(event.target.dataset.kind));
  chart.root.addEventListener('mouseleave', () => { tip.hidden = true; });
  chart.root.addEventListener('focus', () => { if (chart.root.matches(':focus-visible')) tellCrosshair(chart.step(0)); });
  chart.root.addEventListener('blur', () => { if (chart.aimed != null) chart.aim(null); });

  return { show, choose, chooseNext, moveCrosshair };
})();
