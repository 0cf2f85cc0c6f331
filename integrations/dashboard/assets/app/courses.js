'use strict';
// The charts: which series each has, over frames or over time.
fp.courses = (() => {
  const limitsOf = (rule) => fp.view.pool()?.view.thresholds[rule] ?? {};
  const levels = (rule) => ['warning', 'critical'].map((severity) => {
    const value = limitsOf(rule)[severity];
    return { name: severity, value, text: value == null ? '' : fp.inUnit(value, limitsOf(rule).unit), colour: `--${severity}` };
  });

  const memory = new fp.charts.Chart('memory', {
    format: fp.bytes, levels: () => levels('pooled_bytes'), least: 1024,
    // The levels are in sight as soon as memory comes near them.
    most: (high) => {
      const near = levels('pooled_bytes').map((level) => level.value).filter((value) => value != null && value < high * 2);
      return Math.max(high * 1.12, 1024, ...near.map((value) => value * 1.1));
    },
  });
  const times = new fp.charts.Chart('times', { format: fp.ms, levels: () => levels('frame_budget'), least: 0.1 });
  const flow = new fp.charts.Chart('flow', { format: fp.rate, perFrame: fp.perFrame, least: 10 });
  const misses = new fp.charts.Chart('misses', { format: fp.rate, perFrame: fp.perFrame, least: 1 });

  const MEMORY = [
    { name: 'Held', metric: 'pooled_bytes', colour: '--idle-line', fill: '--idle' },
    { name: 'In use', metric: 'framepool.memory.usage', label: 'in_use', colour: '--in-use-line', fill: '--in-use' },
    { name: 'Resident', metric: 'framepool.memory.resident', colour: '--resident', dash: [2, 3] },
  ];
  const KEPT = {
    name: 'Kept', colour: '--in-use-line', fill: '--in-use',
    help: 'Bytes in use that outlived a frame: in use minus the buffers of frames in flight (in_flight_bytes). They can be compared between any two moments.',
  };
  const TIMES = [
    { name: 'Worst', metric: 'frame_ms_worst', colour: '--worst', dash: [4, 3] },
    { name: 'Average', metric: 'frame_ms_sum', colour: '--accent' },
  ];
  const FLOW = [
    { name: 'Allocs', metric: 'framepool.buffer.acquisitions', colour: '--allocs' },
    { name: 'Releases', metric: 'framepool.buffer.releases', colour: '--releases', dash: [4, 3] },
  ];
  // A reason has a line of its own as soon as the table has it.
  const REASONS = { cold: 'Cold', oversize: 'Too large', budget: 'Over budget', frame_block: 'Frame blocks' };
  const DASHES = [undefined, [6, 3], [2, 3], [8, 3, 2, 3]];
  const missSeries = (span) => fp.columns.of(span, 'framepool.buffer.misses').map(({ column }, at) => ({
    name: REASONS[column.labels.reason] ?? column.labels.reason, metric: column.metric, label: column.labels.reason,
    colour: `--band-${[1, 3, 5, 2, 0, 4, 6, 7][at % 8]}`, dash: DASHES[at % 4],
  }));

  // Who held memory is read a few times a second: each reading stands at the frame that had ended last, and the last of them counts.
  const heldAtFrames = (span, frames, time) => {
    const held = new Map();
    let at = -1;
    for (const sample of span?.rows ?? []) {
      while (at + 1 < frames.length && frames[at + 1][time] <= sample[0]) at += 1;
      if (at >= 0) held.set(frames[at][0], sample);
    }
    return [...held];
  };

  // What a comparison of two samples says of all memory.
  const courseOf = (span, rows) => {
    const [allocs, releases, inUse] = [FLOW[0], FLOW[1], MEMORY[1]].map((one) => (span ? fp.columns.values(span, rows, one) : []));
    return { allocs, releases, inUse, inFlight: fp.columns.inFlight(span, rows) };
  };

  // The rows in sight, and one before them, so that lines begin at the edge.
  const inSight = (rows, timeOf, [from, to]) => {
    const first = Math.max(0, rows.findIndex((row) => timeOf(row) >= from) - 1);
    return rows.slice(first).filter((row) => timeOf(row) <= to);
  };

  const drawFrames = (now, view) => {
    const { columns, rows: all } = now.spans.frames ?? { columns: [], rows: [] };
    const range = fp.view.range();
    const rows = inSight(all, fp.view.timeOf, range);
    const at = (name) => columns.indexOf(name);
    const column = (name) => rows.map((row) => row[at(name)]);
    const x = rows.map((row) => row[0]);
    memory.show(view, MEMORY.slice(0, 2), [x, column('pooled_bytes'), column('in_use_bytes')], range);
    const [work, period] = [column('work_ms'), column('period_ms')];
    times.show(view, [{ ...TIMES[0], name: 'Period', help: 'From the frame end before to this one.' }, { ...TIMES[1], name: 'Work', help: 'From the beginning of the frame to its end.' }], [x, period, work], range);
    flow.show(view, FLOW, [x, column('allocs'), column('releases')], range);
    misses.show(view, [{ name: 'Misses', colour: '--band-1', help: 'Allocs of the frame that took memory from the system.' }], [x, column('misses')], range);
    const held = (frames) => {
      const found = heldAtFrames(now.spans.recent, frames, at('time_ms'));
      const samples = found.map(([, sample]) => sample);
      return { rows: samples, times: found.map(([frame]) => frame), course: courseOf(now.spans.recent, samples) };
    };
    fp.timeline.show(now, view, held(rows), range, [], () => held(all));
  };

  // A zoomed stretch is drawn with the finest samples that reach back to its beginning.
  const finest = (now, span, from) => {
    const own = now.spans[span] ?? { columns: [], rows: [] };
    if (!fp.view.chosen.length) return own;
    const finer = ['recent', 'hour'].filter((name) => name !== span && fp.view.LENGTHS[name] < fp.view.LENGTHS[span]);
    const found = finer.find((name) => now.spans[name]?.rows.length && now.spans[name].rows[0][0] / 1000 <= from);
    return found ? now.spans[found] : own;
  };

  const drawSpan = (now, view) => {
    const range = fp.view.range();
    const span = finest(now, view.span, range[0]);
    const all = inSight(span.rows, fp.view.timeOf, range);
    const x = all.map((row) => row[0] / 1000);
    const column = (one) => fp.columns.values(span, all, one);
    const rate = (one) => {
      const values = column(one);
      return values.map((value, index) => (index ? Math.max(0, (value - values[index - 1]) / Math.max(x[index] - x[index - 1], 1e-3)) : null));
    };
    const explained = (series) => series.map((one) => {
      const found = fp.columns.of(span, one.metric, one.label);
      return { ...one, help: one.help ?? (found.length ? fp.columns.helpOf(found) : '') };
    });
    const inFlight = fp.columns.inFlight(span, all);
    const levels = MEMORY.map(column);
    if (inFlight) {
      // In use is drawn as a light edge above what is kept.
      const kept = levels[1].map((bytes, at) => bytes - inFlight[at]);
      memory.show(view, explained([MEMORY[0], { ...MEMORY[1], width: 0.5, fill: '--in-flight' }, KEPT, MEMORY[2]]), [x, levels[0], levels[1], kept, levels[2]], range);
    } else {
      memory.show(view, explained(MEMORY), [x, ...levels], range);
    }
    const counts = column({ metric: 'frames' });
    const perFrame = (values, divide) => values.map((value, index) => (counts[index] ? divide(value, counts[index]) : null));
    const [worst, sums] = TIMES.map(column);
    times.show(view, explained(TIMES), [x, perFrame(worst, (value) => value), perFrame(sums, (sum, count) => sum / count)], range);
    flow.show(view, explained(FLOW), [x, ...FLOW.map(rate)], range);
    const reasons = missSeries(span);
    misses.show(view, explained(reasons), [x, ...reasons.map(rate)], range);
    const resident = explained([MEMORY[2]])[0];
    const held = (rows) => ({ rows, times: rows.map(fp.view.timeOf), course: courseOf(span, rows) });
    fp.timeline.show(now, view, held(all), range, [{ series: resident, values: column(MEMORY[2]) }], () => held(span.rows));
  };

  // `view` says what is chosen, and has the alerts and marks of the pool.
  const show = (now, view) => (view.span === 'frames' ? drawFrames : drawSpan)(now, view);

  return { show };
})();
