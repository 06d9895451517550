// Charts of a result: price with fills, trades and the strategy's own lines, equity beside
// buy-and-hold, drawdown, exposure and leverage on one time axis; and charts of a few lines. The
// server sends at most 2,000 points a view with every extreme kept; zooming in asks for finer ones
// until a point is a bar. Everything shown here is also in the page's tables.

import { gapTimes, Hatching, holeAt, torn } from "./chart_holes.js";

const L = window.LightweightCharts;
const dark = matchMedia("(prefers-color-scheme: dark)");
const DAY_S = 86_400;
const LINE_DASHED = 2;
const WITH_STEPS = 1;
const MIN_BARS = 20; // what zooming in leaves
const CROWD = 120; // fills in view with which arrows become small and wordless
const UNSEEN_AREA = { lineColor: "transparent", topColor: "transparent", bottomColor: "transparent" };
const UNSEEN_SIDES = Object.fromEntries(["topLineColor", "topFillColor1", "topFillColor2", "bottomLineColor", "bottomFillColor1", "bottomFillColor2"].map((name) => [name, "transparent"]));
const formats = new Map();
// A number as the page's tables write it: grouped, with a true minus.
function text(value, digits = 2) {
  if (value === null || value === undefined) return "–";
  if (!formats.has(digits)) formats.set(digits, new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(digits).format(value).replace("-", "−");
}
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
const percent = (value) => (value === null || value === undefined ? "–" : text(value) + " %");
// Beside an axis a number has no more digits than tell it from its neighbours: of about ten between
// the lowest and the highest of what is loaded.
function axisDigits(columns, atMost) {
  let [low, high] = [Infinity, -Infinity];
  for (const column of columns) for (const value of column) if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
  return high > low ? Math.min(atMost, Math.max(0, 1 - Math.floor(Math.log10(high - low)))) : atMost;
}
const brief = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const axisNumber = (unit) => (value) => brief.format(Math.abs(value) < 0.005 ? 0 : value).replace("-", "−") + unit;
const axisPercent = axisNumber(" %");
const axisTimes = axisNumber("×");
const times = (value) => (value === null || value === undefined ? "–" : text(value) + "×");
const priceDigits = (price) => (price >= 1000 ? 2 : Math.min(10, Math.max(2, 5 - Math.floor(Math.log10(price || 1)))));
// A number of any size, short: what a strategy's own line may show.
function short(value) {
  const size = Math.abs(value ?? 0);
  if (value === null || value === undefined) return "–";
  if (size >= 1e15) return value.toExponential(2).replaceAll("-", "−");
  if (size >= 1e6) return compact.format(value).replace("-", "−");
  return text(value, size >= 100 || size === 0 ? 2 : Math.min(10, Math.max(2, 3 - Math.floor(Math.log10(size)))));
}
// How far a stretch of bars was exposed: one number, or the furthest to both sides.
function exposed(low, high) {
  if (low === null || low === undefined) return "–";
  const sides = [...(low < 0 ? [percent(low)] : []), ...(high > 0 ? ["+" + percent(high)] : [])];
  return sides.join(" / ") || percent(0);
}
const format = (formatter, minMove = 0.01) => ({ type: "custom", minMove, formatter });
const utc = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

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
const points = (time, values) => time.map((t, i) => (values[i] === null ? { time: t } : { time: t, value: values[i] }));
// Without a position there is no line to draw along zero.
const held = (time, values) => points(time, values).map((point) => (point.value === 0 ? { ...point, topLineColor: "transparent", bottomLineColor: "transparent" } : point));
// The library joins points over what is missing between them: before a gap the line turns invisible.
const gapped = (time, values) => time.map((t, i) => {
  if (values[i] === null) return { time: t };
  return i + 1 < values.length && values[i + 1] === null ? { time: t, value: values[i], color: "transparent" } : { time: t, value: values[i] };
});

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

// What every chart does: load a view, ask for finer points, zoom and move, show and hide lines.
// Those that can be hidden are the buttons of the legend.
class ZoomChart {
  constructor(element) {
    this.element = element;
    this.card = element.closest(".chart-card");
    this.legend = this.card.querySelector(".legend");
    this.note = this.card.querySelector("[data-chart-note]");
    this.lines = [...this.legend.querySelectorAll("[data-line]")].map((button) => ({ button, name: button.dataset.line, pane: +button.dataset.pane }));
    this.make();
    dark.addEventListener("change", () => { this.theme(); if (this.data) this.draw(this.data); });
    this.controls();
    this.load(null, null);
  }

  make() {
    this.chart = L.createChart(this.element, {
      autoSize: true,
      layout: { attributionLogo: false, panes: { enableResize: true }, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily },
      timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.05, rightOffset: 0 },
      localization: { timeFormatter: (t) => `${utc(t)} UTC` },
      crosshair: { mode: 0 },
      handleScroll: { vertTouchDrag: false },
    });
    this.titles = [];
    this.refilled = null;
    this.build({ priceLineVisible: false, lastValueVisible: false, crosshairMarkerRadius: 3 });
    this.hatchings = this.chart.panes().map((pane, i) => {
      const hatching = new Hatching(i === 0);
      pane.attachPrimitive(hatching);
      return hatching;
    });
    this.theme();
    this.chart.subscribeCrosshairMove((param) => this.readout(param));
    this.chart.timeScale().subscribeVisibleTimeRangeChange(() => { this.moved(); this.settle(); });
  }

  // What depends on how much is in view.
  settle() {}
  bands() { return []; }

  // A pane says in its corner what it shows.
  title(pane, name) { this.titles.push([L.createTextWatermark(this.chart.panes()[pane], { horzAlign: "left", vertAlign: "top", lines: [] }), name]); }

  theme() {
    const c = this.colors = palette(this.element);
    this.chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: c.muted, panes: { separatorColor: c.line, separatorHoverColor: c.line } },
      grid: { vertLines: { visible: false }, horzLines: { color: fade(c.line, 0.6) } },
      rightPriceScale: { borderColor: c.line, entireTextOnly: true }, timeScale: { borderColor: c.line },
      crosshair: { vertLine: { color: c["line-strong"], labelBackgroundColor: c.muted }, horzLine: { color: c["line-strong"], labelBackgroundColor: c.muted } },
    });
    for (const [mark, name] of this.titles) mark.applyOptions({ lines: [{ text: "\u00a0", fontSize: 3, lineHeight: 5 }, { text: name, color: c.muted, fontSize: 11, lineHeight: 14, fontFamily: getComputedStyle(document.body).fontFamily }] });
    for (const line of this.lines) line.series?.applyOptions({ color: this.colorOf(line) });
  }

  colorOf({ button }) { return getComputedStyle(button.querySelector(".key")).backgroundColor; }
  shown({ button }) { return button.getAttribute("aria-pressed") === "true"; }

  addLine(line, options, pane) {
    const dashed = line.button.querySelector(".key").classList.contains("dashed");
    line.series = this.chart.addSeries(L.LineSeries, { lineWidth: 1, lineStyle: dashed ? LINE_DASHED : 0, visible: this.shown(line), ...options }, pane);
  }

  async load(from, to) {
    const url = new URL(this.element.dataset.src, location);
    // What a chart shows first is nobody's news; what a move of the reader's did is.
    if (from !== null) this.note.setAttribute("aria-live", "polite");
    if (from !== null) { url.searchParams.set("start", Math.floor(from * 1000)); url.searchParams.set("end", Math.ceil(to * 1000)); url.searchParams.set("wide", "true"); }
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
    this.data = data;
    this.index = new Map(data.time.map((t, i) => [t, i]));
    this.gaps = this.gapsOf(data);
    // Every place on the time axis: those of the bars, and the room of the holes.
    this.slots = [...data.time, ...this.gaps.flat()].sort((a, b) => a - b);
    this.slot = new Map(this.slots.map((t, i) => [t, i]));
    this.draw(data);
    for (const hatching of this.hatchings) hatching.set(this.bands(), this.colors);
    this.readout({});
    if (!data.time.length) { this.note.textContent = "There are no bars in this view."; this.loading = false; return; }
    this.look(from === null ? null : { from: this.wanted?.from ?? from, to: this.wanted?.to ?? to });
    const per = data.bars_per_point;
    this.note.textContent = this.detail(data, per);
    Object.assign(this.element.dataset, { loaded: data.time.length, perPoint: per, from: data.time[0], to: data.time.at(-1) });
  }

  gapsOf() { return []; }

  // Turn to a range of time, or all of it, without taking that for a move of the reader's.
  look(range) {
    this.loading = true;
    if (range) this.chart.timeScale().setVisibleRange(range); else this.chart.timeScale().fitContent();
    requestAnimationFrame(() => requestAnimationFrame(() => { this.loading = false; }));
  }

  // Ask for finer points when the view became much smaller than what is loaded, or left it.
  moved() {
    if (this.loading || !this.data?.time.length) return;
    this.press(null);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const range = this.chart.timeScale().getVisibleRange();
      if (!range) return;
      const { data } = this;
      const [first, last] = [data.time[0], data.time.at(-1)];
      const span = range.to - range.from;
      const coarse = data.bars_per_point > 1 && span < 0.6 * (last - first);
      const outside = (range.from <= first && first * 1000 > data.first) || (range.to >= last && last * 1000 < data.last - data.bar_ms * data.bars_per_point);
      if (coarse || outside) {
        this.wanted = { from: range.from, to: range.to };
        this.load(range.from, range.to);
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
    // At once with what is there, so that a key pressed again moves on from here.
    if (low < this.slots.at(-1) && high > this.slots[0]) this.look(this.wanted);
    return this.load(low, high);
  }

  // The time at a place of the axis, which may lie between two and beyond those that are loaded.
  timeAt(place) {
    const { slots } = this;
    const at = Math.min(Math.max(place, 0), slots.length - 1);
    const low = Math.floor(at);
    const inside = slots[low] + (at - low) * ((slots[low + 1] ?? slots[low]) - slots[low]);
    return inside + ((place - at) * this.data.bar_ms * this.data.bars_per_point) / 1000;
  }

  // The places of the first and the last bar in view, whole ones.
  inView() {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const last = this.slots.length - 1;
    return range ? [Math.max(0, Math.ceil(range.from)), Math.min(last, Math.floor(range.to))] : [0, last];
  }

  // About the middle of the bars in view: the middle of the time may lie in a hole.
  zoom(factor) {
    const [from, to] = this.inView();
    const middle = (from + to) / 2;
    const half = Math.max(((to - from) / 2) * factor, MIN_BARS / 2 / this.data.bars_per_point);
    const [low, high] = [this.timeAt(middle - half), this.timeAt(middle + half)];
    const all = low <= this.data.first / 1000 && high >= (this.data.last - this.data.bar_ms * this.data.bars_per_point) / 1000;
    return all ? this.view(null, null) : this.view(low, high);
  }

  pan(part) {
    const [from, to] = this.inView();
    const step = Math.sign(part) * Math.max(1, Math.round((to - from) * Math.abs(part)));
    const [low, high] = [this.timeAt(from + step), this.timeAt(to + step)];
    if (low < this.data.first / 1000 || high > this.data.last / 1000 + 1) return;
    this.view(low, high);
  }

  press(pressed) {
    for (const button of this.card.querySelectorAll("[data-days]")) button.setAttribute("aria-pressed", button === pressed);
  }

  controls() {
    this.card.addEventListener("click", (event) => {
      const range = event.target.closest("[data-days]");
      if (range && this.data?.time.length) {
        const days = +range.dataset.days;
        this.press(range);
        if (days) this.view(this.data.last / 1000 - days * DAY_S, this.data.last / 1000);
        else this.view(null, null);
      }
      const button = event.target.closest("[data-line]");
      if (button) {
        const line = this.lines.find((item) => item.button === button);
        button.setAttribute("aria-pressed", !this.shown(line));
        this.toggled(line);
      }
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.data?.time.length) return;
      const act = { "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.view(null, null), ArrowLeft: () => this.pan(-0.25), ArrowRight: () => this.pan(0.25) }[event.key];
      if (act) { event.preventDefault(); this.press(null); act(); }
    });
  }

  toggled(line) { line.series?.applyOptions({ visible: this.shown(line) }); }

  write(key, words) { const slot = this.card.querySelector(`[data-key=${key}]`); if (slot) slot.textContent = words; }
}

class ResultChart extends ZoomChart {
  build(quiet) {
    const { chart } = this;
    this.futures = "leverage" in this.element.dataset;
    this.moneyDigits = +this.element.dataset.money; // as the account is written in the tables
    // Panes below the price exist while they show a line; the rest moves up or down for them.
    this.below = [...new Set(this.lines.filter((line) => line.pane && this.shown(line)).map((line) => line.pane))].sort((a, b) => a - b);
    this.price = chart.addSeries(L.CandlestickSeries, { ...quiet, borderVisible: false });
    this.volume = chart.addSeries(L.HistogramSeries, { ...quiet, priceScaleId: "volume", priceFormat: { type: "volume" } });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    const names = ["Price"];
    for (const line of this.lines) {
      line.series = null;
      if (line.pane === 0) this.addLine(line, quiet, 0);
      else if (this.below.includes(line.pane)) this.addLine(line, { ...quiet, priceFormat: format(short, 1e-10) }, 1 + this.below.indexOf(line.pane));
    }
    for (const pane of this.below) names.push(this.lines.filter((line) => line.pane === pane && this.shown(line)).map((line) => line.name).join(", "));
    const pane = (name) => names.push(name) - 1;
    const equity = pane("Equity and buy and hold");
    this.hold = chart.addSeries(L.LineSeries, { ...quiet, lineWidth: 1 }, equity);
    this.equity = chart.addSeries(L.LineSeries, { ...quiet, lineWidth: 2 }, equity);
    // Shaded between the curve and zero, where it is under water.
    this.drawdown = chart.addSeries(L.BaselineSeries, { ...quiet, lineWidth: 1, priceFormat: format(axisPercent), baseValue: { type: "price", price: 0 } }, pane("Drawdown"));
    const exposure = pane("Exposure, long above zero");
    const side = { ...quiet, lineWidth: 1, lineType: WITH_STEPS, priceFormat: format(axisPercent), baseValue: { type: "price", price: 0 } };
    this.long = chart.addSeries(L.BaselineSeries, side, exposure);
    this.short = chart.addSeries(L.BaselineSeries, side, exposure);
    if (this.futures) this.leverage = chart.addSeries(L.AreaSeries, { ...quiet, lineWidth: 1, lineType: WITH_STEPS, priceFormat: format(axisTimes) }, pane("Leverage"));
    this.markers = L.createSeriesMarkers(this.price, []);
    this.trips = new TripLines();
    this.price.attachPrimitive(this.trips);
    const heights = [5, ...this.below.map(() => 1.4), 2.2, 1.2, 1.3, 1];
    chart.panes().forEach((item, i) => item.setStretchFactor(heights[i]));
    // Room for the title of a small pane above its curve.
    for (const series of [this.drawdown, this.long, this.leverage]) series?.priceScale().applyOptions({ scaleMargins: { top: 0.3, bottom: 0.1 } });
    names.forEach((name, i) => this.title(i, name));
  }

  theme() {
    super.theme();
    const c = this.colors;
    this.price.applyOptions({ upColor: fade(c.gain, 0.75), downColor: fade(c.loss, 0.75), wickUpColor: c.gain, wickDownColor: c.loss });
    this.volume.applyOptions({ color: fade(c.muted, 0.7) });
    this.equity.applyOptions({ color: c.accent });
    this.hold.applyOptions({ color: c["line-strong"] });
    this.drawdown.applyOptions({ topLineColor: c.loss, bottomLineColor: c.loss, topFillColor1: "transparent", topFillColor2: "transparent", bottomFillColor1: fade(c.loss, 0.15), bottomFillColor2: fade(c.loss, 0.3) });
    // Each side draws its own half; at zero, and on the other side, it draws nothing.
    const [none, up, down] = ["transparent", c.gain, c.loss];
    this.long.applyOptions({ topLineColor: up, topFillColor1: fade(up, 0.3), topFillColor2: fade(up, 0.15), bottomLineColor: none, bottomFillColor1: none, bottomFillColor2: none });
    this.short.applyOptions({ bottomLineColor: down, bottomFillColor1: fade(down, 0.15), bottomFillColor2: fade(down, 0.3), topLineColor: none, topFillColor1: none, topFillColor2: none });
    this.leverage?.applyOptions({ lineColor: c.info, topColor: fade(c.info, 0.3), bottomColor: fade(c.info, 0.15) });
  }

  draw(data) {
    const { time } = data;
    const inDigits = (digits) => ({ priceFormat: format((v) => text(v, digits), 10 ** -digits) });
    this.priceDigits = time.length ? priceDigits(data.close.at(-1)) : 2;
    if (data.close.every((close) => close >= 1000 && Number.isInteger(close))) this.priceDigits = 0; // 60,000
    this.price.applyOptions(inDigits(axisDigits([data.low, data.high], this.priceDigits)));
    for (const line of [this.hold, this.equity]) line.applyOptions(inDigits(axisDigits([data.equity, data.hold], this.moneyDigits)));
    const candles = time.map((t, i) => ({ time: t, open: data.open[i], high: data.high[i], low: data.low[i], close: data.close[i] }));
    for (const gap of this.gaps) candles.push(...gap.map((t) => ({ time: t })));
    this.price.setData(candles.sort((a, b) => a.time - b.time));
    const { holes } = data;
    this.volume.setData(points(time, data.volume));
    this.equity.setData(torn(points(time, data.equity), holes));
    this.hold.setData(torn(points(time, data.hold), holes));
    this.drawdown.setData(torn(points(time, data.drawdown), holes, UNSEEN_SIDES));
    this.long.setData(torn(held(time, data.exposure_high), holes, UNSEEN_SIDES));
    this.short.setData(torn(held(time, data.exposure_low), holes, UNSEEN_SIDES));
    this.leverage?.setData(torn(points(time, data.leverage), holes, UNSEEN_AREA));
    for (const line of this.lines) line.series?.setData(torn(this.own(line, data), holes));
    this.refilled = null;
    this.settle();
    this.trips.set(data.trips, this.colors);
  }

  gapsOf(data) { return gapTimes(data.holes, data.time.length, data.bars_per_point); }
  bands() { return this.data.holes.map(([start, after], i) => [this.gaps[i][0], after, after - start]); }

  // Arrows and words are as large as the fills in view have room for.
  settle() {
    if (!this.data?.time.length) { this.markers?.setMarkers([]); return; }
    const view = this.inView();
    if (this.refilled === view.join()) return;
    this.refilled = view.join();
    this.markers.setMarkers(this.fills(this.data, view));
  }

  // A plot is joined from point to point; an indicator has a gap where it has no value.
  own({ name }, data) {
    if (name in data.plots) return data.plots[name].map(([time, value]) => ({ time, value }));
    return name in data.indicators ? gapped(data.time, data.indicators[name]) : [];
  }

  // Fills as arrows. Words stand beside those that have room for them.
  fills({ markers }, [from, to]) {
    const [first, last] = [this.slots[from], this.slots[to]];
    const crowded = markers.filter(([time]) => time >= first && time <= last).length > CROWD;
    this.element.dataset.arrows = crowded ? "small" : "large";
    const room = (to - from + 1) / 25;
    const made = markers.map((fill) => this.marker(fill, crowded));
    for (const side of ["aboveBar", "belowBar"]) {
      // At the edges half of the words would be cut off.
      let before = from - room / 2;
      for (const marker of made) {
        if (marker.position !== side || !marker.text) continue;
        const at = this.slot.get(marker.time);
        if (at - before < room || at > to - room / 2) marker.text = "";
        else before = at;
      }
    }
    return made;
  }

  marker([time, kind, count], crowded) {
    const c = this.colors;
    const words = crowded ? "" : kind === "liquidation" ? "liquidated" : count > 1 ? `${count}` : "";
    const size = crowded ? 0.4 : 1;
    const tint = (color) => (crowded ? fade(color, 0.55) : color); // what lies below shows through
    if (kind === "buy") return { time, position: "belowBar", shape: "arrowUp", color: tint(c.gain), text: words, size };
    if (kind === "sell") return { time, position: "aboveBar", shape: "arrowDown", color: tint(c.loss), text: words, size };
    return { time, position: "aboveBar", shape: "square", color: c.warn, text: words, size: 1 };
  }

  detail(data, per) {
    return per > 1
      ? `Each candle here holds ${per} bars of ${data.timeframe}; zoom in to see single bars.`
      : `Each candle is one bar of ${data.timeframe}.`;
  }

  readout(param) {
    const { data } = this;
    const hole = holeAt(data?.holes ?? [], param.time);
    if (!data?.time.length || hole) {
      for (const slot of this.card.querySelectorAll(".legend b")) slot.textContent = "–";
      this.write("time", hole ? `no bars ${utc(hole[0])} to ${utc(hole[1])} UTC` : "–");
      return;
    }
    const i = this.index.get(param.time) ?? data.time.length - 1;
    this.write("time", utc(data.time[i]) + " UTC");
    this.write("price", text(data.close[i], this.priceDigits));
    this.write("equity", text(data.equity[i], this.moneyDigits));
    this.write("hold", text(data.hold[i], this.moneyDigits));
    this.write("drawdown", percent(data.drawdown[i]));
    this.write("exposure", exposed(data.exposure_low[i], data.exposure_high[i]));
    this.write("leverage", times(data.leverage[i]));
    for (const { name, pane, button } of this.lines) {
      const value = name in data.plots ? data.plots[name].find(([t]) => t === data.time[i])?.[1] : data.indicators[name]?.[i];
      button.querySelector("b").textContent = pane ? short(value) : text(value, priceDigits(Math.abs(value ?? 0)));
    }
  }

  // A line below the price brings its pane along, so all panes are laid out anew.
  toggled(line) {
    if (!line.pane) return super.toggled(line);
    const range = this.chart.timeScale().getVisibleRange();
    const log = this.equity.priceScale().options().mode;
    this.loading = true;
    this.chart.remove();
    this.make();
    this.equity.priceScale().applyOptions({ mode: log });
    if (!this.data) return;
    this.draw(this.data);
    this.look(range);
  }

  controls() {
    super.controls();
    this.card.addEventListener("click", (event) => {
      const scale = event.target.closest("[data-log]");
      if (!scale) return;
      const on = scale.getAttribute("aria-pressed") !== "true";
      scale.setAttribute("aria-pressed", on);
      this.equity.priceScale().applyOptions({ mode: on ? 1 : 0 });
    });
    document.addEventListener("click", (event) => {
      const trip = event.target.closest("[data-chart-from]");
      if (!trip || !this.data) return;
      const [from, to] = [+trip.dataset.chartFrom / 1000, +trip.dataset.chartTo / 1000];
      const room = Math.max((to - from) * 0.6, (this.data.bar_ms / 1000) * 20);
      this.press(null);
      this.view(from - room, to + room);
      this.element.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      this.element.focus({ preventScroll: true });
    });
  }
}

// A few lines over time: runs beside each other, a figure of one run.
class LinesChart extends ZoomChart {
  build(quiet) {
    this.unit = "";
    const priceFormat = format((v) => axisNumber(this.unit)(v));
    for (const line of this.lines) this.addLine(line, { ...quiet, lineWidth: 2, priceFormat }, 0);
    this.zero = this.lines[0]?.series.createPriceLine({ price: 0, lineWidth: 1, lineStyle: 0, axisLabelVisible: false, color: "transparent" });
  }

  theme() {
    super.theme();
    this.zero?.applyOptions({ color: this.colors["line-strong"] });
  }

  draw(data) {
    this.unit = data.unit;
    for (const line of this.lines) line.series.setData(line.name in data.lines ? torn(points(data.time, data.lines[line.name]), data.holes[line.name]) : []);
  }

  // Hatched is what no line knows.
  bands() {
    const [first, ...others] = Object.values(this.data.holes);
    const shared = (first ?? []).filter(([start]) => others.every((holes) => holes.some((hole) => hole[0] <= start && start < hole[1])));
    return shared.flatMap(([start, after]) => {
      const at = this.data.time.findIndex((t) => t >= start);
      const to = this.data.time.findIndex((t) => t >= after);
      return at < 0 || to <= at ? [] : [[this.data.time[at], this.data.time[to], after - start]];
    });
  }

  detail(data, per) {
    const span = (ms) => (ms >= 864e5 ? `${text(ms / 864e5, ms % 864e5 ? 1 : 0)} d` : ms >= 36e5 ? `${text(ms / 36e5, ms % 36e5 ? 1 : 0)} h` : `${text(ms / 6e4, 0)} min`);
    return per > 1 ? `Each point here stands for ${span(per * data.bar_ms)}; zoom in to see every ${span(data.bar_ms)}.` : `A point every ${span(data.bar_ms)}.`;
  }

  readout(param) {
    const { data } = this;
    if (!data?.time.length) return;
    // Away from the chart it says the last that any line knows.
    const i = this.index.get(param.time) ?? Math.max(0, ...Object.values(data.lines).map((values) => values.findLastIndex((value) => value !== null)));
    this.write("time", utc(data.time[i]) + " UTC");
    for (const { name, button } of this.lines) {
      const value = this.valueAt(name, i);
      button.querySelector("b").textContent = value === null ? "–" : (this.unit && value > 0 ? "+" : "") + text(value) + this.unit;
    }
  }

  // A line of longer bars has no point at most of the others' times: its last one holds for as long
  // as one of its bars lasts. Beyond its end and in a hole it has no value.
  valueAt(name, i) {
    const { data } = this;
    const values = data.lines[name] ?? [];
    const last = (from) => { let at = from; while (at >= 0 && (values[at] ?? null) === null) at -= 1; return at; };
    const at = last(i);
    if (at < 0 || holeAt(data.holes[name], data.time[i])) return null;
    if (at === i) return values[i];
    const bar = at - last(at - 1);
    return last(at - 1) >= 0 && i - at >= bar && values.slice(i).every((value) => value === null) ? null : values[at];
  }
}

// On paper a chart is a picture of itself in the light scheme, as wide as the sheet. A canvas is
// drawn with the next frame, and printing waits for none; a picture of it is drawn at once.
function paper(on) {
  if (on === document.documentElement.classList.contains("on-paper")) return;
  document.documentElement.classList.toggle("on-paper", on);
  for (const picture of document.querySelectorAll(".printed")) picture.remove();
  for (const element of document.querySelectorAll("[data-ready][data-loaded]")) {
    const { chart } = element;
    chart.theme();
    chart.draw(chart.data);
    if (!on) continue;
    const picture = chart.chart.takeScreenshot();
    picture.className = "printed";
    picture.removeAttribute("style");
    element.after(picture);
  }
}
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));
matchMedia("print").addEventListener("change", ({ matches }) => paper(matches));

function start(root) {
  for (const element of root.querySelectorAll?.(".chart[data-src]:not([data-ready]), .lines-chart[data-src]:not([data-ready])") ?? []) {
    element.dataset.ready = "1";
    if (L) element.chart = element.classList.contains("lines-chart") ? new LinesChart(element) : new ResultChart(element);
  }
}
start(document);
document.addEventListener("htmx:load", (event) => start(event.target.parentNode ?? event.target));
