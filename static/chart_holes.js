// Holes in the history, as `[first missing second, second of the bar after, bars missing]`: they get
// room on the time axis, hatching, and no line is drawn over them.

const MOST_ROOM = 0.04; // of the bars in view, for each hole
const DAY_S = 86_400;
const HATCH_PX = 8;
const LABEL_PX = 44;

// Times without a bar that give each hole its room, at most as much as it lasted.
export function gapTimes(holes, points, perPoint) {
  const most = Math.max(1, Math.floor(points * MOST_ROOM));
  return holes.map(([start, after, bars]) => {
    const count = Math.min(most, Math.max(1, Math.round(bars / perPoint)));
    return Array.from({ length: count }, (_, i) => start + Math.floor((i * (after - start)) / count));
  });
}

// Points of a line with the last one before each hole drawn as `unseen`: what joins it to the next.
export function torn(points, holes, unseen = { color: "transparent" }) {
  if (!holes.length) return points;
  const made = [...points];
  let next = 0;
  let last = -1;
  for (let i = 0; i < made.length; i += 1) {
    if (made[i].value === undefined) continue;
    let crossed = false;
    while (next < holes.length && holes[next][1] <= made[i].time) { next += 1; crossed = true; }
    if (crossed && last >= 0) made[last] = { ...made[last], ...unseen };
    last = i;
  }
  return made;
}

export const holeAt = (holes, time) => holes.find(([start, after]) => start <= time && time < after);

export function lasted(seconds) {
  if (seconds >= DAY_S) return `${Math.round(seconds / DAY_S).toLocaleString("en-US")} d`;
  return seconds >= 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 60)} min`;
}

// The hatching, one to a pane. `words`: whether it says how long each hole lasted.
export class Hatching {
  constructor(words) { this.words = words; this.bands = []; }
  attached({ chart, requestUpdate }) { Object.assign(this, { chart, requestUpdate }); }
  detached() { this.chart = null; }
  // Bands are `[first time of the gap on the axis, time of the bar after, seconds]`.
  set(bands, colors) { Object.assign(this, { bands, colors }); this.requestUpdate?.(); }
  updateAllViews() {}
  paneViews() { return [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) }]; }
  draw(target) {
    if (!this.chart || !this.bands.length) return;
    const scale = this.chart.timeScale();
    const half = scale.options().barSpacing / 2;
    target.useMediaCoordinateSpace(({ context, mediaSize: { width, height } }) => {
      for (const [from, to, seconds] of this.bands) {
        const [left, right] = [scale.timeToCoordinate(from), scale.timeToCoordinate(to)];
        if (left === null || right === null) continue;
        const [x0, x1] = [Math.max(0, left - half), Math.min(width, Math.max(right - half, left - half + 2))];
        if (x1 <= x0) continue;
        this.hatch(context, x0, x1, height);
        if (this.words && x1 - x0 >= LABEL_PX) {
          context.fillStyle = this.colors.loss;
          context.font = "600 11px sans-serif";
          context.textAlign = "center";
          context.fillText(lasted(seconds), (x0 + x1) / 2, 34);
        }
      }
    });
  }

  hatch(context, x0, x1, height) {
    context.save();
    context.beginPath();
    context.rect(x0, 0, x1 - x0, height);
    context.clip();
    context.globalAlpha = 0.12;
    context.fillStyle = this.colors.loss;
    context.fillRect(x0, 0, x1 - x0, height);
    context.globalAlpha = 0.45;
    context.strokeStyle = this.colors.loss;
    context.lineWidth = 1;
    context.beginPath();
    for (let x = x0 - height; x < x1; x += HATCH_PX) { context.moveTo(x, height); context.lineTo(x + height, 0); }
    context.stroke();
    context.restore();
  }
}
