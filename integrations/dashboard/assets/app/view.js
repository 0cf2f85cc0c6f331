'use strict';
// Which moment and which stretch of time the page shows: the pool, the span, pause, look back and zoom, and the two moments that are compared.
fp.view = (() => {
  const { state, hold } = fp.source;
  const by = (id) => document.getElementById(id);
  const LENGTHS = { frames: 240, recent: 120, hour: 3600, day: 86400 };
  // No window is shorter than a few samples.
  const SHORTEST = { frames: 10, recent: 2, hour: 10, day: 600 };
  // `held` is the paused state. `end` is the end of the charts while they look back, else 0. `length` is that of a zoomed window, else 0.
  const view = { pool: null, span: 'recent', held: null, isHeldToLook: false, isOfAnother: false, end: 0, length: 0, isOldest: false, points: { a: null, b: null }, range: null };

  // Everything on the page is of this state: the latest, or the paused one.
  const shown = () => view.held ?? state;
  const pool = () => shown().pools.get(view.pool) ?? shown().pools.values().next().value;
  const rowsNow = () => pool()?.spans[view.span]?.rows ?? [];

  // A row's moment: a frame, or seconds.
  const timeOf = (row) => row[0] / (view.span === 'frames' ? 1 : 1000);
  // The first and the last moment that are recorded.
  const edges = (rows) => (rows.length ? [timeOf(rows[0]), timeOf(rows.at(-1))] : [0, 0]);
  const end = () => view.end || edges(rowsNow())[1];
  const length = () => view.length || LENGTHS[view.span];

  // The time axis of the charts.
  const range = () => {
    const last = end();
    if (view.length) return [last - view.length, last];
    if (view.span === 'frames') return [Math.max(0, last - LENGTHS.frames), Math.max(last, 1)];
    // A young history fills at least a quarter of the width.
    const rows = rowsNow();
    const first = rows.length ? timeOf(rows[0]) : last;
    return [Math.max(last - LENGTHS[view.span], Math.min(first, last - LENGTHS[view.span] / 4)), last];
  };

  // A moment of the span in words.
  const inWords = (at) => (view.span === 'frames' ? `frame ${fp.count(at)}` : fp.clock(at * 1000));
  // A stretch of time in words.
  const lengthInWords = (length) => (view.span === 'frames' ? `${fp.count(length)} frames` : fp.seconds(length));

  const choose = (span) => {
    view.span = span;
    Object.assign(view, { end: 0, length: 0, isOldest: false });
    compare(null, null);
    for (const button of by('spans').children) button.setAttribute('aria-pressed', String(button.dataset.span === span));
    fp.app.draw(true);
  };

  // Keeps what is known now, and the file of it.
  const keepMoment = () => {
    view.held = hold();
    fp.files.keep();
  };
  const dropMoment = () => {
    view.held = null;
    fp.files.forget();
  };

  // Holds everything as it is until the user goes on. A saved history stands still by itself.
  const pause = (isPaused) => {
    if (state.kind === 'saved' || !pool()) return;
    if (view.held && view.isOfAnother) compare(null, null);
    view.isOfAnother = false;
    if (isPaused) keepMoment();
    else dropMoment();
    Object.assign(view, { isHeldToLook: false, end: 0, isOldest: false });
    fp.app.draw(true);
  };

  // Shows a window of this length that ends there, between the first full window and the latest moment. A window that does not end at
  // the latest moment holds the page. Whoever only looked back is live again at the latest moment.
  const showWindow = (wanted, to, isBack) => {
    const rows = rowsNow();
    if (!rows.length) return;
    const [first, last] = edges(rows);
    const long = Math.max(wanted, SHORTEST[view.span]);
    view.length = long < LENGTHS[view.span] ? long : 0;
    const oldest = Math.min(last, first + length());
    const at = Math.min(last, Math.max(oldest, to));
    const isLatest = at >= last;
    if (isLatest && view.isHeldToLook) {
      pause(false);
      return;
    }
    if (!isLatest && !view.held && state.kind !== 'saved') {
      keepMoment();
      view.isHeldToLook = true;
    }
    Object.assign(view, { end: isLatest ? 0 : at, isOldest: isBack && at <= oldest });
    fp.app.draw(true);
  };

  // Moves the charts by a share of the window.
  const look = (share) => showWindow(length(), end() + share * length(), share < 0);

  // Makes the window longer or shorter; the moment `at` stays where it is in the charts.
  const zoom = (factor, at = fp.charts.crosshair() ?? end()) => {
    const [from, to] = range();
    const now = view.length || to - from;
    const long = Math.min(Math.max(now * factor, SHORTEST[view.span]), LENGTHS[view.span]);
    if (!view.length && factor >= 1) return;
    const [first, last] = edges(rowsNow());
    // Beyond a young history there is nothing to see.
    if (factor > 1 && long >= last - first) showAll();
    else showWindow(long, at + ((to - at) * long) / now, false);
  };

  // Zooms into the stretch between the two moments that are compared.
  const zoomToRange = () => {
    if (!view.range) return;
    const [from, to] = view.range;
    const long = Math.max(to - from, SHORTEST[view.span]);
    showWindow(long, (from + to + long) / 2, false);
  };

  // The whole span again, up to the latest moment.
  const showAll = () => {
    view.length = 0;
    showWindow(LENGTHS[view.span], Infinity, false);
  };

  // What is shown is of another origin now.
  const reset = (span = 'recent') => {
    dropMoment();
    Object.assign(view, { pool: null, isHeldToLook: false, isOfAnother: false });
    by('restarted').hidden = true;
    choose(span);
  };

  // The two moments that are compared. One alone is only marked.
  const compare = (a, b) => {
    view.points = { a, b };
    view.range = a == null || b == null ? null : [Math.min(a, b), Math.max(a, b)];
  };

  const select = (moments) => {
    compare(...(moments ?? [null, null]));
    fp.app.draw(true);
    if (view.range) by('comparison').scrollIntoView({ block: 'nearest' });
  };

  // A comparison by keyboard: `a` at one moment, `b` at another. Without a crosshair it is the latest in sight.
  const mark = (which) => {
    const { a, b } = { ...view.points, [which]: fp.charts.crosshair() ?? end() };
    select([a, b]);
  };

  const choosePool = (id) => {
    view.pool = id;
    compare(null, null);
    fp.app.draw(true);
  };

  const read = { chosen: view, shown, pool, rowsNow, edges, timeOf, range, inWords, lengthInWords, LENGTHS };
  return { ...read, choose, choosePool, pause, look, zoom, zoomToRange, showAll, reset, select, mark };
})();
