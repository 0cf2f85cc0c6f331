'use strict';
// The callers of a call site: the call stacks of its sampled buffers, in a row of their own below the call site's.
fp.callers = (() => {
  const STACKS = 8;
  const FUNCTIONS = 16;
  const opened = new Set();
  const rows = new Map();

  const plural = (count, noun) => `${fp.count(count)} ${noun}${count === 1 ? '' : 's'}`;
  const sampled = ({ every, from_bytes: from }) => `sampled ${every ? `1 in ${fp.count(every)}` : 'none'}, and all from ${fp.bytes(from)}`;
  const more = (count, noun) => (count > 0 ? [fp.element('li', { class: 'hint' }, `and ${plural(count, `more ${noun}`)}`)] : []);

  const functionItem = (frame) => {
    const line = frame.file ? `${frame.file}:${frame.line ?? '?'}` : '';
    return fp.element('li', { title: line }, frame.function, ' ', fp.element('span', { class: 'folder' }, line.replace(/^.*[/\\]/, '')));
  };

  // The compiler names the standard library's files so. Its functions in a row are one entry: iterators make many.
  const isStandard = (frame) => (frame.file ?? '').startsWith('/rustc/');
  const functionItems = (frames) => {
    const items = [];
    let standard = 0;
    const close = () => {
      if (standard) items.push(fp.element('li', { class: 'hint' }, `${plural(standard, 'function')} of the standard library`));
      standard = 0;
    };
    for (const frame of frames) {
      if (isStandard(frame)) {
        standard += 1;
      } else {
        close();
        items.push(functionItem(frame));
      }
    }
    close();
    return [...items.slice(0, FUNCTIONS), ...more(items.length - FUNCTIONS, 'function')];
  };

  const stackItem = ({ counts, frames }) => fp.element(
    'li', {}, fp.element('b', {}, `${plural(counts.buffers, 'sampled buffer')}, ${fp.bytes(counts.bytes)}`),
    fp.element('ol', {}, ...functionItems(frames)),
  );

  const content = (stacks, site, pool) => {
    if (!stacks) return [fp.element('p', { class: 'hint' }, 'Looking up the names of functions …')];
    const found = stacks.stacks.filter((stack) => stack.location === site.location && stack.tag === site.tag);
    const none = found.length ? '' : ' None of its buffers that are out was sampled.';
    const isLate = pool.heldAt && stacks.at?.unix_ns > pool.sites.at.unix_ns + 1e6;
    const late = isLate ? ` Read at ${fp.clock(stacks.at.unix_ns / 1e6)}, after the paused moment.` : '';
    return [
      fp.element('p', { class: 'hint' }, `Callers of buffers that are out, ${sampled(stacks.sampling)}; not scaled.${none}${late}`),
      fp.element('ul', {}, ...found.slice(0, STACKS).map(stackItem), ...more(found.length - STACKS, 'call stack')),
    ];
  };

  // The button that shows them.
  const button = (key, site) => {
    const made = fp.element('button', { type: 'button', class: 'callers', 'aria-label': `Callers of ${fp.site(site.location).name}`, hidden: true }, 'callers');
    made.addEventListener('click', () => {
      if (!opened.delete(key)) opened.add(key);
      fp.app.draw(true);
    });
    return made;
  };

  // The row below a call site, or null if it is not to be seen. Its content changes only if the stacks do.
  const row = (key, site, pool, width) => {
    if (!pool.sites.stacks || !opened.has(key)) {
      rows.delete(key);
      return null;
    }
    fp.source.wantStacks(pool);
    if (!rows.has(key)) {
      const within = fp.element('div');
      const line = fp.element('tr', { class: 'callers' }, fp.element('td', { colspan: width }, within));
      rows.set(key, { line, within, shown: undefined });
    }
    const known = rows.get(key);
    if (known.shown !== (pool.stacks ?? null)) {
      known.shown = pool.stacks ?? null;
      known.within.replaceChildren(...content(pool.stacks, site, pool));
    }
    return known.line;
  };

  const isOpen = (key) => opened.has(key);

  return { button, row, isOpen };
})();
