'use strict';
// The ways to split the memory in use: where a sample has each, how its holders are called, and which counter and law cover the numbers.
fp.kinds = (() => {
  const ADDS_UP = 'All bands together are in use (framepool.memory.usage, state in_use), and in use + idle = held: law L3, It adds up.';
  // The first two places of every kind: the holders that a sample does not name, and the rest of what is in use.
  const OTHERS = 0;
  const REST = 1;
  // What is in use of frames in flight is in no list: a number of its own, for all kinds the same.
  const IN_FLIGHT = -1;
  const KEPT = 'that are kept across frames, as a walk of the block records counts them';

  const KINDS = {
    site: {
      at: 2, names: 'sites', title: 'Call site', show: (name) => fp.site(name).name, find: (name) => fp.app.filter(name),
      covered: `Bytes of the pooled buffers that this line allocated and ${KEPT}. ${ADDS_UP}`,
    },
    tag: {
      at: 3, names: 'tags', title: 'Tag', show: (name) => name, find: (name) => fp.app.filter(name),
      covered: `Bytes of the pooled buffers taken with this tag, without the tags below it, ${KEPT}. framepool.memory.tag.usage counts those of frames in flight too. ${ADDS_UP}`,
    },
    thread: {
      at: 4, names: 'threads', title: 'Thread', show: (name) => name, find: (name) => fp.breakdown.find('threads', name),
      covered: `Bytes of the pooled buffers that this thread allocated, whoever has them now, and ${KEPT}. ${ADDS_UP}`,
    },
    size: {
      at: 5, names: 'sizes', title: 'Block size', show: (name) => (/^\d+$/.test(name) ? fp.bytes(Number(name)) : name), find: (name) => fp.breakdown.find('sizes', name),
      covered: `Bytes of the pooled buffers in blocks of this size ${KEPT}. ${ADDS_UP}`,
    },
  };
  const COVERED_REST = `What is kept across frames beyond the other bands. ${ADDS_UP}`;
  const COVERED_IN_FLIGHT = `Frame buffers of open frames, and pooled buffers allocated since the oldest of these began: in use minus what is kept across frames (in_flight_bytes). Buffers of a frame come and go within it, so comparisons leave this band out. ${ADDS_UP}`;
  const COVERED_OTHERS = `The holders that are not drawn one by one, together. ${ADDS_UP}`;

  const SPECIAL = new Map([[OTHERS, COVERED_OTHERS], [REST, COVERED_REST], [IN_FLIGHT, COVERED_IN_FLIGHT]]);
  const covered = (kind, place) => SPECIAL.get(place) ?? KINDS[kind].covered;
  const fullName = (pool, kind, place) => (place === IN_FLIGHT ? 'frames in flight' : pool.names[KINDS[kind].names][place] ?? '?');
  const nameOf = (pool, kind, place) => (place > REST ? KINDS[kind].show(fullName(pool, kind, place)) : fullName(pool, kind, place));
  const colourOf = (pool, kind, place, others = []) => {
    if (place === IN_FLIGHT) return fp.colours.IN_FLIGHT;
    if (place <= REST) return place === OTHERS ? fp.colours.OTHERS : fp.colours.REST;
    return fp.colours.of(kind, fullName(pool, kind, place), others.filter((other) => other > REST).map((other) => fullName(pool, kind, other)));
  };
  // What each holder of a sample keeps: its place, bytes and buffers.
  const held = (row, kind) => row[KINDS[kind].at] ?? [];

  return { KINDS, OTHERS, REST, IN_FLIGHT, covered, fullName, nameOf, colourOf, held };
})();
