"use strict";
// Draws the world, and the body in it, from the recorded truth; numbers as in the vocabularies of `envs`.
const KIND = {
  empty: 1, wall: 2, floor: 3, door: 4, key: 5, ball: 6, box: 7, goal: 8, lava: 9, cable: 11, rug: 12, ice: 13,
  kerb: 14, rail: 15, cup: 16, table: 17, person: 18, wet: 19, gravel: 20, berry: 21, apple: 22, mushroom: 23, nut: 24,
  spring: 25, fire: 26, bed: 27,
};
const SKINS = ["#e54e52", "#42a55c", "#3e86e0", "#925acc", "#f3b52c", "#8b91a0"];
const POSTURES = ["standing", "crouching", "stumbling", "down", "rising"];
const DOORS = ["open", "closed", "locked"];
const TURNS = [[1, 0], [0, 1], [-1, 0], [0, -1]];  // east, south, west, north
const ink = { floor: "#f0e9dd", other: "#e3d9c6", wall: "#5c6682", dark: "#2b2f3d", jacket: "#14aca0", flesh: "#f3c8a5",
  hair: "#42302a", shoe: "#ff7e4c", metal: "#b9c0cf", hurt: "#ee5253", wood: "#78543a", earth: "#8a6c4c",
  hedge: "#3a703e", grass: "#a6cc80", meadow: "#9ec477" };

// The last item of a list, in order of time, that is not later than a tick, by halving; or undefined.
function latest(list, when, timeOf = item => item.tick) {
  let low = -1, high = list.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (timeOf(list[middle]) <= when) low = middle; else high = middle - 1;
  }
  return list[low];
}
const held = (changes, when) => latest(changes, when, change => change[0])?.[1];  // [[tick, value], ...]
const stateAt = (states, when) => Object.fromEntries(Object.entries(states).map(([name, changes]) => [name, held(changes, when)]));

// What is in view is bright, as in the film. Returns where the avatar is on the canvas, and how wide a cell is.
function drawWorld(pen, width, height, scene, state, view) {
  const grid = state.grid || scene.grid, rows = grid.length, columns = grid[0].length;
  const fine = pen.getTransform().a, size = Math.floor(Math.min(width / columns, height / rows) * fine) / fine;
  const middle = (room, taken) => Math.round((room - taken * size) / 2 * fine) / fine;
  const left = middle(width, columns), top = middle(height, rows);
  pen.save();  // a cell is a whole number of pixels of the screen, so that its edges are sharp
  pen.translate(left, top);
  pen.scale(size, size);  // from here on a cell is 1 wide
  grid.forEach((row, y) => row.forEach((cell, x) => drawGround(pen, x, y, cell & 255, state)));
  const ripe = ripeAt(scene, state);
  grid.forEach((row, y) => row.forEach((cell, x) => drawThing(pen, x + .5, y + .5, cell & 255, cell >> 8 & 255, ripe[[x, y]] ?? cell >> 16)));
  const things = (scene.things || []).map((thing, slot) => [...thing, ...state.things[slot]]).filter(([kind, , x, y]) => kind && (x || y));
  for (const [kind, skin, x, y, heading] of things) if (kind === KIND.person) drawLooks(pen, scene, x, y, heading, skin);
  drawUnseen(pen, scene, grid, state.cell, view);
  for (const [kind, skin, x, y, heading, mood] of things) drawThing(pen, x - scene.left + .5, y - scene.top + .5, kind, skin, mood, heading);
  const [x, y] = placeOf(scene, state);
  drawAvatar(pen, x, y, state);
  if (state.night) drawNight(pen, grid);
  pen.restore();
  return { x: left + x * size, y: top + y * size, size };
}

// How many fruits are ripe, by "x,y" of the plant in the grid.
const ripeAt = (scene, state) => Object.fromEntries((scene.plants || []).map(([x, y], i) => [[x - scene.left, y - scene.top], state.ripe[i]]));

// The dark lies over all but what the fire shines on.
function drawNight(pen, grid) {
  const y = grid.findIndex(row => row.some(cell => (cell & 255) === KIND.fire)), x = grid[y]?.findIndex(cell => (cell & 255) === KIND.fire);
  const dark = pen.createRadialGradient(x + .5, y + .5, .6, x + .5, y + .5, 3.6);
  if (y < 0) return;
  dark.addColorStop(0, "#ffb04622");
  dark.addColorStop(1, "#0a103088");
  pen.fillStyle = dark;
  pen.fillRect(0, 0, grid[0].length, grid.length);
}

// `one` with a share (0 to 1) of `other` in it.
const mixed = (one, other, share) => `color-mix(in srgb, ${other} ${share * 100}%, ${one})`;
const darker = (colour, share) => mixed(colour, "#181628", share);

function drawGround(pen, x, y, kind, state) {
  const [wall, floor, other] = state.ripe ? [ink.hedge, ink.grass, ink.meadow] : [ink.wall, ink.floor, ink.other];  // where plants are is outdoors
  pen.fillStyle = kind === KIND.wall || kind === 0 ? wall : (x + y) % 2 ? floor : other;
  pen.fillRect(x, y, 1, 1);
  if (kind !== KIND.wall) return;
  pen.fillStyle = "#00000030";
  pen.fillRect(x, y + .72, 1, .28);
}

const line = (pen, colour, wide, ...points) => {
  pen.strokeStyle = colour;
  pen.lineWidth = wide;
  pen.beginPath();
  points.forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
  pen.stroke();
};
const oval = (pen, colour, x, y, across, down = across) => {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.ellipse(x, y, across, down, 0, 0, 7);
  pen.fill();
};
const slab = (pen, colour, x, y, wide, high, round = .06) => {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.roundRect(x - wide / 2, y - high / 2, wide, high, round);
  pen.fill();
};

const DRAWN = {
  [KIND.cable]: (pen, colour) => line(pen, colour, .09, [-.5, .08], [-.25, -.08], [0, .08], [.25, -.08], [.5, .08]),
  [KIND.rug]: (pen, colour) => { slab(pen, colour, 0, 0, .96, .96); slab(pen, "#ffffff55", 0, 0, .7, .7); },
  [KIND.ice]: (pen, colour) => {
    slab(pen, mixed("#d6eefa", colour, .38), 0, 0, .98, .98, .15); line(pen, "#fff", .05, [-.3, .1], [0, -.2]); line(pen, "#fff", .05, [0, .3], [.25, .05]);
  },
  [KIND.kerb]: (pen, colour) => { slab(pen, "#9a958c", 0, 0, .98, .98, .04); slab(pen, colour, 0, 0, .98, .24, .02); },
  [KIND.wet]: (pen, colour) => { oval(pen, mixed("#78b2d6", colour, .55), -.05, 0, .44, .36); oval(pen, "#ffffff88", -.15, -.12, .1, .05); },
  [KIND.gravel]: (pen, colour) => {
    const stone = mixed("#968e84", colour, .5), shaded = darker(stone, .2);
    for (let i = 0; i < 14; i++) oval(pen, i % 2 ? shaded : stone, (i * .37 % .8) - .4, (i * .61 % .8) - .4, .07, .06);
  },
  [KIND.rail]: (pen, colour) => { slab(pen, darker(colour, .45), 0, 0, .14, .5); slab(pen, colour, 0, 0, .98, .18); slab(pen, "#fff8", 0, -.04, .9, .04); },
  [KIND.table]: (pen, colour) => {
    slab(pen, darker(colour, .5), 0, .05, .9, .84, .12); slab(pen, mixed(colour, "#d6a068", .18), 0, -.03, .9, .8, .12); slab(pen, "#fff3", 0, -.03, .74, .64, .08);
  },
  [KIND.ball]: (pen, colour) => { oval(pen, "#0003", .03, .08, .3); oval(pen, colour, 0, 0, .3); oval(pen, "#fff8", -.1, -.1, .08); },
  [KIND.box]: (pen, colour) => { slab(pen, colour, 0, 0, .62, .62); slab(pen, "#fff9", 0, 0, .62, .08, 0); slab(pen, "#0002", 0, .25, .62, .12, 0); },
  [KIND.key]: (pen, colour) => {
    line(pen, colour, .1, [0, -.1], [0, .34]); line(pen, colour, .08, [0, .3], [.16, .3]); line(pen, colour, .08, [0, .16], [.12, .16]);
    oval(pen, colour, 0, -.18, .17); oval(pen, ink.floor, 0, -.18, .07);
  },
  [KIND.cup]: (pen, colour) => { oval(pen, colour, 0, 0, .2); oval(pen, "#fff", 0, 0, .14); oval(pen, "#7a4b2a", 0, 0, .11); },
  [KIND.goal]: (pen, colour) => {
    slab(pen, colour, 0, 0, .92, .92, .2); slab(pen, mixed(colour, "#fff", .68), 0, 0, .8, .8, .15);
    line(pen, ink.dark, .06, [-.12, .3], [-.12, -.3]);
    pen.fillStyle = colour;
    pen.fill(new Path2D("M-.1-.32 .3-.18 -.1-.02z"));
  },
  [KIND.floor]: (pen, colour) => slab(pen, mixed(colour, ink.floor, .5), 0, 0, .96, .96, .02),
  [KIND.lava]: pen => slab(pen, "#ff8820", 0, 0, 1, 1, 0),
  [KIND.door]: (pen, colour, state) => {
    if (DOORS[state] === "open") { slab(pen, colour, -.42, 0, .14, .96, .03); return; }
    slab(pen, colour, 0, 0, .96, .96);
    slab(pen, "#0004", 0, 0, .74, .74);
    slab(pen, DOORS[state] === "locked" ? "#ffc857" : "#fff", .24, 0, .1, DOORS[state] === "locked" ? .3 : .1, .03);
  },
  [KIND.berry]: (pen, colour, ripe) => {
    for (const [x, y] of [[0, -.16], [-.2, .08], [.2, .08]]) oval(pen, leaf(ripe), x, y, .27);
    bear(pen, colour, ripe, .1);
  },
  [KIND.apple]: (pen, colour, ripe) => { slab(pen, ink.wood, 0, .42, .12, .2); oval(pen, leaf(ripe), 0, 0, .46, .43); bear(pen, colour, ripe, .13); },
  [KIND.mushroom]: (pen, colour, ripe) => {
    oval(pen, ink.earth, 0, .06, .46, .36);
    for (const [x, y] of FRUITS.slice(0, ripe)) { slab(pen, "#ece2ce", x, y + .08, .12, .2); oval(pen, colour, x, y - .03, .19, .12); }
    if (!ripe) bear(pen, colour, 0);
  },
  [KIND.nut]: (pen, colour, ripe) => {
    for (let i = 0; i < 6; i++) line(pen, leaf(ripe), .15, [0, 0], [.4 * Math.cos(i * 1.047), .4 * Math.sin(i * 1.047)]);
    bear(pen, colour, ripe, .12);
  },
  [KIND.spring]: pen => { oval(pen, ink.metal, 0, 0, .46, .42); oval(pen, "#60b0e8", 0, 0, .36, .32); oval(pen, "#fff9", -.1, -.12, .12, .05); },
  [KIND.fire]: pen => {
    oval(pen, "#ffaa4644", 0, 0, .49); oval(pen, ink.dark, 0, .1, .32, .26);
    for (const [colour, size] of [["#ff7830", 1], ["#ffb038", .7], ["#ffec96", .36]]) {
      oval(pen, colour, 0, .1, .24 * size); pen.fill(new Path2D(`M${-.23 * size} .05 0 ${-.5 * size} ${.23 * size} .05z`));
    }
  },
  [KIND.bed]: (pen, colour) => { slab(pen, ink.wood, 0, 0, .84, .94, .1); slab(pen, "#f4f0e6", 0, 0, .72, .82); slab(pen, colour, 0, .14, .72, .54); },
  [KIND.person]: (pen, colour, state, heading) => {
    pen.rotate((heading || 0) * Math.PI / 2);  // they face east
    oval(pen, "#0003", .03, .05, .26, .42); oval(pen, colour, 0, 0, .22, .4); oval(pen, ink.flesh, .05, 0, .19); oval(pen, ink.hair, -.01, 0, .18, .19);
    pen.rotate(-(heading || 0) * Math.PI / 2);
    if (state === 4) says(pen, "ha");
    if (state === 5) says(pen, "?");
  },
};
// What is ripe on a plant; a bare one wears a ring in its colour.
const FRUITS = [[-.2, -.12], [.2, -.12], [0, .2]];
const leaf = ripe => ripe ? "#4a8c46" : "#7d8050";
function bear(pen, colour, ripe, size) {
  for (const [x, y] of FRUITS.slice(0, ripe)) { oval(pen, "#fffb", x, y, size + .03); oval(pen, colour, x, y, size); }
  if (!ripe) { oval(pen, colour, 0, 0, .15); oval(pen, leaf(ripe), 0, 0, .08); }
}
function says(pen, words) {
  pen.font = ".34px sans-serif";
  slab(pen, "#fff", .3, -.46, .16 + .2 * words.length, .38, .12);
  pen.fillStyle = ink.dark;
  pen.fillText(words, .3 - .1 * words.length, -.36);
}

function drawThing(pen, x, y, kind, skin, state, heading) {
  if (!DRAWN[kind]) return;
  pen.save();
  pen.translate(x, y);
  DRAWN[kind](pen, SKINS[skin] || "#888", state, heading);
  pen.restore();
}

// Where the avatar is, in cells from the corner of the scene; it may be on its way to the next one.
function placeOf(scene, state) {
  const [x, y, heading] = state.cell, on = state.progress || 0;
  return [x - scene.left + .5 + TURNS[heading][0] * on, y - scene.top + .5 + TURNS[heading][1] * on];
}

// Seen from above. Who has no posture, as in babyai, stands.
function drawAvatar(pen, x, y, state) {
  const heading = state.cell[2], [forward, right] = state.lean || [0, 0];
  pen.save();
  pen.translate(x, y);
  pen.rotate(heading * Math.PI / 2);
  oval(pen, "#14aca033", 0, 0, .62);
  const down = POSTURES[state.posture] === "down", step = state.foot || 0, lean = down ? .34 : forward * .9;
  for (const side of [-1, 1]) {
    slab(pen, ink.shoe, down ? -.5 : (side === step ? .1 : -.1), side * .14, .26, .13);
    if (state.laces && state.laces[(side + 1) / 2] > .9) line(pen, "#fff", .03, [0, side * .14], [-.2, side * .3]);
  }
  if (down) slab(pen, "#34405c", -.2, 0, .5, .3);
  oval(pen, ink.jacket, lean, right * .9, down ? .26 : .19, .36);
  oval(pen, ink.flesh, lean + (down ? .4 : .1), right * 1.2, .17);
  oval(pen, ink.hair, lean + (down ? .42 : .04), right * 1.2, .16, .17);
  if (state.held && DRAWN[state.held[0]]) {
    pen.translate(lean + .42, .26);
    pen.scale(.6, .6);
    DRAWN[state.held[0]](pen, SKINS[state.held[1]] || "#888", 0, 0);
  }
  pen.restore();
}

// The body from its right side, as it stands or lies, each part the redder the more it hurts, beside its
// balance: where it leans, within the line beyond which it falls.
function drawFigure(pen, width, height, scene, state, text) {
  const [forward, right] = state.lean, [ahead, side] = scene.fall_at, unit = Math.min(height / 2.3, width / 3.6);
  const posture = POSTURES[state.posture], [feet, knees, hands, hips, head] = state.pain;
  const sore = (pain, colour) => pain > .02 ? `color-mix(in srgb, ${ink.hurt} ${Math.min(100, 30 + pain * 140)}%, ${colour})` : colour;
  const tilt = { down: Math.PI / 2, rising: .8 }[posture] ?? Math.max(-1.2, Math.min(1.2, forward / ahead * .7));
  const flat = posture === "down" ? 0 : tilt;  // feet stay on the ground, however the body leans
  const crouch = posture === "crouching" || posture === "rising" ? .18 : 0;
  pen.save();
  pen.translate(width * .3, height - 14);
  line(pen, text, 1, [-width * .26, 0], [width * .26, 0]);
  pen.scale(unit, unit);
  if (posture === "down") pen.translate(-.85, -.08);
  pen.rotate(tilt);
  pen.lineCap = "round";
  const hip = [-crouch, -.9 + crouch * 1.5], shoulder = [crouch * .3, -1.45 + crouch * 1.5];
  for (const spread of [-.12, .12]) {
    const knee = [crouch + spread / 2 + .04, -.47 + crouch * .4];
    const foot = [spread * Math.cos(flat) - .06 * Math.sin(flat), -spread * Math.sin(flat) - .06 * Math.cos(flat)];
    line(pen, "#6b7fae", .13, hip, knee, foot);
    oval(pen, sore(knees, "#6b7fae"), ...knee, .09);
    pen.save();
    pen.translate(...foot);
    pen.rotate(-flat);
    slab(pen, sore(feet, ink.shoe), .06, .01, .26, .1, .05);
    pen.restore();
  }
  line(pen, ink.jacket, .24, hip, shoulder);
  if (state.ill) oval(pen, ink.hurt, (hip[0] + shoulder[0]) / 2 + .05, (hip[1] + shoulder[1]) / 2, .09);
  oval(pen, sore(hips, "#6b7fae"), ...hip, .13);
  const hand = [shoulder[0] + .28, shoulder[1] + .45];
  line(pen, ink.jacket, .1, shoulder, [shoulder[0] + .1, shoulder[1] + .3], hand);
  oval(pen, sore(hands, ink.flesh), ...hand, .08);
  oval(pen, sore(head, ink.flesh), shoulder[0] + .06, shoulder[1] - .26, .17);
  pen.restore();
  pen.save();
  pen.translate(width * .79, height / 2);
  const scale = Math.min((height / 2 - 16) / ahead, width * .2 / side), over = Math.hypot(forward / ahead, right / side) > 1;
  pen.strokeStyle = over ? ink.hurt : text;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.ellipse(0, 0, side * scale, ahead * scale, 0, 0, 7);
  pen.stroke();
  line(pen, text, .5, [-6, 0], [6, 0]);
  line(pen, text, .5, [0, -6], [0, 6]);
  const reach = Math.min(1, 1.15 / Math.max(.01, Math.hypot(forward / ahead, right / side)));
  oval(pen, over ? ink.hurt : ink.jacket, right * scale * reach, -forward * scale * reach, 6);
  pen.restore();
}
