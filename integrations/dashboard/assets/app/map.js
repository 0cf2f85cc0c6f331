'use strict';
// A treemap of all memory: what is kept across frames by call site, what is in flight, and idle memory by where it lies. Click a part to go into it.
fp.map = (() => {
  const root = document.getElementById('map');
  const crumbs = document.getElementById('crumbs');
  const WORDS = { in_use: 'in use', idle: 'idle', other: 'bookkeeping' };
  let inside = null;
  let drawn = '';

  // All is of one judgement: its totals, its walk over the buffers, and what the threads and the depot kept then. A part is capped at the
  // rest of its total, and the last part is the remainder, so the sum is exact. Only bookkeeping is read a moment later.
  const groups = (pool) => {
    const { sites, holdings } = pool.sites;
    const { metrics, sizes = [], threads = [] } = pool.health ?? {};
    if (!metrics) return [];
    const group = (state, total, rest, parts) => {
      let left = total;
      const capped = parts.map((part) => {
        const bytes = Math.min(part.bytes, left);
        left -= bytes;
        return { full: part.name, ...part, bytes };
      });
      const all = [...capped, { name: rest, full: rest, bytes: left }].filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
      return { state, bytes: total, parts: all };
    };
    const sum = (list, bytes) => list.reduce((all, one) => all + bytes(one), 0);
    const inFlight = (site) => site.in_flight_bytes ?? 0;
    const ofSite = (site) => ({ name: fp.site(site.location).name + (site.tag ? ` · ${site.tag}` : ''), full: site.location + (site.tag ? `, tag ${site.tag}` : ''), bytes: site.bytes - inFlight(site), site: site.location });
    const ofThreads = (what, bytes) => threads.map((thread) => ({ name: `${what} ${thread.thread}`, bytes: bytes(thread) }));
    return [
      group('in_use', metrics.in_use_bytes, 'other buffers', [
        ...sites.map(ofSite), { name: 'pooled buffers of frames in flight', bytes: sum(sites, inFlight), kind: 'in_flight' },
        ...ofThreads('frame buffers of', (thread) => thread.frame_bytes).map((part) => ({ ...part, kind: 'in_flight' })),
      ]),
      group('idle', metrics.idle_bytes, 'other idle memory', [
        { name: 'idle in the depot', bytes: sum(sizes, (size) => size.depot_bytes) }, { name: 'blocks kept for frames', bytes: sum(threads, (thread) => thread.frame_idle_bytes) },
        ...ofThreads('idle on', (thread) => thread.idle_bytes),
      ]),
      group('other', sum(holdings.filter(({ state }) => state === 'other'), ({ bytes }) => bytes), 'records and slack of small buffers', []),
    ].filter(({ bytes }) => bytes > 0);
  };

  // Lays parts out in rows of nearly square cells; gives {x, y, w, h} in the rectangle's unit.
  const squarify = (parts, rect) => {
    const total = parts.reduce((all, part) => all + part.bytes, 0);
    if (!total) return [];
    let { x, y, w, h } = rect;
    const scale = (w * h) / total;
    const cells = [];
    let row = [];
    const worst = (candidates, side) => {
      const areas = candidates.map((part) => part.bytes * scale);
      const all = areas.reduce((a, b) => a + b, 0);
      return Math.max((side * side * Math.max(...areas)) / (all * all), (all * all) / (side * side * Math.min(...areas)));
    };
    const lay = () => {
      const all = row.reduce((sum, part) => sum + part.bytes * scale, 0);
      const across = w >= h;
      const thick = all / (across ? h : w);
      let along = across ? y : x;
      for (const part of row) {
        const length = (part.bytes * scale) / thick;
        cells.push(across ? { part, x, y: along, w: thick, h: length } : { part, x: along, y, w: length, h: thick });
        along += length;
      }
      if (across) { x += thick; w -= thick; } else { y += thick; h -= thick; }
      row = [];
    };
    for (const part of parts) {
      const side = Math.min(w, h);
      if (row.length && worst([...row, part], side) > worst(row, side)) lay();
      row.push(part);
    }
    lay();
    return cells;
  };

  // The button of a part; the one that it had, if it had one, so that a focus is kept.
  const cell = ({ x, y, w, h }, box, part, state, total, click, known) => {
    const key = `${state} ${part.full ?? part.name}`;
    const made = known.get(key) ?? fp.element('button', { type: 'button', class: `cell ${state}`, 'data-key': key });
    made.title = `${part.full ?? part.name}: ${fp.bytes(part.bytes)}, ${fp.percent(part.bytes / total)}`;
    const style = { left: `${(x / box.w) * 100}%`, top: `${(y / box.h) * 100}%`, width: `${(w / box.w) * 100}%`, height: `${(h / box.h) * 100}%` };
    Object.assign(made.style, style);
    made.classList.toggle('in_flight', part.kind === 'in_flight');
    if (part.site) {
      made.classList.add('holder');
      made.dataset.site = part.site;
      made.style.setProperty('--colour', `var(${fp.colours.of('site', part.site)})`);
    }
    const isWide = w > 56 && h > 18;
    const words = isWide ? [fp.element('span', {}, part.name)] : [];
    if (isWide && h > 34) words.push(' ', fp.element('b', {}, fp.bytes(part.bytes)));
    made.replaceChildren(...words);
    if (isWide) made.removeAttribute('aria-label');
    else made.setAttribute('aria-label', `${part.name} ${fp.bytes(part.bytes)}`);
    made.onclick = click;
    return made;
  };

  const enter = (state) => {
    inside = state;
    drawn = '';
    fp.app.draw();
    crumbs.querySelector('button')?.focus();
  };

  // The way into the map: texts, and buttons that lead to a part. Only the texts change while these stay the same.
  const showCrumbs = (steps) => {
    const place = inside ?? 'all';
    const isSame = crumbs.dataset.place === place && steps.every(({ key }, at) => crumbs.children[at]?.dataset.key === key);
    if (!isSame || crumbs.childElementCount !== steps.length) {
      crumbs.dataset.place = place;
      crumbs.replaceChildren(...steps.map(({ key, leads }) => {
        if (leads === undefined) return fp.element('span', { 'data-key': key });
        const made = fp.element('button', { type: 'button', 'data-key': key });
        made.addEventListener('click', () => enter(leads));
        return made;
      }));
    }
    steps.forEach(({ text }, at) => fp.setText(crumbs.children[at], text));
  };

  const show = (pool) => {
    const all = groups(pool);
    if (inside && !all.some((group) => group.state === inside)) inside = null;
    const key = JSON.stringify([inside, pool.id, root.clientWidth, all.map((group) => group.parts.map((part) => [part.name, Math.round(part.bytes / 4096)]))]);
    if (key === drawn) return;
    drawn = key;
    const box = { w: root.clientWidth || 400, h: root.clientHeight || 220 };
    const total = all.reduce((sum, group) => sum + group.bytes, 0);
    showCrumbs(inside
      ? [{ key: 'back', text: `◀ All: ${fp.bytes(total)}`, leads: null }, { key: inside, text: ` ${WORDS[inside]}` }]
      : [{ key: 'all', text: `All: ${fp.bytes(total)}` }, ...all.map(({ state, bytes }) => ({ key: state, text: `${WORDS[state]} ${fp.bytes(bytes)}`, leads: state }))]);
    const cells = [];
    const known = new Map([...root.querySelectorAll('.cell')].map((one) => [one.dataset.key, one]));
    const place = (group, rect) => {
      for (const one of squarify(group.parts.slice(0, 60), rect)) {
        const click = () => {
          if (one.part.site) fp.app.filter(one.part.site);
          else if (!inside) enter(group.state);
        };
        cells.push(cell(one, box, one.part, group.state, total, click, known));
      }
    };
    if (inside) place(all.find((group) => group.state === inside), { x: 0, y: 0, ...box });
    else for (const one of squarify([...all].sort((a, b) => b.bytes - a.bytes), { x: 0, y: 0, ...box })) place(one.part, one);
    const parts = cells.length ? cells : [fp.element('p', { class: 'empty' }, 'The pool holds no memory.')];
    if (parts.length !== root.children.length || parts.some((part, at) => part !== root.children[at])) root.replaceChildren(...parts);
  };

  return { show };
})();
