/** What can be said of a document's picture before it is sent: too small, dark, blurred, glare. All of it is advice. */

/** Pixels of the longer side at which pictures are looked at: the same numbers then mean the same. */
export const LOOKED_AT = 1024;

/** Pixels of the longer side below which small print is hard to read. */
const SMALL = 1000;
/** What the brightest twentieth has at least, of 255: a bright document may lie on a dark table. */
const DARK = 110;
/** The variance of the Laplacian that the sharpest places have at least. */
const BLURRED = 150;
/** From which value on, in all three colours, a pixel shows nothing any more. */
const BURNT = 250;
/** Shares of the picture: glare is a spot of some size, and no white sheet of paper. */
const GLARE = { least: 0.004, most: 0.25, paper: 0.35 };
/** Pixels of the tiles' sides. */
const TILE = 16;

/** @typedef {{ data: Uint8ClampedArray, width: number, height: number }} Pixels red, green, blue, alpha; row by row */

/**
 * Measure a picture whose longer side has `LOOKED_AT` pixels.
 *
 * @param {Pixels} pixels
 * @returns {{ brightness: number, sharpness: number, glare: number, burnt: number }} the last two are shares
 */
export function measure(pixels) {
  const grey = greyOf(pixels);
  const tiles = burntTiles(pixels);
  const count = Math.max(1, tiles.cells.length);
  const burnt = sum(tiles.cells);
  return {
    brightness: quantile(grey, 0.95),
    sharpness: sharpness(grey, pixels.width, pixels.height),
    burnt: burnt / count,
    glare: (burnt - touchingTheEdge(tiles)) / count,
  };
}

/**
 * Name what may be wrong with a picture.
 *
 * @param {{ width: number, height: number }} size before it was made smaller
 * @param {ReturnType<typeof measure>} measured
 * @returns {("small"|"dark"|"blurred"|"glare")[]}
 */
export function hintsOf(size, measured) {
  const shines = measured.glare >= GLARE.least && measured.glare <= GLARE.most && measured.burnt < GLARE.paper;
  /** @type {[boolean, "small"|"dark"|"blurred"|"glare"][]} */
  const all = [
    [Math.max(size.width, size.height) < SMALL, "small"],
    [measured.brightness < DARK, "dark"],
    // In the dark nothing is sharp; more light may be all that it needs.
    [measured.brightness >= DARK && measured.sharpness < BLURRED, "blurred"],
    [shines, "glare"],
  ];
  return all.filter(([holds]) => holds).map(([, name]) => name);
}

/** Luma of each pixel (ITU-R BT.601). @param {Pixels} pixels */
function greyOf({ data, width, height }) {
  const grey = new Uint8Array(width * height);
  for (let at = 0; at < grey.length; at += 1) {
    const [red = 0, green = 0, blue = 0] = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
    grey[at] = (299 * red + 587 * green + 114 * blue) / 1000;
  }
  return grey;
}

/** The value below which a share of them is. @param {Uint8Array} values @param {number} share */
function quantile(values, share) {
  const counts = new Uint32Array(256);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  let left = share * values.length;
  for (let value = 0; value < 256; value += 1) {
    left -= counts[value] ?? 0;
    if (left < 0) return value;
  }
  return 255;
}

/** Of the variances of the Laplacian in each square of four tiles by four the one that a twentieth surpasses. @param {Uint8Array} grey @param {number} width @param {number} height */
function sharpness(grey, width, height) {
  const side = 4 * TILE;
  const variances = [];
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      variances.push(varianceAt(grey, width, height, left, top, side));
    }
  }
  variances.sort((one, other) => one - other);
  return variances[Math.floor(variances.length * 0.95)] ?? 0;
}

/** @param {Uint8Array} grey @param {number} width @param {number} height @param {number} left @param {number} top @param {number} side */
function varianceAt(grey, width, height, left, top, side) {
  let count = 0;
  let total = 0;
  let squares = 0;
  for (let y = Math.max(1, top); y < Math.min(height - 1, top + side); y += 1) {
    for (let x = Math.max(1, left); x < Math.min(width - 1, left + side); x += 1) {
      const at = y * width + x;
      const value = 4 * (grey[at] ?? 0) - (grey[at - 1] ?? 0) - (grey[at + 1] ?? 0)
        - (grey[at - width] ?? 0) - (grey[at + width] ?? 0);
      count += 1;
      total += value;
      squares += value * value;
    }
  }
  return count === 0 ? 0 : squares / count - (total / count) ** 2;
}

/** Tiles in which nearly every pixel is white: 1 for each of them. @param {Pixels} pixels */
function burntTiles({ data, width, height }) {
  const columns = Math.floor(width / TILE);
  const rows = Math.floor(height / TILE);
  const cells = new Uint8Array(columns * rows);
  for (let cell = 0; cell < cells.length; cell += 1) {
    const first = Math.floor(cell / columns) * TILE * width + (cell % columns) * TILE;
    let white = 0;
    for (let at = 0; at < TILE * TILE; at += 1) {
      const place = 4 * (first + Math.floor(at / TILE) * width + (at % TILE));
      if (Math.min(data[place] ?? 0, data[place + 1] ?? 0, data[place + 2] ?? 0) >= BURNT) white += 1;
    }
    cells[cell] = white >= 0.95 * TILE * TILE ? 1 : 0;
  }
  return { cells, columns, rows };
}

/** How many of them hang together with the picture's edge: those are what it lies on. @param {{ cells: Uint8Array, columns: number, rows: number }} tiles */
function touchingTheEdge({ cells, columns, rows }) {
  const reached = new Uint8Array(cells.length);
  const left = [];
  for (let cell = 0; cell < cells.length; cell += 1) {
    const [x, y] = [cell % columns, Math.floor(cell / columns)];
    if (x === 0 || y === 0 || x === columns - 1 || y === rows - 1) left.push(cell);
  }
  for (let cell = left.pop(); cell !== undefined; cell = left.pop()) {
    if (!cells[cell] || reached[cell]) continue;
    reached[cell] = 1;
    const x = cell % columns;
    if (x > 0) left.push(cell - 1);
    if (x < columns - 1) left.push(cell + 1);
    if (cell >= columns) left.push(cell - columns);
    if (cell < cells.length - columns) left.push(cell + columns);
  }
  return sum(reached);
}

const sum = (/** @type {Uint8Array} */ values) => values.reduce((total, value) => total + value, 0);
