// What the avatar sees: bright on the map, and on its own as its 7x7 view.
const VIEW = 7, HERE = [3, 6];  // column and row of the avatar, which looks towards row 0
const FIRST_LETTER = "=".charCodeAt(0);  // as in shared.py
const UNSEEN_SHADE = "#2a285468", UNSEEN = "#0a0b10";

// The cells of a view, row by row from the farthest: object, color << 8 and state << 16; 0 is unseen.
const cellsOf = (run, word) => [...(word || "")].map(letter => run.cells[letter.charCodeAt(0) - FIRST_LETTER]);

// Where in the world the cells of a view are that are seen, as "x,y".
function seenPlaces([x, y, heading], view) {
  const [east, south] = TURNS[heading];
  return new Set(view.flatMap((cell, i) => {
    const ahead = HERE[1] - Math.floor(i / VIEW), right = i % VIEW - HERE[0];
    return cell & 255 ? [`${x + ahead * east - right * south},${y + ahead * south + right * east}`] : [];
  }));
}

function drawUnseen(pen, scene, grid, cell, view) {
  if (!view.length) return;
  const seen = seenPlaces(cell, view);
  pen.fillStyle = UNSEEN_SHADE;
  grid.forEach((row, y) => row.forEach((_, x) => {
    if (!seen.has(`${x + scene.left},${y + scene.top}`)) pen.fillRect(x, y, 1, 1);
  }));
}

// What a person looks at, as far aside as ahead.
function drawLooks(pen, scene, x, y, heading, skin) {
  if (!scene.sight) return;
  const far = scene.sight, light = pen.createLinearGradient(0, 0, far, 0);
  light.addColorStop(0, (SKINS[skin] || "#888888") + "66");
  light.addColorStop(1, (SKINS[skin] || "#888888") + "00");
  pen.save();
  pen.translate(x - scene.left + .5, y - scene.top + .5);
  pen.rotate(heading * Math.PI / 2);
  pen.fillStyle = light;
  pen.fill(new Path2D(`M0 0 ${far} ${-far} ${far} ${far}z`));
  pen.restore();
}

// The view, with the avatar below, looking up.
function drawView(pen, width, height, view, state) {
  const fine = pen.getTransform().a, size = Math.floor(Math.min(width, height) / VIEW * fine) / fine;
  pen.save();
  pen.translate(Math.round((width - size * VIEW) / 2 * fine) / fine, 0);
  pen.scale(size, size);
  view.forEach((cell, i) => drawSeen(pen, i % VIEW, Math.floor(i / VIEW), cell, state));
  drawAvatar(pen, HERE[0] + .5, HERE[1] + .5, { ...state, cell: [0, 0, 3] });
  pen.restore();
}

function drawSeen(pen, x, y, cell, truth) {
  const [kind, color, state] = [cell & 255, cell >> 8 & 255, cell >> 16];
  pen.fillStyle = UNSEEN;
  pen.fillRect(x, y, 1, 1);
  if (!kind) return;
  drawGround(pen, x, y, kind, truth);
  if (x === HERE[0] && y === HERE[1]) return;  // there it shows what is held
  const turned = kind === KIND.person && state < 4 ? (state - truth.cell[2] + 3) % 4 : 0;  // north is where it looks
  drawThing(pen, x + .5, y + .5, kind, color, state, turned);
}
