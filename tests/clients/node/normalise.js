// Answers what Meta's own Node libraries make of contact values: the SDK and the parameter builder.
// Usage: node normalise.js < JSON, an array of [field, text]. Prints a JSON array of {"node": …, "builder": …}, where an
// answer is {"sent": text or null} or {"error": true}. Values never leave this process in any other way.
"use strict";

const { UserData } = require("facebook-nodejs-business-sdk");
const builder = require("capi-param-builder-nodejs/src/piiUtil/PIIUtil");

const SETTERS = {
  em: "setEmail", ph: "setPhone", fn: "setFirstName", ln: "setLastName", db: "setDateOfBirth", ge: "setGender",
  ct: "setCity", st: "setState", zp: "setZip", country: "setCountry", external_id: "setExternalId",
};
const TYPES = {
  em: "email", ph: "phone", fn: "first_name", ln: "last_name", db: "date_of_birth", ge: "gender", ct: "city",
  st: "state", zp: "zip_code", country: "country", external_id: "external_id",
};

function answer(ask) {
  try {
    const sent = ask();
    return { sent: sent === undefined ? null : sent };
  } catch (error) {
    return { error: true };
  }
}

function node(field, text) {
  const user = new UserData();
  user[SETTERS[field]](text);
  const sent = user.normalize()[field];
  return Array.isArray(sent) ? sent[0] : sent;
}

let given = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => (given += chunk));
process.stdin.on("end", () => {
  const answers = JSON.parse(given).map(([field, text]) => ({
    node: answer(() => node(field, text)),
    builder: answer(() => builder.getNormalizedAndHashedPII(text, TYPES[field])),
  }));
  process.stdout.write(JSON.stringify(answers));
});
