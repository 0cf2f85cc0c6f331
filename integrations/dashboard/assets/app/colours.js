'use strict';
// The colour of each holder of memory. Who has one keeps it in every view, as long as the page is open.
fp.colours = (() => {
  const COLOURS = 16;
  const OTHERS = '--band-others';
  const REST = '--in-use';
  const IN_FLIGHT = '--in-flight';
  const chosen = { site: new Map(), tag: new Map(), thread: new Map(), size: new Map() };

  // A holder that is seen for the first time takes the colour with the fewest holders, and none of those of its neighbours.
  const of = (kind, name, neighbours = []) => {
    const known = chosen[kind];
    if (!known.has(name)) {
      const uses = new Array(COLOURS).fill(0);
      for (const at of known.values()) uses[at] += 1;
      for (const other of neighbours) if (known.has(other)) uses[known.get(other)] += known.size;
      known.set(name, uses.indexOf(Math.min(...uses)));
    }
    return `--band-${known.get(name)}`;
  };

  // A mark of a colour, for a row of a table.
  const mark = (colour) => {
    const made = fp.element('i', { class: 'swatch', 'aria-hidden': 'true' });
    made.style.setProperty('--colour', `var(${colour})`);
    return made;
  };

  return { OTHERS, REST, IN_FLIGHT, of, mark };
})();
