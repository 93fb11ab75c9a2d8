// The generator in this browser: ONNX Runtime computes images of the latents of seeds.

import * as ort from "./onnxruntime.js";
import { draw, drawBetween } from "./latents.js";
import { png } from "./png.js";

const TOGETHER = 8;  // images at a time; between them the page may move

ort.env.wasm.numThreads = 1;  // more need headers that few servers of files send
const session = ort.InferenceSession.create(new URL("generator.onnx", import.meta.url).href, {executionProviders: ["wasm"]});
const newest = {};  // number of the last request, by what it is for
let before = session;

/**
 * Base64 of PNG files.
 *
 * facts: what kerasgan says of the generator.
 * purpose: a newer request of the same purpose ends this one with an error.
 * inputs: lists of one length: seed and to_seed and position or none, label and truncation or none.
 */
export function images(facts, purpose, inputs) {
  const number = (newest[purpose] = (newest[purpose] || 0) + 1);
  const mine = before.then(() => computed(facts, inputs, () => number === newest[purpose]));
  before = mine.catch(() => session);  // one after the other: a session computes one thing at a time
  return mine;
}

async function computed(facts, inputs, wanted) {
  const files = [];
  for (let start = 0; start < inputs.seed.length; start += TOGETHER) {
    if (!wanted()) throw new Error("Something newer is wanted.");
    const part = Object.entries(inputs).map(([name, values]) => [name, values.slice(start, start + TOGETHER)]);
    files.push(...(await some(facts, Object.fromEntries(part))));
    await new Promise((resolve) => setTimeout(resolve));
  }
  return files;
}

async function some(facts, inputs) {
  const runtime = await session, count = inputs.seed.length, [height, width, channels] = facts.image_shape;
  const truncation = inputs.truncation ? inputs.truncation[0] : Infinity;
  const z = inputs.position
    ? drawBetween(facts.prior, inputs.seed[0], inputs.to_seed[0], inputs.position, truncation)
    : draw(facts.prior, inputs.seed, truncation);
  const feeds = {z: new ort.Tensor("float32", z, [count, facts.prior.dim])};
  if (inputs.label) feeds.label = new ort.Tensor("int32", Int32Array.from(inputs.label), [count]);
  if (runtime.inputNames.includes("truncation")) {
    feeds.truncation = new ort.Tensor("float32", new Float32Array(count).fill(truncation), [count]);
  }
  const pixels = (await runtime.run(feeds)).images.data, size = height * width * channels;
  return Promise.all(
    Array.from({length: count}, (_, i) => png(pixels.subarray(i * size, (i + 1) * size), height, width, channels))
  );
}
