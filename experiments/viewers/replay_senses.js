// The senses over time: a strip for each group, and, unfolded, one for each channel.
const HUES = ["#7cc7ff", "#ffc857", "#7ee0a1", "#f29ad4", "#ff9d5c", "#c9a0ff", "#9fd8c0", "#d8b48a", "#b8d86a", "#8fa8ff"];
const STANCES = {
  standing: "#2d6a4f", walking: "#3f9a72", running: "#57c796", crouching: "#3d5a80", stumbling: "#c98a1b", down: "#a83232", rising: "#8a5a83",
  red: "#d64545", green: "#3fa860", blue: "#4a7fe0", purple: "#9a5fd0", yellow: "#d8b93a", grey: "#8b94a8",
};
const ROW = 34, LINE = 15;  // pixels
const FAINT = .005;  // what is felt less than this is not felt
const onPaper = matchMedia("(prefers-color-scheme: light)");
// Colours were chosen for the dark; on a light page they are darkened until they can be read.
const tone = hex => onPaper.matches
  ? "#" + hex.match(/\w\w/g).map(part => Math.round(parseInt(part, 16) * .5).toString(16).padStart(2, "0")).join("") : hex;
const colour = name => name.startsWith("--") ? getComputedStyle(document.documentElement).getPropertyValue(name) : tone(name);
const words = text => (text || "").replaceAll("_", " ");

function make(tag, classes = "", text = "") {
  const element = document.createElement(tag);
  element.className = classes;
  element.textContent = text;
  return element;
}

// Fits a canvas to its place on the page, and returns a pen for it with its width and height.
function penOn(canvas) {
  const scale = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return [pen, width, height];
}

// 16-bit levels, as `packed` in strips.py writes them; a channel that never changes is one number.
function unpacked(channel, ticks) {
  if (typeof channel === "number") return new Float32Array(ticks).fill(channel);
  const bytes = Uint8Array.from(atob(channel.levels), letter => letter.charCodeAt(0));
  const levels = new Uint16Array(bytes.buffer);
  return Float32Array.from(levels, level => channel.least + channel.step * level);
}

class Senses {
  constructor(place, run) {
    this.place = place;
    this.stance = new Band(place, run.stance, stance => STANCES[stance.split(" ")[0]] || colour("--line"));
    this.intent = new Band(place, "intent", (_, change) => OUTCOMES[change.outcome.split(":")[0]] || "#7a849a");
    this.thinking = new Band(place, "thinking", thinks => thinks ? "#c9a0ff" : colour("--line"));
    let first = 0;
    this.groups = run.groups.map(group => new Group(place, group, (first += group.channels.length) - group.channels.length));
    this.marks = place.appendChild(make("canvas", "overlay"));
    this.playhead = place.appendChild(make("div", "playhead"));
  }

  open(episode) {
    this.episode = episode;
    this.last = Math.max(0, episode.ticks - 1);
    this.stance.open(episode.stances.map(([tick, what]) => ({ tick, what })));
    this.intent.open(episode.intents.map(intent => ({ ...intent, what: intent.words })));
    this.thinking.open(episode.thinking.map(([tick, what]) => ({ tick, what })));
    for (const group of this.groups) group.open(episode);
  }

  // What a channel is now, with its unit; empty where there is no such channel, or it never changes.
  value(name, tick) {
    const channel = this.groups.flatMap(group => group.channels).find(channel => channel.name === name);
    return !channel || channel.still ? "" : `${number(channel.data[Math.min(tick, this.last)])} ${channel.unit}`;
  }

  get thinks() { return this.episode.thinking.some(([, thinks]) => thinks); }

  // `length` is how many ticks the strips have room for: as many as the longer of two lives.
  draw(length, span) {
    this.length = length;
    for (const part of [this.stance, this.intent, this.thinking, ...this.groups]) part.draw(length, this.last);
    const [pen, width, height] = penOn(this.marks), x = tick => width * tick / Math.max(1, length);
    for (const event of this.episode.events) {
      pen.fillStyle = colour(EVENTS[event.kind] || HUES[0]) + (event.kind === "fall" ? "77" : "33");
      pen.fillRect(x(event.tick) - .5, 0, event.kind === "fall" ? 2 : 1, height);
    }
    if (!span) return;
    pen.fillStyle = colour("#7cc7ff") + "33";
    pen.fillRect(x(span[0]) - 2, 0, x(span[1]) - x(span[0]) + 4, height);
  }

  show(tick) {
    this.playhead.style.setProperty("--at", tick / Math.max(1, this.length));
    this.stance.show(words(this.stance.at(tick)?.what));
    const intent = this.intent.at(tick);
    this.intent.show([intent?.words, outcomeOf(intent, tick)].filter(text => text).join(": ") || "–");
    this.thinking.show(this.thinking.at(tick)?.what ? "thinking" : "–");
    for (const group of this.groups) group.show(tick);
  }
}

const OUTCOMES = { done: "#2d6a4f", failed: "#a83232" };
const outcomeOf = (intent, tick) => intent && intent.outcome && intent.until <= tick ? intent.outcome : "";

// What held from one change to the next, as coloured stretches.
class Band {
  constructor(place, name, hue) {
    this.row = place.appendChild(make("div", "row band"));
    this.row.append(make("span", "name", name), this.canvas = make("canvas"), this.value = make("span", "value"));
    this.hue = hue;
  }
  open(changes) { this.changes = changes; }
  at(tick) { return latest(this.changes, tick); }
  show(text) { this.value.textContent = text; }
  draw(length, last) {
    const [pen, width, height] = penOn(this.canvas), x = tick => width * tick / Math.max(1, length);
    this.changes.forEach((change, i) => {
      pen.fillStyle = this.hue(change.what, change);
      const end = i + 1 < this.changes.length ? this.changes[i + 1].tick : last;
      pen.fillRect(x(change.tick), 0, Math.max(1, x(end) - x(change.tick) - (change.words ? 1 : 0)), height);
    });
  }
}

class Group {
  constructor(place, group, first) {
    this.marks = group.marks;
    this.channels = group.channels.map((channel, i) => ({ ...channel, index: first + i, hue: HUES[i % HUES.length] }));
    this.short = this.channels.filter(channel => channel.in_short);
    const height = this.marks ? ROW : Math.max(ROW, this.short.length * LINE + 6);
    this.row = place.appendChild(make("div", "row group"));
    this.row.style.setProperty("--height", height + "px");
    this.fold = make("button", "name fold", group.title);
    this.fold.setAttribute("aria-expanded", "false");
    this.fold.onclick = () => {
      const detail = { title: group.title, open: !this.unfolded };  // the player folds it in both lives
      this.row.dispatchEvent(new CustomEvent("fold", { bubbles: true, detail }));
    };
    this.title = group.title;
    this.row.append(this.fold, this.canvas = make("canvas"), this.value = make("span", this.marks ? "value" : "value short"));
    this.each = place.appendChild(make("div", "each"));
    this.each.hidden = true;
    for (const channel of this.channels) {
      const row = this.each.appendChild(make("div", "row channel"));
      const value = make("span", "value");
      value.append(channel.value = make("span"), channel.extent = make("small"));
      row.append(make("span", "name", channel.name), channel.canvas = make("canvas"), value);
    }
  }

  get unfolded() { return !this.each.hidden; }
  set unfolded(open) {
    this.each.hidden = !open;
    this.fold.setAttribute("aria-expanded", String(open));
  }

  open(episode) {
    for (const channel of this.channels) {
      const kept = episode.felt[channel.index];
      channel.still = typeof kept === "number";
      channel.data = unpacked(kept, episode.ticks);
      const { least, most } = extent(channel.data);
      channel.least = Math.min(channel.range[0], least);
      channel.most = Math.max(channel.range[1], most);
      channel.extent.textContent = `${short(channel.least)} to ${short(channel.most)}`;
    }
  }
  get still() { return this.channels.every(channel => channel.still); }

  draw(length) {
    this.row.classList.toggle("still", this.alone);
    const [pen, width, height] = penOn(this.canvas);
    const high = height / this.channels.length;
    if (this.marks) this.channels.forEach((channel, i) => drawMarks(pen, channel, length, width, high * i, high, false));
    else for (const channel of this.short) drawCurve(pen, channel, length, width, height);
    if (!this.unfolded) return;
    for (const channel of this.channels) {
      const [pen, width, height] = penOn(channel.canvas);
      drawZero(pen, channel, width, height);
      if (this.marks) drawMarks(pen, channel, length, width, 2, height - 4, true);
      else drawCurve(pen, channel, length, width, height);
    }
  }

  show(tick) {
    const now = channel => channel.data[Math.min(tick, channel.data.length - 1)];
    if (this.alone) this.value.textContent = "unchanged";
    else if (this.marks) this.value.textContent = this.felt(now);
    else this.value.replaceChildren(...this.short.map(channel => {
      const line = make("span", "", `${channel.name} ${number(now(channel))} ${channel.unit}`);
      line.style.color = colour(channel.hue);
      return line;
    }));
    if (this.unfolded) for (const channel of this.channels) {
      channel.value.textContent = `${number(now(channel))} ${channel.unit}`;
      channel.value.style.color = channel.still ? "" : colour(channel.hue);
    }
  }
  // What is felt now, the strongest first.
  felt(now) {
    const felt = this.channels.filter(channel => now(channel) > FAINT).sort((one, other) => now(other) - now(one));
    return felt.map(channel => `${channel.name} ${number(now(channel))}`).join(", ") || "–";
  }
}

const short = value => String(Math.round(value * 100) / 100);
const number = value => (Math.round(value * 100) / 100 + 0).toFixed(2);

function extent(data) {
  let least = Infinity, most = -Infinity;
  for (const value of data) { if (value < least) least = value; if (value > most) most = value; }
  return { least, most };
}

// Of all ticks that fall on one column of pixels, the least and the most are drawn.
function columns(data, length, width, draw) {
  const perPixel = Math.max(1, length / Math.max(1, width));
  for (let from = 0; from < data.length; from += perPixel) {
    let least = Infinity, most = -Infinity;
    for (let t = Math.floor(from); t < Math.min(data.length, from + perPixel); t++) {
      if (data[t] < least) least = data[t];
      if (data[t] > most) most = data[t];
    }
    draw(width * Math.floor(from) / Math.max(1, length), least, most);
  }
}

function drawCurve(pen, channel, length, width, height) {
  const y = value => 3 + (height - 6) * (channel.most - value) / (channel.most - channel.least);
  pen.strokeStyle = channel.still ? colour("--quiet") : colour(channel.hue);
  pen.lineWidth = 1.4;
  pen.lineJoin = "round";
  pen.beginPath();
  columns(channel.data, length, width, (x, least, most) => {
    pen.lineTo(x, y(most));
    if (most > least) pen.lineTo(x, y(least));
  });
  pen.stroke();
}

// The more is felt, the more colour; tall marks grow, too. What goes on unchanged is one mark.
function drawMarks(pen, channel, length, width, top, height, tall) {
  const mark = (from, to, value) => {
    if (!(value > FAINT)) return;
    const share = Math.min(1, value / channel.most), high = tall ? height * share : Math.max(1.5, height - 1);
    pen.globalAlpha = tall ? 1 : .35 + .65 * share;
    pen.fillRect(from, top + height - high, Math.max(1.5, Math.min(to, width) - from), high);
  };
  let from = 0, value = 0;
  pen.fillStyle = colour(channel.hue);
  columns(channel.data, length, width, (x, _, most) => {
    if (most === value) return;
    mark(from, x, value);
    [from, value] = [x, most];
  });
  mark(from, width * channel.data.length / Math.max(1, length), value);
  pen.globalAlpha = 1;
}

function drawZero(pen, channel, width, height) {
  pen.fillStyle = colour("--line");
  pen.fillRect(0, channel.least < 0 ? 3 + (height - 6) * channel.most / (channel.most - channel.least) : height - 3, width, 1);
}
