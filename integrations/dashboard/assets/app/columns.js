'use strict';
// The columns of a history's samples: where a metric's numbers are, and what the table of metrics says of them.
fp.columns = (() => {
  // What is special about one part of a metric, by its label.
  const PARTS = {
    in_use: 'This part: bytes in buffers that are out and in open frames.', idle: 'This part: bytes kept for the next allocs.',
    pooled: 'This part: pooled buffers, which may outlive their frame.', frame: 'This part: frame buffers, which end with their frame.',
    cold: 'This part: no idle block of the size was there.', oversize: 'This part: larger than the largest size class; such memory is not kept.',
    budget: 'This part: idle memory was given back first, to stay within the budget.', frame_block: 'This part: blocks for the buffers of frames.',
  };
  // Columns of one metric in words: what the table of metrics says, and under which name other outlets have it.
  const helpOf = ([{ column }, ...others]) => {
    const labels = others.length ? [] : Object.entries(column.labels);
    const part = labels.map(([, value]) => PARTS[value]).filter(Boolean).join(' ');
    const named = labels.map(([name, value]) => `${name}="${value}"`).join(', ');
    return `${part ? `${part}\n` : ''}${column.help}\n${column.metric}${named ? ` {${named}}` : ''}, in ${fp.unit(column.unit)}`;
  };
  // The columns of a metric's numbers: all, or those with a label of this value.
  const of = (span, metric, label) => span.columns
    .map((column, at) => ({ column, at }))
    .filter(({ column }) => column.metric === metric && (!label || Object.values(column.labels).includes(label)));

  // A series of these samples. One with several columns is their sum.
  const values = (span, rows, { metric, label }) => {
    const found = of(span, metric, label);
    return rows.map((row) => found.reduce((sum, { at }) => (row[1][at] == null ? sum : (sum ?? 0) + row[1][at]), null));
  };

  // What is in use of frames in flight; null in a file that does not know it.
  const inFlight = (span, rows) => (span && of(span, 'in_flight_bytes').length ? values(span, rows, { metric: 'in_flight_bytes' }) : null);

  return { of, values, inFlight, helpOf };
})();
