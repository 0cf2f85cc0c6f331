'use strict';
// Reads a saved history, as JSON or as a page with it within, into the documents that a server would have sent.
fp.saved = (() => {
  const FORMAT = 'framepool history';
  const VERSION = 1;
  const MADE_BY = 'open a file made by `--save`, `--html` or the page’s Save';
  const LENGTHS = { recent: 120_000, hour: 3_600_000, day: 86_400_000 };
  const FRAME_COLUMNS = ['frame', 'time_ms', 'period_ms', 'work_ms', 'allocs', 'releases', 'misses', 'pooled_bytes', 'in_use_bytes', 'idle_bytes', 'alloc_bytes'];

  const refuse = (why) => { throw new Error(why); };

  // The history within a page, and any other text as it is. Nothing else of the page is looked at.
  const PAGE_BEGIN = '<script type="application/json" id="saved">';
  const withinPage = (text) => {
    if (!text.trimStart().startsWith('<')) return text;
    const begin = text.indexOf(PAGE_BEGIN);
    if (begin < 0) refuse(`a web page without a history of framepool in it; ${MADE_BY}`);
    // The history has no `<`. A page that was cut short has no end.
    const [data] = text.slice(begin + PAGE_BEGIN.length).split('<', 1);
    return data;
  };

  const parsed = (text) => {
    if (!text.trim()) refuse(`the file is empty; ${MADE_BY}`);
    let document = null;
    try {
      document = JSON.parse(withinPage(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const isBegun = text.slice(0, 200).includes(FORMAT) || text.trimStart().startsWith('<');
      refuse(isBegun ? 'the file ends in the middle of the history; it was cut short, so save or copy it once more' : `not a history saved by framepool; ${MADE_BY}`);
    }
    if (document?.format !== FORMAT) refuse(`not a history saved by framepool; ${MADE_BY}`);
    if (document.version > VERSION) refuse(`written by framepool ${document.library}, in version ${document.version} of the format; this page reads up to version ${VERSION}`);
    return fp.visible(document.history);
  };

  const frameRow = (frame) => [
    frame.frame, frame.time_unix_ns / 1e6, frame.period_ns / 1e6, frame.work_ns == null ? null : frame.work_ns / 1e6, frame.allocs, frame.releases, frame.misses,
    frame.pooled_bytes, frame.in_use_bytes, frame.idle_bytes, frame.alloc_bytes,
  ];

  const namesOf = ({ sites, tags = [], threads = [], sizes = [] }) => ({ sites, tags, threads, sizes });

  const poolUpdate = (pool, alerts) => {
    const m = pool.metrics;
    return {
      pool: { id: pool.id, name: pool.name, status: pool.status, limit_bytes: pool.limit_bytes ?? null, thresholds: pool.thresholds ?? {} },
      health: { status: pool.status, metrics: m, verdicts: pool.verdicts, time: pool.time, tags: pool.tags, sizes: pool.sizes, threads: pool.threads, frame_sampling: pool.frame_sampling, frame_sites: pool.frame_sites, advice: pool.advice, usage: pool.usage },
      active: alerts.filter((alert) => alert.state === 'raised' && alert.pool_id === pool.id),
      alert_changes: 0,
      sites: { at: pool.time, buffers: m.outstanding_buffers, bytes: m.outstanding_bytes, sites: pool.holders ?? [], left_out: pool.holders_left_out ?? 0, holdings: pool.holdings ?? [], stacks: pool.stacks?.length ?? 0 },
      stacks: { sampling: pool.stack_sampling, stacks: pool.stacks ?? [] },
      names: pool.spans.length ? namesOf(pool.spans[0]) : { sites: [], tags: [], threads: [], sizes: [] },
      samples: [],
      frames: [],
    };
  };

  const histories = (pool) => [
    ...pool.spans.map((span) => ({ ...namesOf(span), span: span.span, bucket_ms: span.bucket_ms, length_ms: LENGTHS[span.span], columns: pool.columns, samples: span.samples })),
    { span: 'frames', columns: FRAME_COLUMNS, frames: pool.frames.map(frameRow) },
  ];

  // The alerts as they were when they changed.
  const changesOf = ({ events }) => events.filter((event) => event.kind !== 'mark').map((event) => ({
    pool_id: event.pool_id, time: event.time, sentence: event.text, state: event.kind === 'resolved' ? 'resolved' : 'raised',
    severity: event.severity ?? 'warning', next_step: event.next_step ?? '',
  }));

  // Throws an error whose message completes the sentence that begins with the file's name.
  const read = (text) => {
    const history = parsed(text);
    try {
      return {
        at: history.time.unix_ns / 1e6,
        pools: history.pools.map((pool) => poolUpdate(pool, history.alerts)),
        histories: history.pools.map(histories),
        alerts: { log: history.alerts, changes: changesOf(history), marks: history.events.filter((event) => event.kind === 'mark') },
      };
    } catch {
      return refuse(`the history lacks what this page shows; ${MADE_BY}`);
    }
  };

  return { read };
})();
