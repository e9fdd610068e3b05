// The process of onnxruntime's two JavaScript builds in Node: `node child.mjs PACKAGE NPM_FOLDER FOLDER` does the job in the folder.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [name, packages, folder] = process.argv.slice(2);
const send = (message, fields) => process.stdout.write(JSON.stringify({ message, ...fields }) + "\n");
const floats = (file) => {
  const { buffer, byteOffset, length } = readFileSync(join(folder, file));
  return new Float32Array(buffer.slice(byteOffset, byteOffset + length));
};

try {
  const ort = createRequire(join(packages, "package.json"))(name);
  ort.env.logLevel = "error";
  if (ort.env.wasm) ort.env.wasm.numThreads = 1;
  const job = JSON.parse(readFileSync(join(folder, "job.json"), "utf8"));
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(join(folder, job.graph))), options);
  send("Loaded");
  for (const [number, { file, shape }] of job.cases.entries()) {
    const outputs = await session.run({ [job.input]: new ort.Tensor("float32", floats(file), shape) });
    const shapes = job.outputs.map((name, index) => {
      const { data, dims } = outputs[name];
      writeFileSync(join(folder, `${number}.${index}.f32`), new Uint8Array(Float32Array.from(data, Number).buffer));
      return dims;
    });
    send("CaseDone", { case: number, shapes });
  }
  process.exit(0);
} catch (error) {
  send("ProcessFailed", { error: String(error.message ?? error).trim().split("\n")[0] });
  process.exit(1);
}
