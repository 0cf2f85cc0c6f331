'use strict';
// Status, active alerts and the alert log, in words.
fp.alerts = (() => {
  const active = document.getElementById('active');
  const log = document.getElementById('log');
  const SIGNS = { warning: '▲', critical: '◆', resolved: '✓' };

  // Alerts end with their next step after the last `; `.
  const words = (alert) => {
    const text = alert.sentence;
    const step = alert.next_step;
    const ends = step && text.endsWith(`; ${step}`);
    return ends ? [text.slice(0, -step.length - 2), step] : [text, ''];
  };

  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  const item = (alert) => {
    const kind = alert.state === 'resolved' ? 'resolved' : alert.severity;
    const [text, step] = words(alert);
    const made = fp.element('article', { class: `alert ${kind}`, 'data-rule': alert.rule, 'data-state': alert.state },
      fp.element('span', { class: 'sign', 'aria-hidden': 'true' }, SIGNS[kind]),
      fp.element('p', {}, fp.element('span', { class: 'what' })));
    fp.setProse(made.querySelector('.what'), sentence(text));
    // On a narrow screen a long sentence is cut, until the reader asks for the rest.
    const more = fp.element('button', { type: 'button', class: 'more', 'aria-expanded': 'false', 'data-key': `more ${alert.id}`, hidden: true }, 'More');
    more.addEventListener('click', () => {
      const isWhole = made.classList.toggle('whole');
      more.setAttribute('aria-expanded', String(isWhole));
      fp.setText(more, isWhole ? 'Less' : 'More');
    });
    if (step) made.lastChild.append(fp.element('span', { class: 'step' }, ...fp.prose(sentence(step))));
    if (alert.site) {
      const find = fp.element('button', { type: 'button', title: alert.site, 'data-key': alert.id }, 'Show the line');
      find.addEventListener('click', () => fp.app.filter(alert.site));
      made.append(find);
    }
    made.append(more);
    return made;
  };

  const showMore = () => {
    for (const one of active.querySelectorAll('.alert:not(.whole)')) {
      const text = one.querySelector('.what');
      one.querySelector('.more').hidden = text.scrollHeight <= text.clientHeight + 1;
    }
  };
  new ResizeObserver(showMore).observe(active);

  let shown = '';
  const showActive = (pool) => {
    const alerts = [...pool.active].sort((a, b) => (a.severity === b.severity ? 0 : a.severity === 'critical' ? -1 : 1));
    const key = JSON.stringify(alerts.map((alert) => [alert.id, alert.severity, alert.sentence]));
    if (key === shown) return;
    // Only the words change while the same alerts last, so a focus is kept.
    const ids = alerts.map((alert) => alert.id + alert.severity).join();
    if (active.dataset.ids === ids && alerts.length) {
      alerts.forEach((alert, at) => {
        const [text] = words(alert);
        fp.setProse(active.children[at].querySelector('.what'), sentence(text));
      });
    } else {
      active.dataset.ids = ids;
      const calm = fp.element('p', { class: 'calm' }, fp.element('span', { 'aria-hidden': 'true' }, '✓ '), 'No alert is active.');
      active.replaceChildren(...(alerts.length ? alerts.map(item) : [calm]));
    }
    shown = key;
    showMore();
  };

  const alertEntry = (alert) => {
    const kind = alert.state === 'resolved' ? 'resolved' : alert.severity;
    return { kind, time: alert.time.unix_ns, sign: SIGNS[kind], text: sentence(words(alert)[0].replace(`${kind}: `, '')) };
  };
  const markEntry = (mark) => ({ kind: 'mark', time: mark.time.unix_ns, sign: '⚑', text: mark.text });

  let logged = '';
  // `entries` are the alerts as they were each time that one changed.
  const showLog = (entries, marks) => {
    const key = [...entries.map((alert) => `${alert.sentence}${alert.time.unix_ns}`), ...marks.map((mark) => mark.time.unix_ns)].join();
    if (key === logged) return;
    logged = key;
    if (!entries.length && !marks.length) {
      log.replaceChildren(fp.element('p', { class: 'empty' }, 'No alert and no mark so far.'));
      return;
    }
    const list = fp.element('ol', { class: 'log' });
    const all = [...entries.map(alertEntry), ...marks.map(markEntry)].sort((a, b) => b.time - a.time);
    for (const { kind, time, sign, text } of all.slice(0, 50)) {
      list.append(fp.element('li', { class: kind },
        fp.element('time', {}, fp.clock(time / 1e6)),
        fp.element('span', { class: 'sign' }, `${sign} ${kind}`),
        fp.element('span', {}, ...(kind === 'mark' ? [text] : fp.prose(text)))));
    }
    // What was scrolled to and has the focus stays.
    const known = log.querySelector('.scroll');
    if (known) known.replaceChildren(list);
    else log.replaceChildren(fp.element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Entries of the alert log' }, list));
  };

  return { showActive, showLog };
})();
