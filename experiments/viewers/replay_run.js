// One run at one tick: its world, body, mind and events. What came from outside is set as text, never as markup.
const EVENTS = {
  fall: "#ff6b6b", stumble: "#ffc857", slip: "#ff9d5c", bump: "#ff9d5c", spill: "#c9a0ff",
  recovery: "#7ee0a1", arrival: "#7ee0a1", seen: "#f29ad4", lace_untied: "#d8b48a",
  lace_stepped_on: "#d8b48a", lace_tied: "#9fd8c0", picked_up: "#7cc7ff", put_down: "#7cc7ff",
  nothing_there: "#ff9d5c", refused: "#ff6b6b", still_full: "#ff6b6b", locked: "#ffc857",
  opened: "#7ee0a1", shut: "#9fd8c0", got_it: "#7cc7ff", blocked_by_wall: "#ff9d5c",
  blocked_by_door: "#ffc857", blocked_by_thing: "#f29ad4", made_ill: "#ff6b6b", burned: "#ff6b6b", collapsed: "#ff6b6b",
  gave_energy: "#7ee0a1", gave_protein: "#7ee0a1", gave_water: "#7ee0a1", heard: "#f29ad4",
};
const TALLEST = 1.05;  // height of the world by its width
const SHOWN_S = 1.2, SPOKEN_S = 4;  // how long an event is shown, and what is said
const TOTALS = ["tokens", "prompt_tokens", "seconds"];

class RunView {
  constructor(run, place, player) {
    this.run = run;
    this.player = player;
    this.part = name => place.querySelector(`[data-part=${name}]`);
    this.part("stance-name").textContent = run.stance;
    this.part("options").textContent = run.options || "";
    this.part("log-title").textContent = run.timed ? "events, in seconds lived" : "events";
    this.senses = new Senses(this.part("senses"), run);
    this.words = new Words(this.part("words-card"), this.part("rounds"), run, tick => this.lived(tick));
    this.part("to-words").onclick = () => this.part("words-card").scrollIntoView({ block: "start" });
  }

  // A time of the episode; seconds are those that were lived, not those on the clock of the machine.
  time(tick) { return this.run.timed ? (tick * this.run.tick_seconds).toFixed(1) + " s" : "tick " + tick; }
  lived(tick) { return this.time(tick) + (this.run.timed ? " lived" : ""); }

  open(index) {
    this.episode = this.run.episodes[index];
    this.last = Math.max(0, this.episode.ticks - 1);
    this.spoken = this.episode.decisions.filter(decision => decision.speech);
    const sum = Object.fromEntries(TOTALS.map(name => [name, 0]));
    this.totals = this.episode.decisions.map(decision => {
      for (const name of TOTALS) sum[name] += decision[name];
      return { ...sum };
    });
    this.decision = this.past = undefined;
    this.part("mission").textContent = this.episode.mission;
    this.hideWhatNeverIs();
    this.fillLog();
    this.senses.open(this.episode);
    this.words.open(this.episode);
  }

  // What has nothing to show in this episode is not drawn.
  hideWhatNeverIs() {
    const { emotions, intents, asked } = this.episode;
    this.part("emotion-part").hidden = !emotions.some(([, name]) => name);
    this.part("intent-part").hidden = !intents.length;
    this.part("to-words").hidden = !asked.length;
  }

  fillLog() {
    const noticed = this.episode.noticed.map(({ tick, what }) => ({ tick, words: `noticed: ${words(what)}` }));
    this.logged = [...this.episode.events, ...noticed].sort((one, other) => one.tick - other.tick);
    this.part("log").replaceChildren(...this.logged.map(event => {
      const row = make("button"), what = make("span", "", event.words);
      what.style.setProperty("--hue", event.kind ? tone(EVENTS[event.kind] || HUES[0]) : colour("--text"));
      row.append(make("time", "", this.time(event.tick)), what);
      row.onclick = () => this.player.move(event.tick);
      return row;
    }));
    this.part("log-card").hidden = !this.logged.length;
    this.past = undefined;
  }

  draw(length, span) { this.senses.draw(length, span); }

  show(wanted) {
    const tick = Math.min(this.last, wanted);
    this.drawBody(tick);
    this.showMind(tick);
    this.part("stance").textContent = words(held(this.episode.stances, tick));
    this.part("speed").textContent = this.senses.value("speed", tick);
    this.part("action").textContent = words(held(this.episode.actions, tick)) || "–";
    this.part("emotion").textContent = words(held(this.episode.emotions, tick)) || "–";
    this.showEvents(tick);
    this.senses.show(tick);
    this.words.show(tick);
  }

  // The last tick shows how it ended.
  drawBody(tick) {
    const state = stateAt(this.episode.states, tick === this.last ? tick + 1 : tick);
    if (!state.cell) return;
    const world = this.part("world"), grid = state.grid || this.episode.scene.grid;
    world.style.aspectRatio = 1 / Math.min(TALLEST, grid.length / grid[0].length);
    const view = cellsOf(this.run, held(this.episode.views, tick));
    this.placeBubble(drawWorld(...penOn(world), this.episode.scene, state, view), tick);
    drawView(...penOn(this.part("sight")), view, state);
    this.part("figure").hidden = !state.lean;
    if (state.lean) drawFigure(...penOn(this.part("figure")), this.episode.scene, state, colour("--quiet"));
  }

  // What is said stands above who says it, or below where there is no room.
  placeBubble({ x, y, size }, tick) {
    const bubble = this.part("bubble");
    bubble.textContent = this.saying(tick);
    bubble.hidden = !bubble.textContent;
    bubble.style.setProperty("--x", x + "px");
    bubble.style.setProperty("--y", y + "px");
    bubble.style.setProperty("--gap", size * .7 + "px");
    bubble.classList.toggle("below", y < this.part("world").clientHeight * .25);
  }
  saying(tick) {
    const spoken = latest(this.spoken, tick);
    return spoken && (tick - spoken.tick) * this.run.tick_seconds < SPOKEN_S ? spoken.speech : "";
  }

  showMind(tick) {
    const { decisions, intents } = this.episode, intent = latest(intents, tick);
    const ended = outcomeOf(intent, tick);
    this.part("intent").textContent = intent ? intent.words : words(held(this.episode.actions, tick));
    this.part("outcome").textContent = ended;
    this.part("outcome").className = "outcome " + ended.split(":")[0];
    this.part("speech").textContent = this.saying(tick);
    this.part("speech-part").hidden = !this.saying(tick);
    this.part("thinking").hidden = !held(this.episode.thinking, tick);
    const decision = latest(decisions, tick);
    if (decision === this.decision && tick) return;  // what follows changes only with a decision
    this.decision = decision;
    this.part("thought").textContent = decision ? decision.thought || decision.reason : "";
    this.part("thought-part").hidden = !this.part("thought").textContent;
    const goals = decision ? decision.goals : [];
    this.part("goals").replaceChildren(...goals.filter(goal => goal !== this.episode.mission).map(goal => make("li", "", goal)));
    this.part("cost").replaceChildren(...(decision ? this.cost(decision, this.totals[decisions.indexOf(decision)]) : []));
    this.part("memories").hidden = !decision?.memories.length;
    this.part("recalled").replaceChildren(...(decision ? decision.memories : []).map(one => this.memory(one)));
  }

  cost(decision, total) {
    const [began, thought] = latest(this.episode.thinking, decision.tick - 1, change => change[0]) || [];
    const ticks = thought ? decision.tick - began : 0, number = this.episode.decisions.indexOf(decision) + 1;
    const name = decision.attempts ? probabilityOf(decision.chosen) : "out of habit, which ends well in";
    const sure = decision.confidence === null ? "" : `${name} ${percent(decision.confidence)}`;
    const how = [sure, decision.attempts > 1 ? `${decision.attempts} replies` : "", decision.safe ? "no usable reply: fallback intent" : ""];
    return [
      [`decided at ${this.lived(decision.tick)}`, ...how.filter(text => text)].join(" · "),
      `cost: ${spent(decision)}` + (ticks ? `, while ${this.run.timed ? this.time(ticks) + " were" : ticks + " ticks were"} lived` : ""),
      `${number} ${number > 1 ? "decisions" : "decision"} so far: ${spent(total)}`,
    ].map(text => make("div", "", text));
  }

  // A memory of an episode that is on this page leads to the ticks that it is of.
  memory(recalled) {
    const item = make("li"), index = this.player.indexOf(recalled.episode);
    const what = item.appendChild(make(index < 0 ? "span" : "a", "", recalled.words));
    if (index < 0) return item;
    const [first, last] = recalled.ticks;
    what.href = `#e=${recalled.episode}&t=${first}`;
    what.onclick = event => { event.preventDefault(); this.player.leap(index, first, [first, last]); };
    item.append(make("small", "", ` episode ${recalled.episode}, ${this.time(first)}`));
    return item;
  }

  showEvents(tick) {
    const { events, outcome } = this.episode, now = latest(events, tick);
    const flash = this.part("flash"), fresh = events.slice(Math.max(0, events.indexOf(now) - 2), events.indexOf(now) + 1);
    flash.replaceChildren(...fresh.filter(event => (tick - event.tick) * this.run.tick_seconds < SHOWN_S).map(event => {
      const chip = make("span", "chip", event.words);
      chip.style.background = EVENTS[event.kind] || "";
      return chip;
    }));
    if (tick === this.last && outcome) flash.append(make("span", "chip end", `the end: ${outcome}`));
    const past = latest(this.logged, tick), count = this.logged.indexOf(past) + 1;
    if (past === this.past && this.past !== undefined) return;
    this.past = past;
    const log = this.part("log"), rows = [...log.children];
    rows.forEach((row, i) => row.classList.toggle("past", i < count));
    if (count) log.scrollTop = rows[count - 1].offsetTop - log.offsetTop - log.clientHeight / 2;
  }
}

const spent = cost => `${cost.tokens} tokens written, ${cost.prompt_tokens} read, ${cost.seconds.toFixed(2)} s on the clock`;
