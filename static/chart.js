// The result chart: price with fills and trades, equity beside buy-and-hold, drawdown and exposure
// on one time axis. The server sends at most 2,000 points a view with every extreme kept; zooming in
// asks for finer ones until a point is a bar. Everything shown here is also in the page's tables.

const L = window.LightweightCharts;
const dark = matchMedia("(prefers-color-scheme: dark)");
const DAY_S = 86_400;
const nf = (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const two = nf(2);

// Canvas knows no CSS variables: ask the browser what each stands for in the scheme of the moment.
function palette(element) {
  const probe = document.createElement("i");
  element.append(probe);
  const read = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
  const names = ["ink", "muted", "line", "line-strong", "accent", "gain", "loss", "info", "warn", "surface"];
  const colors = Object.fromEntries(names.map((name) => [name, read(name)]));
  probe.remove();
  return colors;
}
const fade = (color, alpha) => color.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
const priceDigits = (price) => (price >= 1000 ? 2 : Math.min(8, Math.max(2, 5 - Math.floor(Math.log10(price || 1)))));
const utc = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

// Lines from entry to exit, drawn over the candles.
class TripLines {
  constructor() { this.trips = []; }
  attached({ chart, series, requestUpdate }) { Object.assign(this, { chart, series, requestUpdate }); }
  detached() { this.chart = null; }
  set(trips, colors) { this.trips = trips; this.colors = colors; this.requestUpdate?.(); }
  updateAllViews() {}
  paneViews() { return [{ zOrder: () => "top", renderer: () => ({ draw: (target) => this.draw(target) }) }]; }
  draw(target) {
    if (!this.chart) return;
    const scale = this.chart.timeScale();
    target.useMediaCoordinateSpace(({ context }) => {
      context.lineWidth = 1.5;
      context.setLineDash([4, 3]);
      for (const [t0, p0, t1, p1, gain] of this.trips) {
        const [x0, y0, x1, y1] = [scale.timeToCoordinate(t0), this.series.priceToCoordinate(p0), scale.timeToCoordinate(t1), this.series.priceToCoordinate(p1)];
        if ([x0, y0, x1, y1].some((v) => v === null)) continue;
        context.strokeStyle = gain ? this.colors.gain : this.colors.loss;
        context.beginPath();
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
        context.stroke();
      }
      context.setLineDash([]);
    });
  }
}

class ResultChart {
  constructor(element) {
    this.element = element;
    this.card = element.closest(".chart-card");
    this.legend = this.card.querySelector(".legend");
    this.note = this.card.querySelector("[data-chart-note]");
    this.build();
    this.controls();
    this.load(null, null);
  }

  build() {
    const chart = this.chart = L.createChart(this.element, {
      autoSize: true,
      layout: { attributionLogo: false, panes: { enableResize: true }, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily },
      timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.05, rightOffset: 0 },
      localization: { timeFormatter: (t) => `${utc(t)} UTC` },
      crosshair: { mode: 0 },
      handleScroll: { vertTouchDrag: false },
    });
    const quiet = { priceLineVisible: false, lastValueVisible: false, crosshairMarkerRadius: 3 };
    const money = { type: "custom", minMove: 0.01, formatter: (v) => two.format(v) };
    const percent = { type: "custom", minMove: 0.01, formatter: (v) => two.format(v) + " %" };
    this.price = chart.addSeries(L.CandlestickSeries, { ...quiet, borderVisible: false });
    this.volume = chart.addSeries(L.HistogramSeries, { ...quiet, priceScaleId: "volume", priceFormat: { type: "volume" } });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    this.hold = chart.addSeries(L.LineSeries, { ...quiet, lineWidth: 1, priceFormat: money }, 1);
    this.equity = chart.addSeries(L.LineSeries, { ...quiet, lineWidth: 2, priceFormat: money }, 1);
    this.drawdown = chart.addSeries(L.AreaSeries, { ...quiet, lineWidth: 1, priceFormat: percent, invertFilledArea: true }, 2);
    this.exposure = chart.addSeries(L.HistogramSeries, { ...quiet, priceFormat: { type: "custom", minMove: 0.01, formatter: (v) => two.format(v) + "×" } }, 3);
    this.markers = L.createSeriesMarkers(this.price, []);
    this.trips = new TripLines();
    this.price.attachPrimitive(this.trips);
    this.plots = new Map();
    chart.panes().forEach((pane, i) => pane.setStretchFactor([5, 2.4, 1.3, 1][i]));
    this.theme();
    dark.addEventListener("change", () => { this.theme(); if (this.data) this.draw(this.data); });
    chart.subscribeCrosshairMove((param) => this.readout(param));
    chart.timeScale().subscribeVisibleTimeRangeChange(() => this.moved());
  }

  theme() {
    const c = this.colors = palette(this.element);
    this.chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: c.muted, panes: { separatorColor: c.line, separatorHoverColor: c.line } },
      grid: { vertLines: { visible: false }, horzLines: { color: fade(c.line, 0.6) } },
      rightPriceScale: { borderColor: c.line }, timeScale: { borderColor: c.line },
      crosshair: { vertLine: { color: c["line-strong"], labelBackgroundColor: c.muted }, horzLine: { color: c["line-strong"], labelBackgroundColor: c.muted } },
    });
    this.price.applyOptions({ upColor: fade(c.gain, 0.75), downColor: fade(c.loss, 0.75), wickUpColor: c.gain, wickDownColor: c.loss });
    this.volume.applyOptions({ color: fade(c.muted, 0.25) });
    this.equity.applyOptions({ color: c.accent });
    this.hold.applyOptions({ color: c["line-strong"] });
    this.drawdown.applyOptions({ lineColor: c.loss, topColor: fade(c.loss, 0.05), bottomColor: fade(c.loss, 0.3) });
    this.exposure.applyOptions({ color: fade(c.info, 0.55) });
  }

  async load(from, to) {
    const url = new URL(this.element.dataset.src, location);
    if (from !== null) { url.searchParams.set("start", Math.floor(from * 1000)); url.searchParams.set("end", Math.ceil(to * 1000)); }
    this.request?.abort();
    const request = this.request = new AbortController();
    let data;
    try {
      const answer = await fetch(url, { signal: request.signal, headers: { accept: "application/json" } });
      if (!answer.ok) { this.note.textContent = "The chart data could not be loaded. Reload the page to try again."; return; }
      data = await answer.json();
    } catch (error) {
      if (error.name !== "AbortError") this.note.textContent = "The chart data could not be loaded: the server cannot be reached.";
      return;
    }
    this.show(data, from, to);
  }

  show(data, from, to) {
    this.loading = true;
    this.draw(data);
    if (!data.time.length) { this.note.textContent = "There are no bars in this view."; this.loading = false; return; }
    const scale = this.chart.timeScale();
    if (from === null) scale.fitContent();
    else scale.setVisibleRange({ from: this.wanted?.from ?? from, to: this.wanted?.to ?? to });
    requestAnimationFrame(() => requestAnimationFrame(() => { this.loading = false; }));
    const per = data.bars_per_point;
    this.note.textContent = per > 1
      ? `Each candle here holds ${per < 10 ? per.toFixed(1) : Math.round(per)} bars of ${data.timeframe}; zoom in to see single bars.`
      : `Each candle is one bar of ${data.timeframe}.`;
    Object.assign(this.element.dataset, { loaded: data.time.length, perPoint: per, from: data.time[0], to: data.time.at(-1) });
  }

  draw(data) {
    this.data = data;
    const { time } = data;
    const line = (values) => time.map((t, i) => (values[i] === null ? { time: t } : { time: t, value: values[i] }));
    const digits = priceDigits(data.close.at(-1));
    const grouped = nf(digits);
    this.price.applyOptions({ priceFormat: { type: "custom", minMove: 10 ** -digits, formatter: (v) => grouped.format(v) } });
    this.price.setData(time.map((t, i) => ({ time: t, open: data.open[i], high: data.high[i], low: data.low[i], close: data.close[i] })));
    this.volume.setData(line(data.volume));
    this.equity.setData(line(data.equity));
    this.hold.setData(line(data.hold));
    this.drawdown.setData(line(data.drawdown));
    this.exposure.setData(line(data.leverage));
    this.drawPlots(data.plots);
    const crowded = data.markers.length > 120;
    this.markers.setMarkers(data.markers.map((m) => this.marker(m, crowded)));
    this.trips.set(data.trips, this.colors);
    this.index = new Map(time.map((t, i) => [t, i]));
    this.readout({});
  }

  marker([time, kind, count], crowded) {
    const c = this.colors;
    const text = crowded ? "" : kind === "liquidation" ? "liquidated" : count > 1 ? `${count}` : "";
    const size = crowded ? 0.4 : 1;
    if (kind === "buy") return { time, position: "belowBar", shape: "arrowUp", color: c.gain, text, size };
    if (kind === "sell") return { time, position: "aboveBar", shape: "arrowDown", color: c.loss, text, size };
    return { time, position: "aboveBar", shape: "square", color: c.warn, text, size: 1 };
  }

  drawPlots(plots) {
    const hues = ["warn", "info", "accent", "muted", "loss", "gain"];
    const near = this.data.close.at(-1);
    for (const [i, [name, points]] of Object.entries(plots).entries()) {
      if (!this.plots.has(name)) {
        // A line of the price's own size belongs on its scale; anything else gets one of its own.
        const middle = points.length ? points[Math.floor(points.length / 2)][1] : near;
        const beside = middle > near / 5 && middle < near * 5;
        this.plots.set(name, this.chart.addSeries(L.LineSeries, {
          color: this.colors[hues[i % hues.length]], lineWidth: 1, priceLineVisible: false, lastValueVisible: false,
          ...(beside ? {} : { priceScaleId: "plot-" + name }),
        }));
      }
      this.plots.get(name).setData(points.map(([time, value]) => ({ time, value })));
    }
    for (const [name, series] of this.plots) if (!(name in plots)) series.setData([]);
    this.legend.querySelectorAll("[data-plot]").forEach((item) => item.remove());
    for (const [name, series] of this.plots) {
      const item = document.createElement("li");
      item.dataset.plot = name;
      const key = document.createElement("span");
      key.className = "key";
      key.style.background = series.options().color;
      item.append(key, name);
      this.legend.append(item);
    }
  }

  readout(param) {
    const { data } = this;
    if (!data?.time.length) return;
    const i = this.index.get(param.time) ?? data.time.length - 1;
    const show = (key, text) => { const slot = this.legend.querySelector(`[data-key=${key}]`); if (slot) slot.textContent = text; };
    const number = nf(priceDigits(data.close[i]));
    const money = (v) => (v === null || v === undefined ? "–" : two.format(v));
    show("time", utc(data.time[i]) + " UTC");
    show("price", number.format(data.close[i]));
    show("equity", money(data.equity[i]));
    show("hold", money(data.hold[i]));
    show("drawdown", data.drawdown[i] === null ? "–" : money(data.drawdown[i]).replace("-", "−") + " %");
    show("exposure", data.leverage[i] === null ? "–" : money(data.leverage[i]) + "×");
  }

  // Ask for finer points when the view became much smaller than what is loaded, or left it.
  moved() {
    if (this.loading || !this.data) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const range = this.chart.timeScale().getVisibleRange();
      if (!range) return;
      const { data } = this;
      const [first, last] = [data.time[0], data.time.at(-1)];
      const span = range.to - range.from;
      const coarse = data.bars_per_point > 1 && span < 0.6 * (last - first);
      const outside = (range.from <= first && first * 1000 > data.first) || (range.to >= last && last * 1000 < data.last - data.bar_ms);
      if (coarse || outside) {
        this.wanted = { from: range.from, to: range.to };
        this.load(range.from - span * 0.25, range.to + span * 0.25);
      }
    }, 120);
  }

  // from and to in seconds; the server is asked at once and the view follows.
  view(from, to) {
    clearTimeout(this.timer);
    if (from === null) { this.wanted = null; return this.load(null, null); }
    const low = Math.max(from, this.data.first / 1000);
    const high = Math.min(to, this.data.last / 1000);
    this.wanted = { from: low, to: high };
    const pad = (high - low) * 0.25;
    return this.load(low - pad, high + pad);
  }

  zoom(factor) {
    const range = this.chart.timeScale().getVisibleRange();
    const middle = (range.from + range.to) / 2;
    const half = Math.max(((range.to - range.from) / 2) * factor, (this.data.bar_ms / 1000) * 10);
    const whole = (this.data.last - this.data.first) / 1000;
    return half * 2 >= whole ? this.view(null, null) : this.view(middle - half, middle + half);
  }

  pan(part) {
    const range = this.chart.timeScale().getVisibleRange();
    const step = (range.to - range.from) * part;
    if (range.from + step < this.data.first / 1000 || range.to + step > this.data.last / 1000 + 1) return;
    this.view(range.from + step, range.to + step);
  }

  controls() {
    this.card.addEventListener("click", (event) => {
      const range = event.target.closest("[data-days]");
      const scale = event.target.closest("[data-log]");
      if (range && this.data) {
        const days = +range.dataset.days;
        for (const button of this.card.querySelectorAll("[data-days]")) button.setAttribute("aria-pressed", button === range);
        if (days) this.view(this.data.last / 1000 - days * DAY_S, this.data.last / 1000);
        else this.view(null, null);
      }
      if (scale) {
        const on = scale.getAttribute("aria-pressed") !== "true";
        scale.setAttribute("aria-pressed", on);
        this.equity.priceScale().applyOptions({ mode: on ? 1 : 0 });
      }
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
      const act = { "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.view(null, null), ArrowLeft: () => this.pan(-0.25), ArrowRight: () => this.pan(0.25) }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
    document.addEventListener("click", (event) => {
      const trip = event.target.closest("[data-chart-from]");
      if (!trip || !this.data) return;
      const [from, to] = [+trip.dataset.chartFrom / 1000, +trip.dataset.chartTo / 1000];
      const room = Math.max((to - from) * 0.6, (this.data.bar_ms / 1000) * 20);
      this.view(from - room, to + room);
      this.element.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      this.element.focus({ preventScroll: true });
    });
  }
}

function start(root) {
  for (const element of root.querySelectorAll?.(".chart[data-src]:not([data-ready])") ?? []) {
    element.dataset.ready = "1";
    if (L) { element.hidden = false; element.chart = new ResultChart(element); }
  }
}
start(document);
document.addEventListener("htmx:load", (event) => start(event.target.parentNode ?? event.target));
