'use strict';
// The ways to split the memory in use: where a sample has each, how its holders are called, and which counter and law cover the numbers.
fp.kinds = (() => {
  const ADDS_UP = 'All bands together are in use (framepool.memory.usage, state in_use), and in use + idle = held: law L3, It adds up.';
  // The first two places of every kind: the holders that a sample does not name, and the rest of what is in use.
  const OTHERS = 0;
  const REST = 1;

  const KINDS = {
    site: {
      at: 2, names: 'sites', title: 'Call site', show: (name) => fp.site(name).name, find: (name) => fp.app.filter(name),
      covered: `Bytes of the pooled buffers that this line allocated and that are out, as a walk of the block records counts them. ${ADDS_UP}`,
    },
    tag: {
      at: 3, names: 'tags', title: 'Tag', show: (name) => name, find: (name) => fp.app.filter(name),
      covered: `Allocated minus released bytes of this tag, without the tags below it (framepool.memory.tag.usage): laws L1, Conservation, and L2, Never negative. ${ADDS_UP}`,
    },
    thread: {
      at: 4, names: 'threads', title: 'Thread', show: (name) => name, find: (name) => fp.breakdown.find('threads', name),
      covered: `Bytes that this thread allocated and that are out, whoever has them now, with its frame buffers: the block records and the thread’s arenas. ${ADDS_UP}`,
    },
    size: {
      at: 5, names: 'sizes', title: 'Block size', show: (name) => (/^\d+$/.test(name) ? fp.bytes(Number(name)) : name), find: (name) => fp.breakdown.find('sizes', name),
      covered: `Bytes of the buffers out in blocks of this size, each counted as its whole block. ${ADDS_UP}`,
    },
  };
  const COVERED_REST = `What is in use beyond the other bands: in use minus their sum. ${ADDS_UP}`;
  const COVERED_OTHERS = `The holders that are not drawn one by one, together. ${ADDS_UP}`;

  const covered = (kind, place) => (place === OTHERS ? COVERED_OTHERS : place === REST ? COVERED_REST : KINDS[kind].covered);
  const fullName = (pool, kind, place) => pool.names[KINDS[kind].names][place] ?? '?';
  const nameOf = (pool, kind, place) => (place > REST ? KINDS[kind].show(fullName(pool, kind, place)) : fullName(pool, kind, place));
  const colourOf = (pool, kind, place, others = []) => {
    if (place <= REST) return place === OTHERS ? fp.colours.OTHERS : fp.colours.REST;
    return fp.colours.of(kind, fullName(pool, kind, place), others.filter((other) => other > REST).map((other) => fullName(pool, kind, other)));
  };
  const held = (row, kind) => row[KINDS[kind].at] ?? [];

  return { KINDS, OTHERS, REST, covered, fullName, nameOf, colourOf, held };
})();
