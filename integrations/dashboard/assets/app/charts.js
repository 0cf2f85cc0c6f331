'use strict';
// Charts over time that share one time axis, one cursor and the marks of alerts.
fp.charts = (() => {
  const all = [];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const sync = uPlot.sync('framepool');

  const fontOf = () => '11px system-ui, sans-serif';

  // A bar over the chart for each alert, a line where it was raised, and a sign that differs by severity.
  const drawAlerts = (plot, view) => {
    if (view.span === 'frames') return;
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.textAlign = 'left';
    for (const alert of view.log) {
      const from = alert.raised_time.unix_ns / 1e9;
      const to = alert.state === 'resolved' ? alert.time.unix_ns / 1e9 : plot.scales.x.max;
      if (to < plot.scales.x.min || from > plot.scales.x.max) continue;
      const x0 = Math.max(left, plot.valToPos(from, 'x', true));
      const x1 = Math.min(left + width, plot.valToPos(to, 'x', true));
      ctx.fillStyle = ctx.strokeStyle = css(alert.severity === 'critical' ? '--critical' : '--warning');
      ctx.fillRect(x0, top, Math.max(x1 - x0, 2 * ratio), 3 * ratio);
      if (from >= plot.scales.x.min) {
        ctx.lineWidth = ratio;
        ctx.setLineDash(alert.severity === 'critical' ? [] : [3 * ratio, 3 * ratio]);
        ctx.globalAlpha = 0.6;
        ctx.beginPath();
        ctx.moveTo(x0, top);
        ctx.lineTo(x0, top + height);
        ctx.stroke();
        ctx.globalAlpha = 1;
        ctx.font = `${11 * ratio}px system-ui, sans-serif`;
        ctx.textBaseline = 'top';
        ctx.fillText(alert.severity === 'critical' ? '◆' : '▲', x0 + 2 * ratio, top + 4 * ratio);
      }
    }
    ctx.restore();
  };

  // A line for each mark that the program set, with its text above the axis where the one before leaves room.
  const drawMarks = (plot, view) => {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const ratio = devicePixelRatio;
    let free = left;
    ctx.save();
    ctx.textAlign = 'left';
    ctx.textBaseline = 'bottom';
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.fillStyle = ctx.strokeStyle = css('--text');
    ctx.lineWidth = ratio;
    ctx.setLineDash([]);
    for (const mark of view.marks) {
      const at = view.span === 'frames' ? mark.frame : mark.time.unix_ns / 1e9;
      if (at == null || at < plot.scales.x.min || at > plot.scales.x.max) continue;
      const x = plot.valToPos(at, 'x', true);
      ctx.globalAlpha = 0.7;
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.globalAlpha = 1;
      const text = `⚑ ${mark.text.length > 24 ? `${mark.text.slice(0, 23)}…` : mark.text}`;
      const needs = ctx.measureText(text).width + 6 * ratio;
      const isNearEnd = x + needs > left + width;
      const start = isNearEnd ? x - needs + 3 * ratio : x + 3 * ratio;
      if (start < free) continue;
      ctx.fillText(text, start, top + height - 2 * ratio);
      free = start + needs;
    }
    ctx.restore();
  };

  // Levels of a rule: lines where they are in sight. Of those above it the words stand below the legend.
  const drawLevels = (plot, levels) => {
    const { ctx } = plot;
    const { left, top, width } = plot.bbox;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.textAlign = 'left';
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    // What lies below a text would make it hard to read.
    const write = (text, x, y) => {
      const { width: wide } = ctx.measureText(text);
      const colour = ctx.fillStyle;
      ctx.fillStyle = css('--card');
      ctx.globalAlpha = 0.8;
      ctx.fillRect(x - 2 * ratio, ctx.textBaseline === 'top' ? y - ratio : y - 13 * ratio, wide + 4 * ratio, 14 * ratio);
      ctx.globalAlpha = 1;
      ctx.fillStyle = colour;
      ctx.fillText(text, x, y);
    };
    for (const level of levels) {
      if (level.value == null || level.value > plot.scales.y.max) continue;
      ctx.fillStyle = ctx.strokeStyle = css(level.colour);
      const y = plot.valToPos(level.value, 'y', true);
      ctx.lineWidth = ratio;
      ctx.setLineDash([6 * ratio, 4 * ratio]);
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y);
      ctx.stroke();
      // At the top are the signs of alerts.
      const isHigh = y - top < 30 * ratio;
      ctx.textBaseline = isHigh ? 'top' : 'bottom';
      write(`${level.name} above ${level.text}`, left + 4 * ratio, Math.max(y + (isHigh ? 2 : -2) * ratio, top + (isHigh ? 18 : 0) * ratio));
    }
    ctx.restore();
  };

  // What is between the moments that are compared.
  const drawRange = (plot, view) => {
    if (!view.range) return;
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const clamp = (x) => Math.min(Math.max(x, left), left + width);
    const [x0, x1] = view.range.map((at) => clamp(plot.valToPos(at, 'x', true)));
    ctx.save();
    ctx.fillStyle = css('--accent');
    ctx.globalAlpha = 0.14;
    ctx.fillRect(x0, top, x1 - x0, height);
    ctx.restore();
  };

  // The moments A and B: a line with a label each. Labels that would meet stand one above the other.
  const placePoints = (plot, view) => {
    const width = plot.over.clientWidth;
    let last = null;
    const points = Object.entries(view.points ?? {}).filter(([, at]) => at != null).sort((one, other) => one[1] - other[1]);
    for (const name of ['a', 'b']) {
      if (!points.some(([shown]) => shown === name)) plot.over.querySelector(`.point[data-point=${name}]`)?.remove();
    }
    for (const [name, at] of points) {
      let line = plot.over.querySelector(`.point[data-point=${name}]`);
      if (!line) {
        line = fp.element('div', { class: 'point', 'data-point': name }, fp.element('span'));
        plot.over.append(line);
      }
      const label = line.firstChild;
      const x = plot.valToPos(at, 'x');
      line.hidden = x < -1 || x > width + 1;
      line.style.left = `${Math.round(x)}px`;
      line.dataset.at = at;
      fp.setText(label, name.toUpperCase() + (view.at ? ` ${view.at(at)}` : ''));
      const needs = label.offsetWidth;
      line.classList.toggle('left', x + needs > width);
      const from = x + needs > width ? x - needs : x;
      line.classList.toggle('low', last !== null && from < last + 4);
      last = from + needs;
    }
  };

  const timeLabels = (plot, splits) => splits.map((at) => {
    const time = new Date(at * 1000).toLocaleTimeString('en-GB');
    return plot.scales.x.max - plot.scales.x.min > 7200 ? time.slice(0, 5) : time;
  });

  // Steps of an axis of bytes: powers of two, so that its labels are whole.
  const BYTE_STEPS = Array.from({ length: 44 }, (_, at) => 2 ** at);

  // Steps of an axis of counts: whole numbers.
  const COUNT_STEPS = Array.from({ length: 15 }, (_, at) => [1, 2, 5].map((step) => step * 10 ** at)).flat();

  const axes = (format, isFrames) => [
    {
      stroke: () => css('--faint'), grid: { stroke: () => css('--grid'), width: 1 }, ticks: { show: false }, font: fontOf(), size: 20, gap: 4, space: 70,
      values: isFrames ? (_, splits) => splits.map((at) => (Number.isInteger(at) ? fp.count(at) : '')) : timeLabels,
    },
    {
      stroke: () => css('--faint'), grid: { stroke: () => css('--grid'), width: 1 }, ticks: { show: false }, font: fontOf(), size: 68, gap: 6, space: 32,
      values: (_, splits) => splits.map((value) => (value ? format(value, splits.at(-1)).replace(/(\.\d*?)0+ /, '$1 ').replace('. ', ' ') : '0')),
      incrs: format === fp.bytes ? BYTE_STEPS : format === fp.perFrame ? COUNT_STEPS : undefined,
    },
  ];

  // The place of the time nearest to this one; -1 if there are none.
  const nearest = (times, time) => times.reduce((best, at, index) => (best < 0 || Math.abs(at - time) < Math.abs(times[best] - time) ? index : best), -1);

  // A chart in `#id`, with `series` of {name, colour, fill, width}. `perFrame` is the format in a view of frames, if it differs.
  class Chart {
    constructor(id, options) {
      this.root = document.getElementById(id);
      this.legend = document.getElementById(`${id}-legend`);
      this.options = options;
      this.view = { span: 'recent', log: [], range: null };
      this.data = [[]];
      this.key = '';
      if (options.levels) {
        this.above = fp.element('p', { class: 'levels' });
        this.legend.after(this.above);
      }
      all.push(this);
      new ResizeObserver(() => this.resize()).observe(this.root);
    }

    get format() {
      return (this.view.span === 'frames' && this.options.perFrame) || this.options.format;
    }

    size() {
      return { width: Math.max(this.root.clientWidth, 160), height: this.root.clientHeight };
    }

    resize() {
      if (this.plot) this.plot.setSize(this.size());
    }

    build(series) {
      if (this.plot) this.plot.destroy();
      const { options } = this;
      this.plot = new uPlot({
        ...this.size(),
        padding: [10, 28, 0, 0],
        ms: 1e-3,
        scales: {
          x: { time: this.view.span !== 'frames', range: () => this.xRange },
          y: { range: (_, low, high) => [0, options.most ? options.most(high || 0, this.view) : Math.max((high || 0) * 1.12, options.least || 1)] },
        },
        axes: axes(this.format, this.view.span === 'frames'),
        series: [{}, ...series.map((one) => ({
          label: one.name, stroke: () => css(one.colour), width: one.width ?? 1.5, points: { show: false }, spanGaps: false,
          fill: one.fill ? () => css(one.fill) : undefined,
          paths: one.stepped ? uPlot.paths.stepped({ align: -1 }) : undefined,
          dash: one.dash,
        }))],
        legend: { show: false },
        cursor: { sync: { key: sync.key, setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { size: 5 }, focus: { prox: -1 } },
        hooks: {
          draw: [(plot) => {
            drawAlerts(plot, this.view);
            if (options.levels) {
              const levels = options.levels(this.view);
              drawLevels(plot, levels);
              fp.setText(this.above, levels.filter(({ value }) => value > plot.scales.y.max).map(({ name, text }) => `↑ ${name} above ${text}`).join('  '));
            }
            drawMarks(plot, this.view);
            drawRange(plot, this.view);
            placePoints(plot, this.view);
          }],
          setCursor: [(plot) => {
            this.showLegend();
            options.hover?.(this, plot);
          }],
          setSelect: [(plot) => {
            if (plot.select.width < 4) return;
            const from = plot.posToVal(plot.select.left, 'x');
            const to = plot.posToVal(plot.select.left + plot.select.width, 'x');
            plot.setSelect({ width: 0, height: 0 }, false);
            fp.view.select([from, to]);
          }],
          ready: [(plot) => {
            plot.over.addEventListener('click', (event) => options.click?.(this, plot, event));
            plot.over.addEventListener('wheel', (event) => this.turn(plot, event), { passive: false });
            plot.over.addEventListener('mousemove', () => all.forEach((chart) => { chart.aimed = null; }));
          }],
        },
      }, this.data, this.root);
    }

    // With Ctrl or ⌘, as by pinching, the wheel zooms about the pointer; sideways or with Shift it moves the window. Else the page scrolls.
    turn(plot, event) {
      const isZoom = event.ctrlKey || event.metaKey;
      const across = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
      if (!isZoom && Math.abs(across) <= Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
      event.preventDefault();
      // A line of text or a page, in pixels.
      const unit = [1, 16, plot.over.clientWidth][event.deltaMode];
      this.turned = (this.turned ?? 0) + (isZoom ? event.deltaY : across) * unit;
      this.pointed = plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, 'x');
      if (this.turning) return;
      this.turning = requestAnimationFrame(() => {
        const { turned, pointed } = this;
        Object.assign(this, { turning: null, turned: 0 });
        if (isZoom) fp.view.zoom(Math.exp(Math.min(Math.max(turned, -400), 400) / 300), pointed);
        else fp.view.look(turned / plot.over.clientWidth);
      });
    }

    // Draws `series` with their `data` over the view's time axis.
    show(view, series, data, xRange) {
      this.view = view;
      this.xRange = xRange;
      this.data = data;
      this.series = series;
      const key = `${view.span === 'frames'} ${series.map((one) => one.name + one.colour).join()}`;
      if (key !== this.key || !this.plot) {
        this.key = key;
        this.build(series);
      } else {
        this.plot.setData(data);
      }
      // A line over time needs two samples.
      this.root.classList.toggle('without-data', data[0].length < (view.span === 'frames' ? 1 : 2));
      this.root.dataset.empty = data[0].length ? `Recorded since ${view.at(data[0][0])}, too short for a line here.` : 'Nothing recorded in this span yet.';
      if (this.aimed != null) this.aim(this.aimed < xRange[0] || this.aimed > xRange[1] ? null : this.aimed);
      this.showLegend();
    }

    // Sets the crosshair of all charts to a moment, which it follows; null takes it away.
    aim(at) {
      this.aimed = at;
      this.plot?.setCursor(at == null ? { left: -10, top: -10 } : { left: Math.max(0, this.plot.valToPos(at, 'x')), top: 0 }, true, true);
    }

    // The first sample in sight. One before it may be drawn, so that lines begin at the edge.
    first() {
      return Math.max(0, this.data[0].findIndex((time) => time >= this.xRange[0]));
    }

    // Moves the crosshair by samples, from the latest if there is none. Returns the sample.
    step(by) {
      const times = this.data[0];
      if (!times.length) return -1;
      const to = Math.min(Math.max(this.at() + by, this.first()), times.length - 1);
      this.aim(times[to]);
      return to;
    }

    at() {
      if (this.aimed != null) return nearest(this.data[0], this.aimed);
      const at = this.plot?.cursor.idx;
      return at == null || this.plot.cursor.left < 0 ? this.data[0].length - 1 : at;
    }

    showLegend() {
      if (!this.series) return;
      const at = this.at();
      if (this.legend.childElementCount !== this.series.length) {
        this.legend.replaceChildren(...this.series.map((one) => {
          const swatch = fp.element('i', { class: `swatch${one.dash ? ' dashed' : ''}` });
          swatch.style.setProperty('--colour', `var(${one.swatch ?? one.fill ?? one.colour})`);
          return fp.element('span', { title: one.help }, swatch, fp.element('span', {}, one.name), fp.element('b'));
        }));
      }
      this.series.forEach((one, index) => {
        const entry = this.legend.children[index];
        fp.setText(entry.children[1], one.name);
        entry.title = one.help ?? '';
        entry.children[0].style.setProperty('--colour', `var(${one.swatch ?? one.fill ?? one.colour})`);
        const value = (one.values ?? this.data[index + 1])?.[at];
        fp.setText(entry.lastChild, value == null ? '–' : this.format(value));
      });
    }
  }

  // The moment below the crosshair, in seconds or frames; null if there is none. All charts have it at the same moment.
  const crosshair = () => {
    const shown = all.filter(({ plot, aimed }) => plot && (aimed != null || plot.cursor.left >= 0));
    const chart = shown.find(({ aimed }) => aimed != null) ?? shown.find(({ plot }) => plot.over.matches(':hover')) ?? shown[0];
    if (!chart) return null;
    const at = chart.aimed ?? chart.plot.posToVal(chart.plot.cursor.left, 'x');
    return chart.view.span === 'frames' ? Math.round(at) : at;
  };

  const recolour = () => all.forEach((chart) => chart.plot?.redraw(false, true));

  return { Chart, all, crosshair, nearest, recolour, css };
})();
