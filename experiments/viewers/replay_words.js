// What a language model was asked for a decision and what it replied, whole: each round of it. All of it is set as text.
const USER_TURN = "\n\n[user]\n";

class Words {
  constructor(card, place, run, time) {
    this.card = card;
    this.place = place;
    this.run = run;
    this.time = time;
    this.unfolded = false;  // whether what is the same every time is shown
  }

  open(episode) {
    this.episode = episode;
    this.card.hidden = !episode.asked.length;
    this.shown = null;
  }

  show(tick) {
    const asked = latest(this.episode.asked, tick);
    if (asked === this.shown) return;
    this.shown = asked;
    this.place.replaceChildren(...(asked ? this.rounds(asked) : [make("p", "cost", "no decision has been made yet")]));
  }

  rounds(asked) {
    const { decisions } = this.episode, index = decisions.findIndex(one => one.tick === asked.tick);
    const when = this.time(asked.tick);
    const which = index < 0 ? `asked before ${when}, when a fall or the end of the episode put an end to it; no decision came of it`
      : `decision ${index + 1} of ${decisions.length}, which took effect at ${when}`;
    let before = "";
    const rounds = asked.rounds.map((round, i) => {
      const prompt = this.text(round.prompt), part = this.round(round, prompt, before, i, asked.rounds.length);
      before = prompt;
      return part;
    });
    const weighed = decisions[index]?.weighed;
    return [make("p", "cost", which), ...rounds, ...(weighed ? imagined(weighed) : [])];
  }

  text(numbers) {
    const lines = numbers.flatMap(one => typeof one === "number" ? one : Array.from({ length: one[1] - one[0] + 1 }, (_, i) => one[0] + i));
    return lines.map(number => this.run.lines[number]).join("\n");
  }

  round(round, prompt, before, i, count) {
    const part = make("div", "round"), asked = make("div"), replied = make("div");
    const cost = make("p", "cost", [`round ${i + 1} of ${count}`, ...costs(round)].join(" · "));
    const known = knownPart(prompt, before), reply = round.error ? `no reply: ${round.error}` : round.reply;
    asked.append(make("h2", "", "prompt"));
    if (known) asked.append(this.folded(known, before ? `as in round ${i}` : "system message"));
    asked.append(block(prompt.slice(known.length).trimStart() || "not kept", `prompt of round ${i + 1}`));
    replied.append(make("h2", "", "reply"), block(reply, `reply of round ${i + 1}`));
    if (round.choices) replied.append(make("h2", "", `what it chose from, ${round.choices} in all`), offered(round));
    part.append(cost, asked, replied);
    return part;
  }

  folded(text, title) {
    const details = make("details");
    details.open = this.unfolded;
    details.ontoggle = () => { this.unfolded = details.open; };
    details.append(make("summary", "", `${title}, ${text.length} characters`), block(text, title));
    return details;
  }
}

// The beginning of a prompt that need not be read each time: the round before, or the system message.
function knownPart(prompt, before) {
  if (before && prompt.startsWith(before)) return before;
  const end = prompt.startsWith("[system]") ? prompt.indexOf(USER_TURN) : 0;
  return prompt.slice(0, Math.max(0, end));
}

function block(text, label) {
  const block = make("pre", "", text);
  block.tabIndex = 0;
  block.setAttribute("role", "group");
  block.ariaLabel = label;
  return block;
}

// The most probable choices, each with a bar of its probability.
function offered(round) {
  const list = make("ol", "offered");
  list.append(...round.offered.map(([answer, probability]) => {
    const item = make("li"), bar = make("span", "share");
    bar.style.setProperty("--share", probability);
    item.append(make("span", "", percent(probability)), bar, make("span", "", answer));
    return item;
  }));
  return list;
}

// The best choices after what would come of each was imagined, and by how much the drive would drop.
function imagined(weighed) {
  const list = make("ol", "offered");
  list.append(...weighed.map(([answer, probability, worth]) => {
    const item = make("li"), bar = make("span", "share");
    bar.style.setProperty("--share", probability);
    const signed = `${worth < 0 ? "\u2212" : "+"}${Math.abs(worth).toFixed(3)}`;
    item.append(make("span", "", percent(probability)), bar, make("span", "", `${answer} (worth ${signed})`));
    return item;
  }));
  return [make("h2", "", "weighed by what it imagined would come of each"), list];
}

const costs = round => [
  `${round.prompt_tokens} tokens read`, `${round.tokens} written`, `${round.seconds.toFixed(2)} s on the clock`,
  round.probability === null ? "" : `${probabilityOf(round.choices)} ${percent(round.probability)}`,
  round.error || round.finish === "stop" ? "" : `broken off: ${round.finish}`,
].filter(text => text);
const probabilityOf = chosen => chosen ? "probability among the choices" : "mean token probability";
const percent = share => `${Math.round(share * 100)}%`;
