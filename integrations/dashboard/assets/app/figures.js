'use strict';
// The tiles: the pool's numbers now, each with its meaning.
fp.figures = (() => {
  const root = document.getElementById('figures');
  const meaning = document.getElementById('meaning');

  // What is in the snapshot, what it is called here, and the series that it is: the table of metrics says what that means.
  const WINDOW = 'window';
  const FIGURES = [
    ['in_use_bytes', 'In use', fp.bytes, 'framepool.memory.usage', 'in_use'],
    ['idle_bytes', 'Idle', fp.bytes, 'framepool.memory.usage', 'idle'],
    ['pooled_bytes', 'Held', fp.bytes, 'pooled_bytes'],
    ['resident_bytes', 'Resident', fp.bytes, 'framepool.memory.resident'],
    ['peak_bytes', 'Peak held', fp.bytes, 'framepool.memory.peak'],
    ['outstanding_buffers', 'Buffers out', fp.count, 'outstanding_buffers'],
    ['leak_suspects', 'Old buffers', fp.count, 'framepool.buffer.leaks'],
    ['fps_estimate', 'Frames/s', (value) => value.toFixed(1), 'Frames in the window divided by the time that it covers.', WINDOW],
    ['avg_frame_ms', 'Frame, average', fp.ms, 'Average frame time in the window.', WINDOW],
    ['p99_frame_ms', 'Frame, 99 %', fp.ms, '99 of 100 frames in the window were shorter.', WINDOW],
    ['imbalance', 'Imbalance', (value) => (value > 0 ? `+${fp.count(value)}` : fp.count(value)), 'Allocs minus releases of the latest frame.'],
    ['total_refusals', 'Refusals', fp.count, 'framepool.buffer.refusals'],
    ['hit_ratio', 'Hits', fp.percent, 'Allocs since the pool was made that were served from memory it had already.'],
    ['total_frames', 'Frames', fp.count, 'framepool.frames'],
  ];
  const figures = FIGURES.map(([id, name, format, metric, label]) => {
    const value = fp.element('dd', { 'data-metric': id }, '–');
    const tile = fp.element('div', {}, fp.element('dt', {}, name), value);
    root.append(tile);
    return { id, format, value, tile, metric, label };
  });

  // What each number means, as the table of metrics says it.
  const explain = (now) => {
    const window = ` The window is the last ${fp.seconds(now.health?.metrics.window_ms / 1000)}.`;
    for (const { id, tile, metric, label } of figures) {
      const found = label === WINDOW ? [] : fp.columns.of(now.spans.recent, metric, label);
      tile.title = found.length ? fp.columns.helpOf(found) : metric + (label === WINDOW ? window : '');
      const inFlight = now.health?.metrics.in_flight_bytes;
      if (id === 'in_use_bytes' && inFlight !== undefined) tile.title += `\nAt this moment within a frame: ${fp.bytes(now.health.metrics[id] - inFlight)} kept across frames, ${fp.bytes(inFlight)} of frames in flight.`;
    }
  };

  const FRAME_TIMES = {
    period: 'the time from one frame end to the next', work: 'the time from a frame’s beginning to its end',
    given: 'those that the program or the trace reported', mixed: 'of several kinds: from one frame end to the next, of the work in a frame, or as reported',
  };

  const show = (now) => {
    if (now.health) {
      const m = now.health.metrics;
      const values = { ...m, hit_ratio: m.total_allocs ? 1 - m.total_misses / m.total_allocs : NaN };
      for (const { id, format, value } of figures) {
        value.dataset.value = values[id];
        fp.setText(value, format(values[id]));
      }
      root.dataset.readAt = m.read_at.unix_ns;
      fp.setText(meaning, `Bytes are rounded block sizes: in use + idle = held, in every snapshot. Pooled buffers come from the pool and may outlive a frame; frame buffers come from a frame and end with it. Frame times are ${FRAME_TIMES[m.frame_time_source] ?? m.frame_time_source}. Telemetry itself occupies ${fp.bytes(m.telemetry_bytes)}.`);
    }
    if (now.spans.recent) explain(now);
  };

  return { show };
})();
