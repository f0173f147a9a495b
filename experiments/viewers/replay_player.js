// One player for one run, or for two in step.
const at = id => document.getElementById(id);
const SPEEDS = [0.5, 1, 2, 4, 8, 16];

class Player {
  constructor(runs) {
    this.runs = runs;
    this.run = runs[0];
    document.body.classList.toggle("two", runs.length === 2);
    this.views = runs.map((run, i) => {
      const place = at("run").content.cloneNode(true).firstElementChild;
      place.dataset.name = "AB"[i];
      if (runs.length > 1) for (const part of place.querySelectorAll("section")) part.ariaLabel += " of " + place.dataset.name;
      at("runs").append(place);
      return new RunView(run, place, this);
    });
    this.speed = 1;
    this.playing = false;
    this.tick = 0;
  }

  // ---- Where we are ----

  open(index) {
    this.index = index;
    this.span = null;
    for (const view of this.views) view.open(index);
    this.last = Math.max(...this.views.map(view => view.last));
    this.moments = {
      event: this.all(episode => episode.events), decision: this.all(episode => episode.decisions),
      difference: this.views.length === 2 ? differences(...this.views.map(view => view.episode)) : [],
    };
    at("scrubber").max = this.last;
    [...at("episodes").children].forEach((button, i) => button.setAttribute("aria-pressed", i === index));
    this.describeDifference();
    this.shrinkWhatIsStill();
    this.draw();
    this.show(0);
  }
  all(listOf) { return this.views.flatMap(view => listOf(view.episode)).sort((one, other) => one.tick - other.tick); }
  indexOf(episode) { return this.run.episodes.findIndex(one => one.episode === episode); }

  // Rows in which nothing happens in either life are small, so that those of two lives stay level.
  shrinkWhatIsStill() {
    const senses = this.views.map(view => view.senses), thinks = senses.some(one => one.thinks);
    for (const one of senses) {
      one.thinking.row.hidden = !thinks;
      one.groups.forEach((group, i) => { group.alone = senses.every(other => other.groups[i]?.still ?? true); });
    }
  }

  show(wanted) {
    this.tick = Math.max(0, Math.min(this.last, wanted));
    at("scrubber").value = this.tick;
    const view = this.views[0], total = view.time(this.last).replace("tick ", "");
    const tick = this.run.timed ? ` lived · tick ${this.tick}` : "";  // elsewhere time is told in ticks
    at("clock").replaceChildren(make("b", "", view.time(this.tick)), ` of ${total}${tick}`);
    for (const view of this.views) view.show(this.tick);
  }

  draw() {
    for (const view of this.views) view.draw(this.last, this.span);
    this.drawTrack();
  }

  drawTrack() {
    const [pen, width] = penOn(at("marks"));
    const x = when => 8 + (width - 16) * when / Math.max(1, this.last);  // the thumb is 16 pixels wide
    if (this.span) {
      pen.fillStyle = colour("#7cc7ff") + "55";
      pen.fillRect(x(this.span[0]) - 3, 0, x(this.span[1]) - x(this.span[0]) + 6, 40);
    }
    this.views.forEach((view, i) => {
      pen.fillStyle = colour("--quiet");
      for (const decision of view.episode.decisions) pen.fillRect(x(decision.tick) - .5, 13 + 18 * i, 1, 4);
      for (const event of view.episode.events) {
        pen.fillStyle = tone(EVENTS[event.kind] || HUES[0]);
        pen.beginPath();
        pen.arc(x(event.tick), 6 + 18 * i, event.kind === "fall" ? 5 : 3.5, 0, 7);
        pen.fill();
      }
    });
    pen.fillStyle = colour("--text");
    for (const { tick } of this.moments.difference) pen.fillRect(x(tick) - 1, 0, 2, 40);
  }

  // ---- Moving ----

  play() {
    if (this.tick >= this.last) this.show(0);
    this.playing = true;
    this.since = { now: performance.now(), tick: this.tick };
    this.tellPlaying();
    requestAnimationFrame(now => this.step(now));
  }
  step(now) {
    if (!this.playing) return;
    const ticks = Math.floor((now - this.since.now) / 1000 / this.run.tick_seconds * this.speed);
    if (this.since.tick + ticks > this.tick) this.show(this.since.tick + ticks);
    if (this.tick >= this.last) this.pause(); else requestAnimationFrame(now => this.step(now));
  }
  pause() {
    this.playing = false;
    this.tellPlaying();
    this.tellAddress();
  }
  tellPlaying() {
    at("play").textContent = this.playing ? "❚❚" : "▶";
    at("play").setAttribute("aria-label", this.playing ? "pause" : "play");
  }
  toggle() { if (this.playing) this.pause(); else this.play(); }

  move(tick) {
    this.playing = false;
    this.show(tick);
    this.pause();
  }
  next(what, by = 1) {
    const ticks = this.moments[what].map(moment => moment.tick);
    const found = by > 0 ? ticks.find(tick => tick > this.tick) : ticks.findLast(tick => tick < this.tick);
    this.move(found ?? (by > 0 ? this.last : 0));
  }
  neighbour(by) { if (this.run.episodes[this.index + by]) this.leap(this.index + by, 0); }
  goTo(index, tick) {
    if (index !== this.index) this.open(index);
    this.move(tick);
  }
  // As a link would: the browser's way back leads to where we are.
  leap(index, tick, span = null) {
    this.pause();
    clearTimeout(this.telling);
    history.replaceState(null, "", this.address());
    history.pushState(null, "", `#e=${this.run.episodes[index].episode}&t=${tick}`);
    this.goTo(index, tick);
    this.span = span;
    this.draw();
  }

  hurry(by) {
    this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + by + SPEEDS.length) % SPEEDS.length];
    this.since = { now: performance.now(), tick: this.tick };
    at("speed").textContent = this.speed + "×";
    at("speed").setAttribute("aria-label", `speed ${this.speed}×`);
  }

  // ---- Links ----

  address() { return `#e=${this.run.episodes[this.index].episode}&t=${this.tick}`; }
  // The address in the browser names what is shown, once it has been shown for a moment.
  tellAddress() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => { if (!this.playing) history.replaceState(null, "", this.address()); }, 300);
  }

  // replay.html#e=2&t=42 is tick 42 of episode 2; without an episode, of the one that is open.
  follow() {
    const asked = new URLSearchParams(location.hash.slice(1)), number = asked.get("e");
    if (asked.has("live")) return this.followLife();
    if (number === null && !asked.has("t")) return;
    const index = number === null ? this.index : this.indexOf(Number(number));
    if (index >= 0) this.goTo(index, Math.floor(Number(asked.get("t"))) || 0);
  }

  // replay.html#live shows the newest tick, again and again, until the run is over or somebody moves.
  followLife() {
    this.open(this.run.episodes.length - 1);
    this.show(this.last);
    if (this.run.done) return;
    const coming = setTimeout(() => location.reload(), 2000);
    const stay = () => { clearTimeout(coming); history.replaceState(null, "", "#"); };
    for (const what of ["keydown", "pointerdown"]) addEventListener(what, stay, { once: true });
  }

  // ---- Two lives ----

  describeDifference() {
    const found = this.moments.difference, time = tick => this.views[0].time(tick);
    at("difference").hidden = at("next-difference").hidden = this.views.length < 2;
    const parted = found.map(one => `${one.what} differ from ${time(one.tick)} (${one.how})`).join(", ");
    const alike = found[0]?.tick ? `Alike until ${time(found[0].tick)}` : "Apart from the beginning";
    at("difference-words").textContent = found.length ? `${alike}: ${parted}.` : "The two lives are alike from beginning to end.";
  }
}

// Where two lists of [tick, value] part, before an end.
function parting(one, other, end) {
  const ticks = [...one, ...other].map(change => change[0]).filter(tick => tick < end).sort((a, b) => a - b);
  return ticks.find(tick => JSON.stringify(held(one, tick)) !== JSON.stringify(held(other, tick)));
}

// Where intents, motor commands, and what is true of body and world first differ, in order of time.
function differences(one, other) {
  const end = Math.min(one.ticks, other.ticks), both = say => `A: ${say(one)}; B: ${say(other)}`;
  const found = [];
  const note = (what, tick, say) => { if (tick < end) found.push({ what, tick, how: say(tick) }); };
  const intents = episode => episode.intents.map(intent => [intent.tick, intent.words]);
  note("intents", parting(intents(one), intents(other), end), tick => both(episode => held(intents(episode), tick) || "none"));
  note("motor commands", parting(one.actions, other.actions, end), tick => both(episode => words(held(episode.actions, tick))));
  const parts = Object.keys(one.states).map(name => ({ name, tick: parting(one.states[name], other.states[name] || [], end) }));
  const apart = Math.min(...parts.map(part => part.tick ?? Infinity));
  note("bodies and worlds", apart, () => parts.filter(part => part.tick === apart).map(part => part.name).join(", "));
  const last = one.ticks === other.ticks ? undefined : end - 1;
  note("ends", last, () => both(episode => `${episode.outcome || "going on"} in tick ${episode.ticks - 1}`));
  return found.sort((a, b) => a.tick - b.tick);
}

// ---- The page ----

const player = new Player(JSON.parse(at("story").textContent).runs);
const KEYS = {
  " ": () => player.toggle(), ArrowLeft: leap => player.move(player.tick - leap), ArrowRight: leap => player.move(player.tick + leap),
  Home: () => player.move(0), End: () => player.move(player.last),
  e: () => player.next("event"), E: () => player.next("event", -1), d: () => player.next("decision"), D: () => player.next("decision", -1),
  x: () => player.next("difference"), X: () => player.next("difference", -1),
  "[": () => player.neighbour(-1), "]": () => player.neighbour(1), "+": () => player.hurry(1), "-": () => player.hurry(-1),
  p: () => player.views[0].part("words-card").scrollIntoView(),
  u: () => unfold(null, !document.querySelector(".fold[aria-expanded=true]")),
  "?": () => at("help").open ? at("help").close() : at("help").showModal(),
};

function unfold(title, open) {
  for (const view of player.views) for (const group of view.senses.groups) if (!title || group.title === title) group.unfolded = open;
  player.draw();
  player.show(player.tick);
}

function seek(event) {
  if (!event.target.matches(".row canvas") || event.type === "pointermove" && !event.buttons) return;
  const box = event.target.getBoundingClientRect();
  player.move(Math.round((event.clientX - box.left) / box.width * player.last));
}

document.title = "Groundrush: " + player.run.title;
at("title").textContent = [...new Set(player.runs.map(run => run.title))].join(" beside ");
at("episodes").replaceChildren(...player.run.episodes.map((one, i) => {
  const button = make("button"), outcomes = player.runs.map(run => run.episodes[i].outcome);
  button.append(...outcomes.map(outcome => make("span", "dot " + outcome.replaceAll(" ", "-"))), `episode ${one.episode}`);
  button.title = outcomes.map(outcome => outcome || "going on").join(", ");
  button.onclick = () => player.leap(i, 0);
  return button;
}));
const CLICKS = {
  play: () => player.toggle(), back: () => player.move(player.tick - 1), on: () => player.move(player.tick + 1),
  "next-event": () => player.next("event"), "next-decision": () => player.next("decision"),
  "next-difference": () => player.next("difference"), speed: () => player.hurry(1),
  "show-help": KEYS["?"], "close-help": KEYS["?"], unfold: KEYS.u,
};
for (const [id, click] of Object.entries(CLICKS)) at(id).onclick = click;
at("scrubber").oninput = event => player.move(Number(event.target.value));
at("runs").addEventListener("fold", event => unfold(event.detail.title, event.detail.open));
at("runs").addEventListener("pointerdown", seek);
at("runs").addEventListener("pointermove", seek);
document.addEventListener("keydown", event => {
  if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && document.activeElement.matches("button:focus-visible")) return;  // that button is meant
  if (at("help").open && event.key !== "?") return;
  event.preventDefault();
  KEYS[event.key](event.shiftKey ? Math.round(1 / player.run.tick_seconds) : 1);
});
const redraw = () => { player.draw(); player.show(player.tick); };
addEventListener("resize", redraw);
onPaper.addEventListener("change", () => { for (const view of player.views) view.fillLog(); redraw(); });
addEventListener("hashchange", () => player.follow());
addEventListener("popstate", () => player.follow());
player.open(0);
player.follow();
