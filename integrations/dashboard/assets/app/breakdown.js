'use strict';
// The tables that split memory: by size of block, by thread, by tag.
fp.breakdown = (() => {
  // In use, idle in the depot, idle in threads: as shares of the largest row.
  const bar = (cell, parts, most) => {
    if (!cell.firstChild) cell.append(fp.element('span', { class: 'parts', 'aria-hidden': 'true' }, ...parts.map(([kind]) => fp.element('i', { class: kind }))));
    [...cell.firstChild.children].forEach((part, at) => { part.style.width = `${((parts[at][1] / most) * 100).toFixed(2)}%`; });
  };

  // What rounding costs of what is out: the share that the sampled allocs lost.
  const rounding = (size) => {
    const asked = size.block_bytes === null ? 0 : size.block_bytes * (size.sampled_allocs ?? 0);
    if (!asked) return '–';
    const share = Math.max(0, 1 - size.sampled_requested_bytes / asked);
    return `${fp.bytes(size.bytes * share)} (${fp.percent(share, 0)})`;
  };

  // Threads by the most that each held since the page was opened: what they hold now changes too often to sort by it.
  const mostOf = new Map();
  const inOrder = (threads) => {
    const most = ({ thread }) => mostOf.get(thread);
    for (const one of threads) mostOf.set(one.thread, Math.max(mostOf.get(one.thread) ?? 0, one.bytes + one.frame_bytes + one.idle_bytes + one.frame_idle_bytes));
    return [...threads].sort((a, b) => most(b) - most(a) || a.thread.localeCompare(b.thread, 'en', { numeric: true }));
  };

  const frameRows = ({ frame_sampling: sampling, frame_sites: sites }) => {
    if (!sites?.length) return [];
    const every = sampling.every ? `, 1 frame in ${fp.count(sampling.every)}` : '';
    fp.setText(document.getElementById('frames-sampling'), `Frame buffers of ${fp.count(sampling.frames)} sampled ${sampling.frames === 1 ? 'frame' : 'frames'}${every}: means, exact for what was sampled, not scaled.`);
    const rows = sites.map((site) => ({ ...site, frames: sampling.frames }));
    if (sampling.other.allocs) rows.push({ location: 'other call sites', tag: '', counts: sampling.other, most_bytes: null, frames: sampling.frames });
    return rows;
  };

  const TABLES = {
    sizes: {
      colour: (size) => fp.colours.of('size', String(size.block_bytes ?? 'larger')),
      // Of a size whose blocks all went back to the system, only the misses are known.
      rows: (health) => health.sizes?.filter((size) => size.bytes + size.depot_bytes + size.thread_bytes > 0),
      key: (size) => String(size.block_bytes ?? 'larger'),
      total: (size) => size.bytes + size.depot_bytes + size.thread_bytes,
      parts: (size) => [['in_use', size.bytes], ['idle', size.depot_bytes + size.thread_bytes]],
      columns: [
        { name: 'Block size', help: 'Bytes of a block (block_bytes); “larger” are those beyond the largest size class.', show: (size) => (size.block_bytes === null ? 'larger' : fp.bytes(size.block_bytes)) },
        { name: 'Buffers', away: 2, help: 'Pooled buffers of this size that are out (buffers).', show: (size) => fp.count(size.buffers) },
        { name: 'In use', help: 'Bytes of these buffers, each counted as its whole block (bytes).', show: (size) => fp.bytes(size.bytes) },
        { name: 'Rounding, est.', away: 1, help: 'Bytes in use less what was asked for. By size an estimate, by the mean of those allocs that fetched a batch from the depot or took memory from the system; – if there were none. The pool’s sum is exact.', show: rounding },
        { name: 'Idle, shared', help: 'Bytes idle in the depot, where any thread finds them (depot_bytes).', show: (size) => fp.bytes(size.depot_bytes) },
        { name: 'Idle, in threads', help: 'Bytes of idle blocks that threads keep. No other thread reaches them (thread_bytes).', show: (size) => fp.bytes(size.thread_bytes) },
      ],
    },
    threads: {
      colour: (thread) => fp.colours.of('thread', thread.thread),
      rows: (health) => inOrder(health.threads ?? []),
      key: (thread) => thread.thread,
      total: (thread) => thread.bytes + thread.frame_bytes + thread.idle_bytes + thread.frame_idle_bytes,
      parts: (thread) => [['in_use', thread.bytes + thread.frame_bytes], ['idle', thread.idle_bytes + thread.frame_idle_bytes]],
      columns: [
        { name: 'Thread', text: true, help: 'The thread that allocated. Threads with the same name are one row.', show: (thread) => thread.thread },
        { name: 'Buffers', away: 1, help: 'Pooled buffers that it allocated and that are out, whoever has them now (buffers).', show: (thread) => fp.count(thread.buffers) },
        { name: 'In use', help: 'Bytes of these pooled buffers (bytes).', show: (thread) => fp.bytes(thread.bytes) },
        { name: 'In frames', away: 2, help: 'Bytes of its frame buffers in open frames (frame_bytes).', show: (thread) => fp.bytes(thread.frame_bytes) },
        { name: 'Idle', help: 'Bytes of idle blocks that only this thread reaches (idle_bytes).', show: (thread) => fp.bytes(thread.idle_bytes) },
        { name: 'Idle, for frames', help: 'Bytes of its frame blocks that hold no buffer of an open frame (frame_idle_bytes).', show: (thread) => fp.bytes(thread.frame_idle_bytes) },
      ],
    },
    tags: {
      colour: (tag) => fp.colours.of('tag', tag.name),
      rows: (health) => [...health.tags].sort((a, b) => a.name.localeCompare(b.name, 'en')),
      key: (tag) => tag.name,
      total: (tag) => tag.total.alloc_bytes - tag.total.release_bytes,
      parts: (tag) => [['in_use', tag.total.alloc_bytes - tag.total.release_bytes]],
      columns: [
        { name: 'Tag', text: true, help: 'The name of a tag, with those of the tags above it.', show: (tag) => tag.name },
        { name: 'Buffers', help: 'Buffers of this tag and the tags below it that are out, of both kinds.', show: (tag) => fp.count(tag.total.allocs - tag.total.releases) },
        { name: 'In use', help: 'Bytes of these buffers (framepool.memory.tag.tree.usage).', show: (tag) => fp.bytes(tag.total.alloc_bytes - tag.total.release_bytes) },
        { name: 'Alone', away: 2, help: 'Of them, bytes of this tag without the tags below it (framepool.memory.tag.usage).', show: (tag) => fp.bytes(tag.own.alloc_bytes - tag.own.release_bytes) },
        { name: 'Peak', help: 'The most bytes of these buffers that a frame end or another reading found (peak_bytes).', show: (tag) => fp.bytes(tag.peak_bytes) },
        { name: 'Soft budget', away: 1, help: 'Bytes above which an alert is raised (warn_bytes).', show: (tag) => (tag.warn_bytes === null ? '–' : fp.bytes(tag.warn_bytes)) },
        { name: 'Hard budget', away: 1, help: 'Bytes of pooled buffers above which requests are refused (framepool.memory.tag.limit).', show: (tag) => (tag.max_bytes === null ? '–' : fp.bytes(tag.max_bytes)) },
        { name: 'Allocs a frame', away: 1, help: 'Buffers allocated in the latest frame, of both kinds.', show: (tag) => fp.count(tag.frame.allocs) },
      ],
    },
    // The frame buffers of sampled frames by call site, as means of these frames.
    frames: {
      colour: (site) => (site.most_bytes === null ? fp.colours.OTHERS : fp.colours.of('site', site.location)),
      rows: frameRows,
      key: (site) => `${site.location} ${site.tag}`,
      total: (site) => site.counts.bytes,
      parts: (site) => [['in_use', site.counts.bytes]],
      columns: [
        { name: 'Call site', text: true, help: 'The line of code that allocated frame buffers.', show: (site) => fp.site(site.location).name },
        { name: 'Tag', text: true, away: 1, help: 'The tag of the frames.', show: (site) => site.tag },
        { name: 'Buffers a frame', away: 2, help: 'Frame buffers allocated in a sampled frame: the mean.', show: (site) => fp.count(Math.round(site.counts.allocs / site.frames)) },
        { name: 'Bytes a frame', help: 'Bytes of these buffers: the mean of the sampled frames.', show: (site) => fp.bytes(Math.round(site.counts.bytes / site.frames)) },
        { name: 'Most in a frame', help: 'The most bytes of these buffers in one sampled frame (most_bytes).', show: (site) => (site.most_bytes === null ? '–' : fp.bytes(site.most_bytes)) },
      ],
    },
  };

  const make = (id, { rows, colour, key, total, parts, columns }) => {
    const table = document.getElementById(id);
    const card = table.closest('section');
    const lines = new Map();
    const all = [...columns, { name: 'Share', away: 1, help: 'In use and idle, compared with the largest row.' }];
    table.createTHead().insertRow().append(...all.map(({ name, help, text, away }, at) => fp.element('th', { scope: 'col', 'data-away': away, class: at && !text && at < columns.length ? 'number' : undefined, title: help }, name)));
    const body = table.createTBody();
    return (health) => {
      const found = rows(health) ?? [];
      card.hidden = !found.length;
      const most = Math.max(1, ...found.map(total));
      const shown = new Set(found.map(key));
      for (const [name, line] of lines) if (!shown.has(name)) { line.remove(); lines.delete(name); }
      found.forEach((row, at) => {
        const name = key(row);
        if (!lines.has(name)) {
          const cells = all.map((column, index) => fp.element(index ? 'td' : 'th', { scope: index ? undefined : 'row', 'data-away': column.away, class: index && index < columns.length ? 'number' : undefined }));
          cells[0].append(fp.colours.mark(colour(row)), fp.element('span'));
          lines.set(name, fp.element('tr', { 'data-row': name }, ...cells));
        }
        const line = lines.get(name);
        columns.forEach((column, index) => fp.setText(index ? line.cells[index] : line.cells[0].lastChild, column.show(row)));
        bar(line.cells[columns.length], parts(row), most);
        line.cells[0].title = columns[0].show(row);
        if (body.rows[at] !== line) body.insertBefore(line, body.rows[at] ?? null);
      });
    };
  };

  const tables = Object.entries(TABLES).map(([id, table]) => make(id, table));

  // Leads to a row of a table.
  const find = (id, name) => {
    const table = document.getElementById(id);
    const row = [...table.tBodies[0].rows].find((one) => one.dataset.row === name);
    table.querySelectorAll('.found').forEach((one) => one.classList.remove('found'));
    row?.classList.add('found');
    (row ?? table).scrollIntoView({ block: 'nearest' });
    table.parentElement.focus({ preventScroll: true });
  };

  return { show: (health) => tables.forEach((show) => show(health)), find };
})();
