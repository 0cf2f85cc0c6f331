'use strict';
// What the page knows, and where it comes from: the server's stream, or a saved history.
fp.source = (() => {
  const state = { kind: 'loading', pools: new Map(), log: [], changes: [], marks: [], process: null, alertChanges: -1, lostAt: 0, updatedAt: 0, savedAt: 0, file: null };
  const listeners = new Set();
  let stream = null;
  let retry = null;

  const tell = (isChosen = false) => listeners.forEach((listener) => listener(isChosen));

  // The page keeps more of the span `recent` than the server, to look back in.
  const RECENT_SPANS = 3;

  // Merges rows that begin with a time or a number into rows sorted by it.
  const merge = (rows, news, bucketOf, most) => {
    for (const row of news) {
      let at = rows.length;
      while (at > 0 && bucketOf(rows[at - 1]) > bucketOf(row)) at -= 1;
      if (at > 0 && bucketOf(rows[at - 1]) === bucketOf(row)) rows[at - 1] = row;
      else rows.splice(at, 0, row);
    }
    if (rows.length > most) rows.splice(0, rows.length - most);
  };

  const takeHistory = (pool, history) => {
    if (history.span === 'frames') {
      pool.spans.frames = { columns: history.columns, rows: history.frames, length: 1024 };
      return;
    }
    const { sites, tags, threads, sizes } = history;
    pool.names = { sites, tags, threads, sizes };
    pool.spans[history.span] = {
      columns: history.columns, rows: history.samples, bucket: history.bucket_ms, length: history.length_ms, readAt: Date.now(),
    };
  };

  const takeUpdate = (update) => {
    let isNew = false;
    for (const news of update.pools) {
      const id = news.pool.id;
      if (!state.pools.has(id)) {
        isNew = true;
        state.pools.set(id, { id, spans: {}, reading: {}, names: { sites: [], tags: [], threads: [], sizes: [] } });
      }
      const pool = state.pools.get(id);
      Object.assign(pool, { view: news.pool, health: news.health, active: news.active, sites: news.sites, alertChanges: news.alert_changes });
      pool.names = news.names;
      if (news.stacks) pool.stacks = news.stacks;
      const { recent, frames } = pool.spans;
      if (recent) merge(recent.rows, news.samples, (row) => row[0], (RECENT_SPANS * recent.length) / recent.bucket);
      if (frames) merge(frames.rows, news.frames, (row) => row[0], frames.length);
    }
    state.updatedAt = Date.now();
    return isNew;
  };

  const read = async (path) => {
    const answer = await fetch(path, { cache: 'no-store' });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return fp.visible(await answer.json());
  };

  const readHistory = async (pool, span) => takeHistory(pool, await read(`/api/v1/history?pool=${pool.id}&span=${span}`));

  const readAlerts = async () => {
    const alerts = await read('/api/v1/alerts');
    if (state.kind === 'saved') return;
    Object.assign(state, { log: alerts.log, changes: alerts.changes, marks: alerts.marks });
    tell();
  };

  // After a connection was made, what happened meanwhile is read at once.
  const catchUp = async () => {
    for (const pool of state.pools.values()) {
      await Promise.all([readHistory(pool, 'recent'), readHistory(pool, 'frames')]);
    }
    await readAlerts();
  };

  const lose = () => {
    if (state.kind !== 'lost') {
      state.kind = 'lost';
      state.lostAt = state.updatedAt || Date.now();
    }
    tell();
  };

  const processKey = ({ id, started }) => `${id} ${started.unix_ns}`;

  const connect = () => {
    clearTimeout(retry);
    if (stream) stream.close();
    const own = new EventSource('/api/v1/stream');
    stream = own;
    let isFirst = true;
    stream.addEventListener('update', async (event) => {
      if (stream !== own) return;
      const update = fp.visible(JSON.parse(event.data));
      if (isFirst) {
        isFirst = false;
        const ids = update.pools.map((news) => news.pool.id).join();
        const isOther = state.process && processKey(state.process) !== processKey(update.process);
        if (isOther || [...state.pools.keys()].join() !== ids) {
          state.pools.clear();
          Object.assign(state, { log: [], changes: [], marks: [] });
        }
        state.process = update.process;
        takeUpdate(update);
        if (isOther) fp.app.restarted(update.process);
        try {
          await catchUp();
        } catch {
          if (stream === own) lose();
          return;
        }
        // Meanwhile the user may have opened a file.
        if (stream !== own) return;
      } else {
        takeUpdate(update);
      }
      state.kind = 'live';
      const changes = [...state.pools.values()].reduce((sum, pool) => sum + pool.alertChanges, 0);
      if (changes !== state.alertChanges) {
        state.alertChanges = changes;
        readAlerts().catch(() => { state.alertChanges = -1; });
      }
      tell();
    });
    stream.addEventListener('error', () => {
      stream.close();
      lose();
      clearTimeout(retry);
      retry = setTimeout(connect, 1000);
    });
  };

  // A process that was stopped keeps its connections and says nothing.
  const watchSilence = () => {
    if (state.kind === 'live' && Date.now() - state.updatedAt > 3000) lose();
    else if (state.kind === 'lost') tell();
  };

  // Callers are read while somebody looks at them, every two seconds at most. Of a paused moment they are read at once, while the
  // server knows them.
  const wantStacks = (pool) => {
    if (state.kind !== 'live' || pool.isReadingStacks || Date.now() - (pool.stacksAt ?? 0) < 2000) return;
    if (pool.heldAt && pool.hasHeldStacks) return;
    pool.isReadingStacks = true;
    const taken = (stacks) => {
      pool.stacksAt = Date.now();
      pool.hasHeldStacks = true;
      // What is the same stays, so that nothing moves under the reader.
      const text = JSON.stringify([stacks.sampling, stacks.stacks]);
      if (text === pool.stacksText) return;
      Object.assign(pool, { stacks, stacksText: text });
      tell(true);
    };
    read(`/api/v1/stacks?pool=${pool.id}&at_ms=${Math.floor(pool.sites.at.unix_ns / 1e6)}`).then(taken, () => {}).finally(() => { pool.isReadingStacks = false; });
  };

  const within = document.getElementById('saved');

  const showSaved = (data, file) => {
    if (stream) stream.close();
    stream = null;
    clearTimeout(retry);
    state.pools.clear();
    takeUpdate({ pools: data.pools });
    data.histories.forEach((spans, at) => {
      const pool = state.pools.get(data.pools[at].pool.id);
      spans.forEach((history) => takeHistory(pool, history));
    });
    Object.assign(state, { kind: 'saved', file, savedAt: data.at, ...data.alerts });
    tell();
  };

  // Shows a saved history in place of what the page shows by itself. Throws if it is none, and nothing changes then.
  const openSaved = (text, file) => showSaved(fp.saved.read(text), file);

  const begin = () => {
    if (within) {
      showSaved(fp.saved.read(within.textContent), null);
      return;
    }
    Object.assign(state, { kind: 'loading', file: null, alertChanges: -1 });
    connect();
  };

  // Leaves a file that was opened.
  const closeSaved = () => {
    state.pools.clear();
    begin();
    tell();
  };

  const open = () => {
    begin();
    if (!within) setInterval(watchSilence, 1000);
  };

  // A row that went on after the held moment is replaced by the latest reading before it.
  const cutAtHeld = ({ heldAt, spans }, read) => {
    const before = read.rows.filter((row) => row[0] <= heldAt);
    const latest = spans.recent?.rows.at(-1);
    read.rows = latest && before.length < read.rows.length ? [...before, latest] : before;
  };

  // Spans beyond the recent one are read when they are looked at, and again when a bucket has passed.
  const want = (pool, span) => {
    const known = pool.spans[span];
    if (state.kind !== 'live' || pool.reading[span] || span === 'recent' || span === 'frames') return;
    if (known && (pool.heldAt || Date.now() - known.readAt < Math.min(known.bucket, 10000))) return;
    pool.reading[span] = true;
    const taken = () => {
      if (pool.heldAt) cutAtHeld(pool, pool.spans[span]);
      tell(true);
    };
    readHistory(pool, span).then(taken, () => {}).finally(() => { pool.reading[span] = false; });
  };

  // The moment that a pool's numbers are of, by the clock of its process.
  const momentOf = (pool) => pool.spans.recent?.rows.at(-1)?.[0] ?? state.updatedAt;

  // A copy of everything that is known, which no update changes. Longer spans that were not read yet are read now.
  const hold = () => {
    const held = { pools: new Map(), log: state.log, changes: state.changes, marks: state.marks };
    for (const [id, pool] of state.pools) {
      const spans = Object.entries(pool.spans).map(([name, span]) => [name, { ...span, rows: [...span.rows] }]);
      const copy = { ...pool, spans: Object.fromEntries(spans), heldAt: momentOf(pool), reading: {}, isReadingStacks: false, hasHeldStacks: false, stacksAt: 0 };
      held.pools.set(id, copy);
      for (const span of ['hour', 'day']) want(copy, span);
      if (copy.sites.stacks) wantStacks(copy);
    }
    return held;
  };

  return { state, open, openSaved, closeSaved, hasOwnHistory: Boolean(within), want, wantStacks, hold, listen: (listener) => listeners.add(listener) };
})();
