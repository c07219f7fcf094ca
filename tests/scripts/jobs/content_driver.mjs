// Runs the function that signs addresses for a test: one JSON line in, one JSON line out.
// The arguments are the program, and a file for what it logs.
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [, , program, log] = process.argv;
console.log = (text) => appendFileSync(log, `${text}\n`);
const { handler } = await import(pathToFileURL(program));
for await (const line of createInterface({ input: process.stdin })) {
  const { env, event } = JSON.parse(line);
  Object.assign(process.env, env);
  process.stdout.write(`${JSON.stringify({ answer: await handler(event) })}\n`);
}
