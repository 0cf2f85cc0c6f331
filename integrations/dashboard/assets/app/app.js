'use strict';
// The page as a whole: what is chosen, the keyboard, and drawing after every update.
fp.app = (() => {
  const { state, want, hold, listen, open } = fp.source;
  const by = (id) => document.getElementById(id);
  // `held` is the paused state, `end` the end of the charts while they look back, else 0.
  const view = { pool: null, span: 'recent', held: null, isHeldToLook: false, isOfAnother: false, end: 0, isOldest: false, points: { a: null, b: null }, range: null };
  const LENGTHS = { frames: 240, recent: 120, hour: 3600, day: 86400 };

  // Everything on the page is of this state: the latest, or the paused one.
  const shown = () => view.held ?? state;
  const pool = () => shown().pools.get(view.pool) ?? shown().pools.values().next().value;

  // What is in the snapshot, what it is called here, and the series that it is: the table of metrics says what that means.
  const WINDOW = 'window';
  const FIGURES = [
    ['in_use_bytes', 'In use', fp.bytes, 'framepool.memory.usage', 'in_use'],
    ['idle_bytes', 'Idle', fp.bytes, 'framepool.memory.usage', 'idle'],
    ['pooled_bytes', 'Held', fp.bytes, 'pooled_bytes'],
    ['resident_bytes', 'Resident', fp.bytes, 'framepool.memory.resident'],
    ['peak_bytes', 'Peak held', fp.bytes, 'framepool.memory.peak'],
    ['outstanding_buffers', 'Buffers out', fp.count, 'outstanding_buffers'],
    ['leak_suspects', 'Old buffers', fp.count, 'framepool.buffer.leaks'],
    ['fps_estimate', 'Frames/s', (value) => value.toFixed(1), 'Frames in the window divided by the time that it covers.', WINDOW],
    ['avg_frame_ms', 'Frame, average', fp.ms, 'Average frame time in the window.', WINDOW],
    ['p99_frame_ms', 'Frame, 99 %', fp.ms, '99 of 100 frames in the window were shorter.', WINDOW],
    ['imbalance', 'Imbalance', (value) => (value > 0 ? `+${fp.count(value)}` : fp.count(value)), 'Allocs minus releases of the latest frame.'],
    ['total_refusals', 'Refusals', fp.count, 'framepool.buffer.refusals'],
    ['hit_ratio', 'Hits', fp.percent, 'Allocs since the pool was made that were served from memory it had already.'],
    ['total_frames', 'Frames', fp.count, 'framepool.frames'],
  ];
  const figures = FIGURES.map(([id, name, format, metric, label]) => {
    const value = fp.element('dd', { 'data-metric': id }, '–');
    const root = fp.element('div', {}, fp.element('dt', {}, name), value);
    by('figures').append(root);
    return { id, format, value, root, metric, label };
  });

  // What is special about one part of a metric, by its label.
  const PARTS = {
    in_use: 'This part: bytes in buffers that are out and in open frames.', idle: 'This part: bytes kept for the next allocs.',
    cold: 'This part: no idle block of the size was there.', oversize: 'This part: larger than the largest size class; such memory is not kept.',
    budget: 'This part: idle memory was given back first, to stay within the budget.', frame_block: 'This part: blocks for the buffers of frames.',
  };
  // Columns of one metric in words: what the table of metrics says, and under which name other outlets have it.
  const helpOf = ([{ column }, ...others]) => {
    const labels = others.length ? [] : Object.entries(column.labels);
    const part = labels.map(([, value]) => PARTS[value]).filter(Boolean).join(' ');
    const named = labels.map(([name, value]) => `${name}="${value}"`).join(', ');
    return `${part ? `${part}\n` : ''}${column.help}\n${column.metric}${named ? ` {${named}}` : ''}, in ${fp.unit(column.unit)}`;
  };
  // The columns of a metric's numbers: all, or those with a label of this value.
  const columnsOf = (span, metric, label) => span.columns
    .map((column, at) => ({ column, at }))
    .filter(({ column }) => column.metric === metric && (!label || Object.values(column.labels).includes(label)));
  const explain = (now) => {
    const window = ` The window is the last ${fp.seconds(now.health?.metrics.window_ms / 1000)}.`;
    for (const { id, root, metric, label } of figures) {
      const found = label === WINDOW ? [] : columnsOf(now.spans.recent, metric, label);
      root.title = found.length ? helpOf(found) : metric + (label === WINDOW ? window : '');
      const inFlight = now.health?.metrics.in_flight_bytes;
      if (id === 'in_use_bytes' && inFlight !== undefined) root.title += `\nAt this moment within a frame: ${fp.bytes(now.health.metrics[id] - inFlight)} kept across frames, ${fp.bytes(inFlight)} of frames in flight.`;
    }
  };

  const limitsOf = (rule) => pool()?.view.thresholds[rule] ?? {};
  const levels = (rule) => ['warning', 'critical'].map((severity) => {
    const value = limitsOf(rule)[severity];
    return { name: severity, value, text: value == null ? '' : fp.inUnit(value, limitsOf(rule).unit), colour: `--${severity}` };
  });

  const memory = new fp.charts.Chart('memory', {
    format: fp.bytes, levels: () => levels('pooled_bytes'), least: 1024,
    // The levels are in sight as soon as memory comes near them.
    most: (high) => {
      const near = levels('pooled_bytes').map((level) => level.value).filter((value) => value != null && value < high * 2);
      return Math.max(high * 1.12, 1024, ...near.map((value) => value * 1.1));
    },
  });
  const times = new fp.charts.Chart('times', { format: fp.ms, levels: () => levels('frame_budget'), least: 0.1 });
  const flow = new fp.charts.Chart('flow', { format: fp.rate, perFrame: fp.perFrame, least: 10 });
  const misses = new fp.charts.Chart('misses', { format: fp.rate, perFrame: fp.perFrame, least: 1 });

  const MEMORY = [
    { name: 'Held', metric: 'pooled_bytes', colour: '--idle-line', fill: '--idle' },
    { name: 'In use', metric: 'framepool.memory.usage', label: 'in_use', colour: '--in-use-line', fill: '--in-use' },
    { name: 'Resident', metric: 'framepool.memory.resident', colour: '--resident', dash: [2, 3] },
  ];
  const KEPT = {
    name: 'Kept', colour: '--in-use-line', fill: '--in-use',
    help: 'Bytes in use that outlived a frame: in use minus the buffers of frames in flight (in_flight_bytes). They can be compared between any two moments.',
  };
  const TIMES = [
    { name: 'Worst', metric: 'frame_ms_worst', colour: '--worst', dash: [4, 3] },
    { name: 'Average', metric: 'frame_ms_sum', colour: '--accent' },
  ];
  const FLOW = [
    { name: 'Allocs', metric: 'framepool.buffer.acquisitions', colour: '--allocs' },
    { name: 'Releases', metric: 'framepool.buffer.releases', colour: '--releases', dash: [4, 3] },
  ];
  // A reason has a line of its own as soon as the table has it.
  const REASONS = { cold: 'Cold', oversize: 'Too large', budget: 'Over budget', frame_block: 'Frame blocks' };
  const DASHES = [undefined, [6, 3], [2, 3], [8, 3, 2, 3]];
  const missSeries = (span) => columnsOf(span, 'framepool.buffer.misses').map(({ column }, at) => ({
    name: REASONS[column.labels.reason] ?? column.labels.reason, metric: column.metric, label: column.labels.reason,
    colour: `--band-${[1, 3, 5, 2, 0, 4, 6, 7][at % 8]}`, dash: DASHES[at % 4],
  }));

  // The end of what is shown, in seconds.
  const end = (rows) => {
    const latest = rows.length ? rows[rows.length - 1][0] / (view.span === 'frames' ? 1 : 1000) : 0;
    return view.end || latest;
  };

  // A moment of the span in words.
  const inWords = (at) => (view.span === 'frames' ? `frame ${fp.count(at)}` : fp.clock(at * 1000));

  // The marks of a pool, and those of all pools.
  const marksOf = (now) => shown().marks.filter((mark) => mark.pool_id == null || mark.pool_id === now.id);

  const drawFrames = (now) => {
    const frames = now.spans.frames ?? { columns: [], rows: [] };
    const last = end(frames.rows);
    const rows = frames.rows.filter((row) => row[0] > last - LENGTHS.frames && row[0] <= last);
    const column = (name) => { const at = frames.columns.indexOf(name); return rows.map((row) => row[at]); };
    const x = rows.map((row) => row[0]);
    const range = [Math.max(0, last - LENGTHS.frames), Math.max(last, 1)];
    const shared = { ...view, log: shown().log, marks: marksOf(now), at: inWords };
    memory.show(shared, MEMORY.slice(0, 2), [x, column('pooled_bytes'), column('in_use_bytes')], range);
    const [work, period] = [column('work_ms'), column('period_ms')];
    times.show(shared, [{ ...TIMES[0], name: 'Period', help: 'From the frame end before to this one.' }, { ...TIMES[1], name: 'Work', help: 'From the beginning of the frame to its end.' }], [x, period, work], range);
    flow.show(shared, FLOW, [x, column('allocs'), column('releases')], range);
    misses.show(shared, [{ name: 'Misses', colour: '--band-1', help: 'Allocs of the frame that took memory from the system.' }], [x, column('misses')], range);
    const held = heldAtFrames(now.spans.recent, rows, frames.columns.indexOf('time_ms'));
    const samples = held.map(([, sample]) => sample);
    fp.timeline.show(now, shared, samples, held.map(([frame]) => frame), range, [], courseOf(now.spans.recent, samples));
  };

  // Who held memory is read a few times a second: each reading stands at the frame that had ended last, and the last of them counts.
  const heldAtFrames = (span, frames, time) => {
    const held = new Map();
    let at = -1;
    for (const sample of span?.rows ?? []) {
      while (at + 1 < frames.length && frames[at + 1][time] <= sample[0]) at += 1;
      if (at >= 0) held.set(frames[at][0], sample);
    }
    return [...held];
  };

  // A series of these samples. One with several columns is their sum.
  const columnOf = (span, rows, { metric, label }) => {
    const found = columnsOf(span, metric, label);
    return rows.map((row) => found.reduce((sum, { at }) => (row[1][at] == null ? sum : (sum ?? 0) + row[1][at]), null));
  };

  // What is in use of frames in flight; null in a file that does not know it.
  const inFlightOf = (span, rows) => (span && columnsOf(span, 'in_flight_bytes').length ? columnOf(span, rows, { metric: 'in_flight_bytes' }) : null);

  // What a comparison of two samples says of all memory.
  const courseOf = (span, rows) => {
    const [allocs, releases, inUse] = [FLOW[0], FLOW[1], MEMORY[1]].map((one) => (span ? columnOf(span, rows, one) : []));
    return { allocs, releases, inUse, inFlight: inFlightOf(span, rows) };
  };

  const drawSpan = (now) => {
    const span = now.spans[view.span] ?? { columns: [], rows: [] };
    const last = end(span.rows);
    // A young history fills at least a quarter of the width.
    const first = span.rows.length ? span.rows[0][0] / 1000 : last;
    const range = [Math.max(last - LENGTHS[view.span], Math.min(first, last - LENGTHS[view.span] / 4)), last];
    const all = span.rows.filter((row) => row[0] / 1000 >= range[0] - 1 && row[0] / 1000 <= range[1]);
    const x = all.map((row) => row[0] / 1000);
    const column = (one) => columnOf(span, all, one);
    const rate = (one) => {
      const values = column(one);
      return values.map((value, index) => (index ? Math.max(0, (value - values[index - 1]) / Math.max(x[index] - x[index - 1], 1e-3)) : null));
    };
    const explained = (series) => series.map((one) => {
      const found = columnsOf(span, one.metric, one.label);
      return { ...one, help: one.help ?? (found.length ? helpOf(found) : '') };
    });
    const shared = { ...view, log: shown().log.filter((alert) => alert.pool_id === now.id), marks: marksOf(now), at: inWords };
    const inFlight = inFlightOf(span, all);
    const levels = MEMORY.map(column);
    if (inFlight) {
      // In use is drawn as a light edge above what is kept.
      const kept = levels[1].map((bytes, at) => bytes - inFlight[at]);
      memory.show(shared, explained([MEMORY[0], { ...MEMORY[1], width: 0.5, fill: '--in-flight' }, KEPT, MEMORY[2]]), [x, levels[0], levels[1], kept, levels[2]], range);
    } else {
      memory.show(shared, explained(MEMORY), [x, ...levels], range);
    }
    const counts = column({ metric: 'frames' });
    const perFrame = (values, divide) => values.map((value, index) => (counts[index] ? divide(value, counts[index]) : null));
    const [worst, sums] = TIMES.map(column);
    times.show(shared, explained(TIMES), [x, perFrame(worst, (value) => value), perFrame(sums, (sum, count) => sum / count)], range);
    flow.show(shared, explained(FLOW), [x, ...FLOW.map(rate)], range);
    const reasons = missSeries(span);
    misses.show(shared, explained(reasons), [x, ...reasons.map(rate)], range);
    const resident = explained([MEMORY[2]])[0];
    fp.timeline.show(now, shared, all, x, range, [{ series: resident, values: column(MEMORY[2]) }], courseOf(span, all));
  };

  const FRAME_TIMES = {
    period: 'the time from one frame end to the next', work: 'the time from a frame’s beginning to its end',
    given: 'those that the program or the trace reported', mixed: 'of several kinds: from one frame end to the next, of the work in a frame, or as reported',
  };

  const drawHead = (now) => {
    const health = now.health;
    const status = health?.status ?? 'waiting';
    const signs = { healthy: '✓ healthy', warning: '▲ warning', critical: '◆ critical', waiting: 'waiting for the first frame' };
    by('status').className = `pill ${status}`;
    fp.setText(by('status'), signs[status]);
    document.title = `${signs[status].slice(0, 1)} ${now.view.name} · framepool`;
    const select = by('pool');
    const pools = [...shown().pools.values()];
    const key = pools.map((one) => one.id + one.view.name + one.view.status).join();
    if (select.dataset.key !== key) {
      select.dataset.key = key;
      const worse = (one) => (pools.length > 1 && one.view.status && one.view.status !== 'healthy' ? ` (${one.view.status})` : '');
      select.replaceChildren(...pools.map((one) => fp.element('option', { value: one.id, selected: one.id === now.id }, one.view.name + worse(one))));
    }
    select.disabled = pools.length < 2;
    if (!health) return;
    const m = health.metrics;
    const values = { ...m, hit_ratio: m.total_allocs ? 1 - m.total_misses / m.total_allocs : NaN };
    for (const { id, format, value } of figures) {
      value.dataset.value = values[id];
      fp.setText(value, format(values[id]));
    }
    by('figures').dataset.readAt = m.read_at.unix_ns;
    fp.setText(by('meaning'), `Bytes are rounded block sizes: in use + idle = held, in every snapshot. Frame times are ${FRAME_TIMES[m.frame_time_source] ?? m.frame_time_source}. Telemetry itself occupies ${fp.bytes(m.telemetry_bytes)}.`);
  };

  const drawConnection = () => {
    const words = {
      loading: 'connecting', live: view.held ? `❚❚ paused at ${fp.clock(pool().heldAt)}` : '● live', lost: '○ connection lost', saved: `saved ${new Date(state.savedAt).toLocaleString('en-GB')}`,
    };
    fp.files.show();
    by('connection').className = state.kind;
    fp.setText(by('connection'), words[state.kind]);
    const lost = by('lost');
    lost.hidden = state.kind !== 'lost';
    document.body.classList.toggle('stale', state.kind === 'lost');
    if (!lost.hidden) {
      fp.setText(lost, state.updatedAt
        ? `The connection to the program was lost. All numbers are of ${fp.clock(state.lostAt)}. The page connects again by itself.`
        : 'The program does not answer yet. The page connects by itself.');
    }
  };

  // When a long span begins, if it is so young that little of the charts is filled; else 0.
  const firstOfYoung = () => {
    const rows = rowsNow();
    if (!rows.length || !['hour', 'day'].includes(view.span)) return 0;
    const [first, last] = [rows[0][0] / 1000, rows[rows.length - 1][0] / 1000];
    return last - first < LENGTHS[view.span] / 4 ? first : 0;
  };

  // Which moment the charts show, and which the rest, if these are two.
  const drawLooking = (now) => {
    const rest = state.kind === 'saved' ? 'the moment of saving' : `the paused moment, ${fp.clock(now.heldAt)}`;
    const texts = [];
    if (view.end) texts.push(`The charts end at ${inWords(view.end)}. Tiles, alerts, the map and the tables show ${rest}.`);
    const since = firstOfYoung();
    if (since) texts.push(`Recorded since ${fp.clock(since * 1000)}; the charts are empty before.`);
    if (view.isOldest) texts.push('Nothing older is recorded in this span.');
    by('looking').hidden = !texts.length;
    fp.setText(by('looking'), texts.join(' '));
    const isSaved = state.kind === 'saved';
    by('pause').hidden = isSaved;
    by('pause').setAttribute('aria-pressed', String(Boolean(view.held)));
    fp.setText(by('pause'), view.held ? 'Go on' : 'Pause');
  };

  const draw = (isChosen) => fp.keepingFocus(() => paint(isChosen));
  const paint = (isChosen) => {
    drawConnection();
    const now = pool();
    // A history that was saved before anything was judged has no pool.
    const isBare = state.kind === 'saved' && !now;
    document.querySelector('main').hidden = isBare;
    if (isBare) fp.files.refuse('This history has no pool: nothing had been judged when it was saved.');
    if (!now?.view || (view.held && !isChosen)) return;
    want(now, view.span);
    drawLooking(now);
    document.body.classList.remove('loading');
    drawHead(now);
    if (now.health) {
      fp.alerts.showActive(now);
      fp.advice.show(now.health);
    }
    fp.alerts.showLog(shown().changes.filter((alert) => alert.pool_id === now.id), marksOf(now));
    if (now.spans.recent) explain(now);
    if (view.span === 'frames') drawFrames(now);
    else drawSpan(now);
    // After the timeline, whose bands take the first colours.
    if (now.health) fp.breakdown.show(now.health);
    fp.map.show(now);
    const { recent } = now.spans;
    fp.sites.show(now, recent?.rows.length ? recent.rows[recent.rows.length - 1][0] : 0);
  };

  const choose = (span) => {
    view.span = span;
    Object.assign(view, { end: 0, isOldest: false });
    compare(null, null);
    for (const button of by('spans').children) button.setAttribute('aria-pressed', String(button.dataset.span === span));
    draw(true);
  };

  const rowsNow = () => pool()?.spans[view.span]?.rows ?? [];

  // Holds everything as it is until the user goes on. A saved history stands still by itself.
  const pause = (isPaused) => {
    if (state.kind === 'saved' || !pool()) return;
    if (view.held && view.isOfAnother) compare(null, null);
    view.isOfAnother = false;
    Object.assign(view, { held: isPaused ? hold() : null, isHeldToLook: false, end: 0, isOldest: false });
    draw(true);
  };

  // Moves the charts by a quarter of the span, between the first full window and the latest moment. Whoever only looked back is
  // live again there.
  const look = (direction) => {
    const rows = rowsNow();
    if (!rows.length) return;
    const scale = view.span === 'frames' ? 1 : 1000;
    const [first, last] = [rows[0][0] / scale, rows[rows.length - 1][0] / scale];
    const oldest = Math.min(last, first + LENGTHS[view.span]);
    const to = Math.min(last, Math.max(oldest, end(rows) + (direction * LENGTHS[view.span]) / 4));
    if (to >= last && view.isHeldToLook) {
      pause(false);
      return;
    }
    if (to < last && !view.held && state.kind !== 'saved') Object.assign(view, { held: hold(), isHeldToLook: true });
    Object.assign(view, { end: to < last ? to : 0, isOldest: direction < 0 && to <= oldest });
    draw(true);
  };

  // What is shown is of another origin now.
  const reset = (span = 'recent') => {
    Object.assign(view, { pool: null, held: null, isHeldToLook: false, isOfAnother: false });
    by('restarted').hidden = true;
    choose(span);
  };

  // Another process answers. A paused page still shows the one before, until the user goes on.
  const restarted = ({ id, started }) => {
    const isHeld = Boolean(view.held);
    if (isHeld) view.isOfAnother = true;
    else reset(view.span);
    by('restarted').hidden = false;
    const rest = isHeld ? 'The page still shows the paused moment of the one before.' : 'Its history begins there; marks and the comparison are cleared.';
    fp.setText(by('restarted'), `The program was restarted: another process (${id}) answers, since ${fp.clock(started.unix_ns / 1e6)}. ${rest}`);
  };

  // The two moments that are compared. One alone is only marked.
  const compare = (a, b) => {
    view.points = { a, b };
    view.range = a == null || b == null ? null : [Math.min(a, b), Math.max(a, b)];
  };

  const select = (range) => {
    compare(...(range ?? [null, null]));
    draw(true);
    if (view.range) by('comparison').scrollIntoView({ block: 'nearest' });
  };

  const filter = (text) => {
    fp.sites.filter.value = text;
    draw(true);
    by('sites').scrollIntoView({ block: 'nearest' });
    by('sites').focus({ preventScroll: true });
  };

  const theme = (wanted) => {
    document.documentElement.dataset.theme = wanted;
    fp.setText(by('theme'), wanted === 'dark' ? 'Light' : 'Dark');
    try { localStorage.setItem('framepool-theme', wanted); } catch { /* A file opened from disk may not store. */ }
    fp.charts.recolour();
  };
  const isDark = () => getComputedStyle(document.documentElement).getPropertyValue('--is-dark').trim() === '1';

  // A comparison by keyboard: `a` at one moment, `b` at another. Without a crosshair it is the latest in sight.
  const mark = (which) => {
    const { a, b } = { ...view.points, [which]: fp.charts.crosshair() ?? end(rowsNow()) };
    select([a, b]);
  };

  const showKeys = () => {
    by('keys').hidden = !by('keys').hidden;
    by('help').setAttribute('aria-expanded', String(!by('keys').hidden));
  };

  const KEYS = {
    p: () => pause(!view.held), ArrowLeft: () => look(-1), ArrowRight: () => look(1), '/': () => fp.sites.filter.focus(),
    1: () => choose('frames'), 2: () => choose('recent'), 3: () => choose('hour'), 4: () => choose('day'),
    a: () => mark('a'), b: () => mark('b'), g: fp.timeline.chooseNext, o: fp.files.choose, t: () => theme(isDark() ? 'light' : 'dark'), '?': showKeys,
    Escape: () => { fp.files.refuse(''); by('restarted').hidden = true; by('keys').hidden || showKeys(); fp.sites.filter.value = ''; fp.sites.filter.blur(); select(null); },
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches('input, select');
    const scrolls = event.target.matches('.scroll') && event.key.startsWith('Arrow');
    if (event.target.id === 'timeline' && fp.timeline.moveCrosshair(event)) {
      event.preventDefault();
      return;
    }
    if ((isTyping && event.key !== 'Escape') || scrolls || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  const start = () => {
    by('spans').addEventListener('click', (event) => event.target.dataset.span && choose(event.target.dataset.span));
    by('pause').addEventListener('click', () => pause(!view.held));
    by('back').addEventListener('click', () => look(-1));
    by('forward').addEventListener('click', () => look(1));
    by('theme').addEventListener('click', () => theme(isDark() ? 'light' : 'dark'));
    by('help').addEventListener('click', showKeys);
    by('pool').addEventListener('change', (event) => {
      view.pool = Number(event.target.value);
      compare(null, null);
      draw(true);
    });
    fp.files.start();
    let stored = null;
    try { stored = localStorage.getItem('framepool-theme'); } catch { /* As above. */ }
    if (stored) theme(stored);
    else fp.setText(by('theme'), isDark() ? 'Light' : 'Dark');
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      fp.setText(by('theme'), isDark() ? 'Light' : 'Dark');
      fp.charts.recolour();
    });
    // A tab that nobody sees draws nothing.
    listen((isChosen) => { if (!document.hidden) requestAnimationFrame(() => draw(isChosen)); });
    document.addEventListener('visibilitychange', () => draw(true));
    open();
  };

  return { start, draw, reset, restarted, select, filter, pool, view };
})();
document.addEventListener('DOMContentLoaded', fp.app.start);
