// axios, got and undici, named by the last argument
const [, address, name] = process.argv.slice(2);
const url = `${address}/v1/models/garments:predict`;
const client = await import(name);

const ask = {
  axios: async (json) => (await client.default.post(url, json, { validateStatus: null })).data,
  got: (json) => client.default.post(url, { json, throwHttpErrors: false }).json(),
  undici: async (json) => (await client.request(url, { method: "POST", body: JSON.stringify(json) })).body.json(),
}[name];

const instances = (label) => [
  { seed: 7, label: 2, truncation: 2 },
  { seed: 8, label, truncation: 1.5 },
];
const { predictions } = await ask({ instances: instances(0) });
const { error } = await ask({ instances: instances(99) });
console.log(JSON.stringify({ images: predictions, refused: error }));
