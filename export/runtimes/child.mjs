// The process of onnxruntime's two JavaScript builds in Node: `node child.mjs PACKAGE NPM_FOLDER FOLDER` does the job in the folder.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [name, packages, folder] = process.argv.slice(2);
const tell = (told) => process.stdout.write(JSON.stringify(told) + "\n");
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
  tell({ loaded: true });
  for (const [number, { file, shape }] of job.cases.entries()) {
    const answers = await session.run({ [job.input]: new ort.Tensor("float32", floats(file), shape) });
    const shapes = job.outputs.map((output, place) => {
      const { data, dims } = answers[output];
      writeFileSync(join(folder, `${number}.${place}.f32`), new Uint8Array(Float32Array.from(data, Number).buffer));
      return dims;
    });
    tell({ case: number, shapes });
  }
  process.exit(0);
} catch (error) {
  tell({ error: String(error.message ?? error).trim().split("\n")[0] });
  process.exit(1);
}
