// The latents of seeds, as kerasgan.seeds draws them with NumPy: Philox, and the inverse normal distribution function.
//
//   import { draw } from "./latents.js";
//   const z = draw(facts.prior, [7, 8], 0.5);  // Float32Array of 2 * dim numbers, row after row

const SALT = 0x78b3fadc;                        // CRC-32 of ('sample', 'latents'), what the numbers are for
const SCRAMBLER = [0x3ec8f720, 0x02461e29];     // the key with which TensorFlow makes a key of a seed
const MULTIPLIERS = [0xd2511f53n, 0xcd9e8d57n]; // of Philox 4x32, as are these
const WEYL = [0x9e3779b9, 0xbb67ae85];
const LARGEST = 9;                              // P(|z| > 9) is below the last bit of 1
const PRIORS = {
  Normal: (prior, uniforms, bound) => normals(uniforms, bound),
  Uniform: (prior, uniforms, bound) => uniforms.map((u) => (2 * u - 1) * Math.min(bound, 1)),
  ScaledTruncatedNormal: (prior, uniforms, bound) =>
    Float32Array.from(normals(uniforms, Math.fround(prior.bound))).map((x) => x * Math.fround(Math.min(bound, 1))),
  GaussianMixture: mixture,
};

/**
 * Latents of seeds.
 *
 * prior: the prior of a file's facts, {prior: "Normal", dim: 128} or with more.
 * seeds: safe integers or BigInts of 64 bits, one an image.
 * truncation: bound on |z|, one for all; Infinity for none.
 *
 * Returns a Float32Array of seeds.length * prior.dim numbers, row after row.
 */
export function draw(prior, seeds, truncation = Infinity) {
  return rows(prior, seeds.map((seed) => uniform(seed, columns(prior))), truncation);
}

/**
 * Latents on the way from a seed's to another's; each is one of the prior's like any other.
 *
 * prior, truncation: as of `draw`.
 * seed, toSeed: the seeds at the ends.
 * positions: numbers in [0, 1], one an image; 0 is `seed`, 1 is `toSeed`.
 *
 * Returns a Float32Array of positions.length * prior.dim numbers, row after row.
 */
export function drawBetween(prior, seed, toSeed, positions, truncation = Infinity) {
  const [starts, ends] = [seed, toSeed].map((one) => uniform(one, columns(prior)));
  const way = (position) => {
    const angle = (BigInt(seed) === BigInt(toSeed) ? 0 : Math.fround(position)) * (Math.PI / 2);
    return starts.map((start, i) => {
      const mixed = Math.cos(angle) * normal(2 * start - 1) + Math.sin(angle) * normal(2 * ends[i] - 1);
      return Math.min(Math.max(0.5 + chance(mixed), 2 ** -33), 1 - 2 ** -33);
    });
  };
  return rows(prior, positions.map(way), truncation);
}

/** Uniform numbers of a seed, strictly between 0 and 1: a Float64Array. */
export function uniform(seed, count) {
  const bits = BigInt.asUintN(64, BigInt(seed));
  const words = [Number(bits & 0xffffffffn), Number(bits >> 32n), SALT, 0];
  const mixed = philox(words, SCRAMBLER);
  const numbers = new Float64Array(count);
  for (let block = 0; 4 * block < count; block++) {
    const drawn = philox([block, 0, mixed[2], mixed[3]], [mixed[0], mixed[1]]);
    for (let i = 0; i < 4 && 4 * block + i < count; i++) numbers[4 * block + i] = ((drawn[i] | 0) + 2 ** 31 + 0.5) / 2 ** 32;
  }
  return numbers;
}

function rows(prior, uniforms, truncation) {
  if (!Object.hasOwn(PRIORS, prior.prior)) throw new Error(`prior: expected one of ${Object.keys(PRIORS).join(", ")}; got ${prior.prior}`);
  if (!(truncation > 0)) throw new Error(`truncation: expected a positive number or Infinity; got ${truncation}`);
  const latents = new Float32Array(uniforms.length * prior.dim);
  uniforms.forEach((row, i) => latents.set(PRIORS[prior.prior](prior, row, Math.fround(truncation)), i * prior.dim));
  return latents;
}

function columns(prior) {  // uniform numbers that a latent takes
  return prior.dim + (prior.prior === "GaussianMixture" ? 1 : 0);
}

function mixture(prior, uniforms, bound) {
  const count = prior.means.length;
  let component = Math.floor(uniforms[0] * count);
  if (prior.weights) {  // learned: by the inverse distribution function
    const largest = Math.max(...prior.weights);
    const powers = Float32Array.from(prior.weights, (weight) => Math.exp(weight - largest));
    const sum = Math.fround(powers.reduce((total, power) => total + power, 0));
    let end = 0;
    component = powers.slice(0, -1).filter((power) => uniforms[0] >= (end += Math.fround(power / sum))).length;
  }
  const noise = Float32Array.from(normals(uniforms.slice(1), bound));
  return noise.map((x, i) => prior.means[component][i] + Math.fround(prior.scales[component][i] * x));
}

function normals(uniforms, bound) {
  const inside = 2 * chance(bound);  // P(|z| <= bound)
  return uniforms.map((u) => normal((2 * u - 1) * inside));
}

/** The x with P(|z| <= |x|) = |centred|, and the sign of `centred`. */
function normal(centred) {
  const wanted = Math.abs(centred) / 2;
  // Abramowitz and Stegun 26.2.23, within 4.5e-4; two of Halley's steps bring the rest
  const t = Math.sqrt(-2 * Math.log(Math.max(0.5 - wanted, Number.MIN_VALUE)));
  let x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let step = 0; step < 2; step++) {
    const newton = (wanted - chance(x)) / density(x);
    x += newton / (1 - (x * newton) / 2);
  }
  return Math.sign(centred) * x;
}

function density(x) {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** P(0 < z < x), negative for negative x, by the series whose terms all have one sign. */
function chance(x) {
  if (Math.abs(x) >= LARGEST) return Math.sign(x) / 2;
  let sum = 0;
  for (let term = x, k = 3; sum + term !== sum; k += 2) {
    sum += term;
    term *= (x * x) / k;
  }
  return sum * density(x);
}

/** Ten rounds of Philox 4x32: four words of four words and a key of two. */
function philox(words, key) {
  let [a, b, c, d] = words, [first, second] = key;
  for (let round = 0; round < 10; round++) {
    const [one, two] = [BigInt(a) * MULTIPLIERS[0], BigInt(c) * MULTIPLIERS[1]];
    [a, b, c, d] = [(upper(two) ^ b ^ first) >>> 0, lower(two), (upper(one) ^ d ^ second) >>> 0, lower(one)];
    [first, second] = [(first + WEYL[0]) >>> 0, (second + WEYL[1]) >>> 0];
  }
  return [a, b, c, d];
}

const upper = (product) => Number(product >> 32n);
const lower = (product) => Number(product & 0xffffffffn);
