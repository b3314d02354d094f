// post_order.mjs - posts the order on standard input, by Node's own https module.
//
//     node post_order.mjs URL CA [CERT KEY] <order.json
//
// CA, CERT and KEY are PEM files. Prints the status and the body, one a line; exit status 0 when
// there was an answer, whatever it was.
import { readFileSync } from "node:fs";
import { request } from "node:https";

const [url, ca, cert, key] = process.argv.slice(2);
const order = readFileSync(0);
const asked = request(url, {
  method: "POST",
  ca: readFileSync(ca),
  cert: cert && readFileSync(cert),
  key: key && readFileSync(key),
  timeout: 30000,
  headers: { "Content-Type": "application/json", "Content-Length": order.length },
});
asked.on("response", async (answer) => {
  let body = "";
  for await (const piece of answer) body += piece;
  console.log(`${answer.statusCode}\n${body}`);
});
asked.on("timeout", () => asked.destroy(new Error("no answer in 30 s")));
asked.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
asked.end(order);
