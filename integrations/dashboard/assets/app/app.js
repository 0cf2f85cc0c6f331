'use strict';
// The page as a whole: drawing after every update, and the keyboard.
fp.app = (() => {
  const { state, want, listen, open } = fp.source;
  const { chosen: view, shown, pool, LENGTHS } = fp.view;
  const by = (id) => document.getElementById(id);

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
    const rows = fp.view.rowsNow();
    if (!rows.length || view.length || !['hour', 'day'].includes(view.span)) return 0;
    const [first, last] = fp.view.edges(rows);
    return last - first < LENGTHS[view.span] / 4 ? first : 0;
  };

  // Which moment the charts show, and which the rest, if these are two.
  const drawLooking = (now) => {
    const isSaved = state.kind === 'saved';
    const { inWords, lengthInWords, range } = fp.view;
    const rest = isSaved ? 'the moment of saving' : `the paused moment, ${fp.clock(now.heldAt)}`;
    const texts = [];
    if (view.length) texts.push(`Zoomed: the charts show ${lengthInWords(view.length)} from ${inWords(range()[0])}.`);
    if (view.end) texts.push(`The charts end at ${inWords(view.end)}. Tiles, alerts, the map and the tables show ${rest}.`);
    const since = firstOfYoung();
    if (since) texts.push(`Recorded since ${fp.clock(since * 1000)}; the charts are empty before.`);
    if (view.isOldest) texts.push('Nothing older is recorded in this span.');
    by('looking').hidden = !texts.length;
    fp.setText(by('looking'), texts.join(' '));
    by('whole').hidden = !view.length;
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
    fp.figures.show(now);
    if (now.health) {
      fp.alerts.showActive(now);
      fp.advice.show(now.health);
    }
    const marks = shown().marks.filter((mark) => mark.pool_id == null || mark.pool_id === now.id);
    fp.alerts.showLog(shown().changes.filter((alert) => alert.pool_id === now.id), marks);
    fp.courses.show(now, { ...view, log: shown().log.filter((alert) => alert.pool_id === now.id), marks, at: fp.view.inWords });
    // After the timeline, whose bands take the first colours.
    if (now.health) fp.breakdown.show(now.health);
    fp.map.show(now);
    const { recent } = now.spans;
    fp.sites.show(now, recent?.rows.length ? recent.rows[recent.rows.length - 1][0] : 0);
  };

  // Another process answers. A paused page still shows the one before, until the user goes on.
  const restarted = ({ id, started }) => {
    const isHeld = Boolean(view.held);
    if (isHeld) view.isOfAnother = true;
    else fp.view.reset(view.span);
    by('restarted').hidden = false;
    const rest = isHeld ? 'The page still shows the paused moment of the one before.' : 'Its history begins there; marks and the comparison are cleared.';
    fp.setText(by('restarted'), `The program was restarted: another process (${id}) answers, since ${fp.clock(started.unix_ns / 1e6)}. ${rest}`);
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

  const showKeys = () => {
    by('keys').hidden = !by('keys').hidden;
    by('help').setAttribute('aria-expanded', String(!by('keys').hidden));
  };

  const clear = () => {
    fp.files.refuse('');
    by('restarted').hidden = true;
    if (!by('keys').hidden) showKeys();
    fp.sites.filter.value = '';
    fp.sites.filter.blur();
    fp.view.select(null);
  };

  const KEYS = {
    p: () => fp.view.pause(!view.held), ArrowLeft: () => fp.view.look(-0.25), ArrowRight: () => fp.view.look(0.25), '/': () => fp.sites.filter.focus(),
    1: () => fp.view.choose('frames'), 2: () => fp.view.choose('recent'), 3: () => fp.view.choose('hour'), 4: () => fp.view.choose('day'),
    '+': () => fp.view.zoom(0.5), '=': () => fp.view.zoom(0.5), '-': () => fp.view.zoom(2), z: fp.view.zoomToRange, 0: fp.view.showAll,
    a: () => fp.view.mark('a'), b: () => fp.view.mark('b'), g: fp.timeline.chooseNext, o: fp.files.choose, t: () => theme(isDark() ? 'light' : 'dark'), '?': showKeys,
    Escape: clear,
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
    by('spans').addEventListener('click', (event) => event.target.dataset.span && fp.view.choose(event.target.dataset.span));
    by('pause').addEventListener('click', () => fp.view.pause(!view.held));
    by('back').addEventListener('click', () => fp.view.look(-0.25));
    by('forward').addEventListener('click', () => fp.view.look(0.25));
    by('whole').addEventListener('click', fp.view.showAll);
    by('theme').addEventListener('click', () => theme(isDark() ? 'light' : 'dark'));
    by('help').addEventListener('click', showKeys);
    by('pool').addEventListener('change', (event) => fp.view.choosePool(Number(event.target.value)));
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

  return { start, draw, filter, restarted };
})();
document.addEventListener('DOMContentLoaded', fp.app.start);
