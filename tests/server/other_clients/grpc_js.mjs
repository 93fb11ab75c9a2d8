// @grpc/grpc-js, with what grpc-js-reflection-client learns of the server
import grpc from "@grpc/grpc-js";
import reflection from "grpc-js-reflection-client";

const address = process.argv[2];
// what is read from a server's reflection has maps as lists of { key, value }
const service = "tensorflow.serving.PredictionService";
const credentials = grpc.credentials.createInsecure();
const client = new reflection.GrpcReflection(address, credentials);
if (!(await client.listServices()).includes(service)) throw new Error(`${service} is not listed`);
const described = await client.getDescriptorBySymbol(service);
const { PredictionService } = described.getPackageObject({ keepCase: true, enums: String }).tensorflow.serving;
const stub = new PredictionService(address, credentials);

const tensor = (dtype, values) => ({ dtype, tensor_shape: { dim: [{ size: 2 }] }, ...values });
const predict = (labels) =>
  new Promise((resolve) => {
    const inputs = [
      { key: "seed", value: tensor("DT_INT64", { int64_val: [7, 8] }) },
      { key: "label", value: tensor("DT_INT64", { int64_val: labels }) },
      { key: "truncation", value: tensor("DT_FLOAT", { float_val: [2, 1.5] }) },
    ];
    stub.Predict({ model_spec: { name: "garments" }, inputs }, (error, found) => resolve({ error, found }));
  });

const fold = (flat, [count, ...rest]) =>
  rest.length === 0
    ? [...flat]
    : Array.from({ length: count }, (_, i) => fold(flat.slice((i * flat.length) / count, ((i + 1) * flat.length) / count), rest));
const made = await predict([2, 0]);
if (made.error) throw made.error;
const [{ int_val, tensor_shape }] = made.found.outputs.map((each) => each.value);
const { error } = await predict([2, 99]);
const images = fold(int_val, tensor_shape.dim.map((each) => Number(each.size)));
console.log(JSON.stringify({ images, refused: error?.details ?? "no error" }));
