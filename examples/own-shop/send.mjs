// One order to the gateway, signed. Node 18 or newer, nothing to install.
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";

export async function send(address, secret, order) {
  const body = JSON.stringify(order);
  const now = Math.floor(Date.now() / 1000);
  const signature = createHmac("sha256", secret).update(`${now}.${body}`).digest("hex");
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Twofold-Signature": `t=${now},v1=${signature}` },
    body,
    signal: AbortSignal.timeout(10_000),
  });
  return answer.status;
}

const { ADDRESS, OWN_SECRET, ORDER } = process.env;
if (ADDRESS) console.log(await send(ADDRESS, OWN_SECRET, JSON.parse(await readFile(ORDER, "utf8"))));
