'use strict';
// The table of call sites: sorted by any column, filtered by words, each with its recent history.
fp.sites = (() => {
  const table = document.getElementById('table');
  const filter = document.getElementById('filter');
  const empty = document.getElementById('no-sites');
  const NS = 'http://www.w3.org/2000/svg';
  const rows = new Map();
  let sort = { column: 'bytes', down: true };

  // A line that takes buffers with several tags has a row for each.
  const keyOf = (site) => `${site.location}\n${site.tag}`;

  // The verdicts of the latest health snapshot, by call site and tag.
  let judged = new Map();
  const verdict = (site) => judged.get(keyOf(site))?.verdict ?? (site.long_lived === site.buffers ? 'long-lived' : 'in use');
  const SIGNS = { growing: '▲', overdue: '◆', filling: '◢', held: '■', 'long-lived': '■' };
  const verdictText = (site) => {
    const word = verdict(site);
    const growth = judged.get(keyOf(site))?.growth;
    // A fixed number of buffers can become larger.
    const gain = growth && (growth.larger ? fp.bytes(growth.bytes_per_minute) : fp.count(growth.buffers_per_minute));
    const rate = growth ? ` +${gain} a minute` : '';
    return `${SIGNS[word] ? `${SIGNS[word]} ` : ''}${word}${rate}`;
  };

  const COLUMNS = [
    { id: 'location', name: 'Call site', help: 'The line of code that allocated pooled buffers which are out, with their tag.', text: (site) => site.location, sort: (site) => site.location },
    { id: 'verdict', name: 'Verdict', help: 'Growing: a leak. Overdue: out for longer than the pool expects. Filling: rises, but not like a leak. Held: old and steady.', sort: verdict },
    { id: 'bytes', name: 'Bytes', number: true, help: 'Bytes of its pooled buffers that are out, those of frames in flight included (bytes).', title: ({ in_flight_bytes: bytes }) => (bytes === undefined ? '' : `${fp.bytes(bytes)} of it in frames in flight`), show: (site) => fp.bytes(site.bytes), sort: (site) => site.bytes },
    { id: 'buffers', name: 'Buffers', number: true, help: 'Its pooled buffers that are out, those of frames in flight included (buffers).', show: (site) => fp.count(site.buffers), sort: (site) => site.buffers },
    { id: 'suspects', name: 'Old', number: true, help: 'Buffers past the leak age that are not marked as long-lived (suspects).', show: (site) => fp.count(site.suspects), sort: (site) => site.suspects },
    { id: 'age', name: 'Oldest', number: true, help: 'For how long at least its oldest buffer has been out (oldest_age).', show: (site) => (site.oldest_age ? fp.seconds(fp.duration(site.oldest_age)) : '–'), sort: (site) => (site.oldest_age ? fp.duration(site.oldest_age) : -1) },
    { id: 'frames', name: 'Frames', number: true, help: 'Frames since its oldest buffer was taken (oldest_age_frames).', show: (site) => (site.oldest_age_frames === null ? '–' : fp.count(site.oldest_age_frames)), sort: (site) => site.oldest_age_frames ?? -1 },
    { id: 'history', name: 'Two minutes', help: 'What it kept across frames over the last two minutes; the scale begins at zero.' },
    { id: 'thread', name: 'Thread of the oldest', help: 'The thread that allocated its oldest buffer (thread).', show: (site) => site.thread, sort: (site) => site.thread },
  ];

  const headings = COLUMNS.map((column) => {
    const heading = fp.element('th', { scope: 'col', class: column.number ? 'number' : undefined, 'data-column': column.id, title: column.help });
    if (!column.sort) {
      heading.append(column.name);
      return heading;
    }
    const button = fp.element('button', { type: 'button' }, column.name, fp.element('span', { class: 'arrow', 'aria-hidden': 'true' }));
    button.addEventListener('click', () => {
      sort = { column: column.id, down: sort.column === column.id ? !sort.down : Boolean(column.number) };
      fp.app.draw(true);
    });
    heading.append(button);
    return heading;
  });
  table.tHead.rows[0].append(...headings);
  filter.addEventListener('input', () => fp.app.draw(true));

  const makeRow = (site) => {
    const place = fp.site(site.location);
    const row = fp.element('tr', { 'data-site': site.location, 'data-tag': site.tag });
    const tag = site.tag ? [' ', fp.element('span', { class: 'tag', title: 'The tag with which they were taken.' }, site.tag)] : [];
    for (const column of COLUMNS) {
      if (column.id === 'location') {
        row.append(fp.element('th', { scope: 'row', title: site.location }, fp.colours.mark(fp.colours.of('site', site.location)), fp.element('span', { class: 'file' }, place.name), ...tag, ' ', fp.callers.button(keyOf(site), site), ' ', fp.element('span', { class: 'folder' }, place.folder)));
      } else if (column.id === 'history') {
        const line = document.createElementNS(NS, 'svg');
        for (const [key, value] of [['viewBox', '0 0 100 20'], ['preserveAspectRatio', 'none'], ['class', 'spark'], ['aria-hidden', 'true']]) line.setAttribute(key, value);
        line.append(document.createElementNS(NS, 'path'));
        row.append(fp.element('td', { 'data-column': column.id }, line));
      } else if (column.id === 'verdict') {
        row.append(fp.element('td', { class: 'verdict', 'data-column': column.id }));
      } else {
        row.append(fp.element('td', { class: column.number ? 'number' : undefined, 'data-column': column.id }));
      }
    }
    return row;
  };

  const drawSpark = (path, recent, place, end) => {
    if (!recent || place < 0) return;
    const from = end - recent.length;
    const rows = recent.rows.filter(([time]) => time >= from && time <= end);
    const step = Math.max(1, Math.ceil(rows.length / 60));
    const points = [];
    let most = 1;
    for (let at = 0; at < rows.length; at += step) {
      const [time, , held] = rows[at];
      const bytes = held.reduce((sum, [site, held]) => (site === place ? sum + held : sum), 0);
      most = Math.max(most, bytes);
      points.push([((time - from) / recent.length) * 100, bytes]);
    }
    const text = points.map(([x, bytes], at) => `${at ? 'L' : 'M'}${x.toFixed(1)} ${(19 - (bytes / most) * 18).toFixed(1)}`).join('');
    path.setAttribute('d', text);
  };

  const show = (pool, end) => {
    judged = new Map((pool.health?.verdicts ?? []).map((one) => [keyOf(one), one]));
    const words = filter.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (site) => {
      const text = `${site.location} ${site.tag} ${site.thread} ${verdict(site)}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const key = COLUMNS.find((column) => column.id === sort.column).sort;
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      const by = typeof x === 'number' ? x - y : String(x).localeCompare(String(y), 'en', { numeric: true });
      return (sort.down ? -by : by) || (keyOf(a) < keyOf(b) ? -1 : 1);
    };
    const sites = pool.sites.sites.filter(matches).sort(order);
    headings.forEach((heading, at) => {
      const isSorted = COLUMNS[at].id === sort.column;
      if (isSorted) heading.setAttribute('aria-sort', sort.down ? 'descending' : 'ascending');
      else heading.removeAttribute('aria-sort');
      const arrow = heading.querySelector('.arrow');
      if (arrow) fp.setText(arrow, isSorted ? (sort.down ? '▼' : '▲') : '');
    });
    const shown = new Set(sites.map(keyOf));
    for (const key of rows.keys()) if (!shown.has(key)) rows.delete(key);
    const body = table.tBodies[0];
    const lines = [];
    sites.forEach((site) => {
      if (!rows.has(keyOf(site))) rows.set(keyOf(site), makeRow(site));
      const row = rows.get(keyOf(site));
      row.dataset.verdict = verdict(site);
      COLUMNS.forEach((column, index) => {
        const cell = row.cells[index];
        if (column.title) cell.title = column.title(site);
        if (column.show) fp.setText(cell, column.show(site));
        else if (column.id === 'verdict') fp.setText(cell, verdictText(site));
        else if (column.id === 'history') drawSpark(cell.querySelector('path'), pool.spans.recent, pool.names.sites.indexOf(site.location), end);
      });
      const button = row.querySelector('button.callers');
      button.hidden = !pool.sites.stacks;
      button.setAttribute('aria-expanded', fp.callers.isOpen(keyOf(site)));
      lines.push(row);
      const below = fp.callers.row(keyOf(site), site, pool, COLUMNS.length);
      if (below) lines.push(below);
    });
    for (const line of [...body.rows]) if (!lines.includes(line)) line.remove();
    lines.forEach((line, at) => { if (body.rows[at] !== line) body.insertBefore(line, body.rows[at] ?? null); });
    table.hidden = sites.length === 0;
    empty.hidden = sites.length > 0;
    const more = pool.sites.left_out ? ` ${fp.count(pool.sites.left_out)} smaller call sites are not listed.` : '';
    fp.setText(empty, (words.length && pool.sites.sites.length ? 'No call site matches.' : 'No pooled buffer is out.') + more);
  };

  return { show, filter };
})();
