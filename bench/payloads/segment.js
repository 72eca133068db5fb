// What Segment's own mappings, by their presets, send for each message on standard input; nothing leaves the process.
// Prints one JSON line for each request: {"platform", "message", "body"}; with --time the microseconds of processor time that one message
// takes from its mapping to the finished request, best of the rounds, as {"platform", "us"}.
"use strict";

const nock = require("nock");
const { Destination, defaultValues } = require("@segment/actions-core");

const TIMED = process.argv.includes("--time");
const ROUNDS = 15;
const CALLS = 100;
const SETTINGS = {
  "tiktok-conversions": ["tiktok", { accessToken: "t", pixelCode: "PIX" }],
  "pinterest-conversions": ["pinterest", { ad_account_id: "1", conversion_token: "t" }],
  "snap-conversions-api": ["snap", { pixel_id: "p" }],
  "reddit-conversions-api": ["reddit", { ad_account_id: "a", conversion_token: "t" }],
  "google-analytics-4": ["ga4", { apiSecret: "s", measurementId: "G-1" }],
  "ms-bing-capi": ["microsoft", { UetTag: "1", ApiToken: "t" }],
  "facebook-conversions-api": ["meta", { pixelId: "1", token: "t" }],
  "linkedin-conversions": ["linkedin", {}],
};
const TAKEN = {
  code: 0, message: "OK", status: "VALID", num_events_received: 1, num_events_processed: 1, events: [{ status: "processed" }],
  elements: [{ status: 201 }], data: { message: "Successfully processed 1 conversion events." }, eventsReceived: 1,
};
// Without these Pinterest's mapping refuses to run: it asks for an app's facts whatever the event is of.
const APP = {
  app_name: "Shop", app_id: "1", app_version: "1", device_brand: "x", device_carrier: "x", device_model: "x", device_type: "x", os_version: "1",
};

let sent = [];
let requests = 0;
if (TIMED) { // The request is made, and nothing is sent or intercepted.
  const wire = require("./node_modules/@segment/actions-core/dist/cjs/fetch.js");
  wire.default = async () => { requests += 1; return new wire.Response("{}", { status: 200 }); };
}
nock.disableNetConnect();
nock(/.*/).persist().post(/.*/).reply(200, (_address, body) => { sent.push(body); return TAKEN; });
nock(/.*/).persist().get(/.*/).reply(200, {});

function subscriptions(name, definition) {
  if (name === "linkedin-conversions") return linkedin(definition);
  const found = (definition.presets || []).filter((one) => one.subscribe).map(
    ({ subscribe, partnerAction, mapping }) => ({ subscribe, partnerAction, mapping: { ...mapping, ...(name.startsWith("pinterest") ? APP : {}) } }));
  if (!found.length || name === "google-analytics-4") {
    for (const [action, { defaultSubscription, fields }] of Object.entries(definition.actions)) {
      if (defaultSubscription) found.push({ subscribe: defaultSubscription, partnerAction: action, mapping: defaultValues(fields) });
    }
  }
  if (name.startsWith("facebook")) {
    const more = { __segment_internal_sync_mode: "add", action_source: "website", event_source_url: { "@path": "$.context.page.url" } };
    for (const one of found) one.mapping = { ...one.mapping, ...more };
  }
  return found;
}

// It has no preset of a purchase: each event needs a rule, so the value is mapped as its page shows.
function linkedin({ actions: { streamConversion } }) {
  return ["total", "value"].map((field) => ({
    subscribe: `type = "track" and properties.${field} > 0 and properties.currency != ""`,
    partnerAction: "streamConversion",
    mapping: {
      ...defaultValues(streamConversion.fields),
      conversionValue: { amount: { "@path": `$.properties.${field}` }, currencyCode: { "@path": "$.properties.currency" } },
      email: { "@path": "$.context.traits.email" }, linkedInUUID: "8f1c3a02-0000-4000-8000-00c0ffee0001",
      eventId: { "@path": "$.messageId" }, conversionHappenedAt: { "@path": "$.timestamp" },
      onMappingSave: { inputs: {}, outputs: { id: "77" } },
    },
  }));
}

async function time(work) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let call = 0; call < CALLS; call += 1) await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / CALLS);
  }
  return best;
}

async function main() {
  const messages = require("fs").readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const lines = [];
  for (const [name, [platform, settings]] of Object.entries(SETTINGS)) {
    const definition = require(`@segment/action-destinations/dist/destinations/${name}/index.js`).default;
    const destination = new Destination(definition);
    const subscribed = subscriptions(name, definition);
    const options = { ...settings, subscriptions: subscribed, oauth: { access_token: "a" } };
    if (TIMED) {
      const before = requests;
      const us = await time(() => destination.onEvent(messages[0], options));
      if (requests > before) lines.push({ platform, us }); // else it tells nothing of this message
      continue;
    }
    for (const message of messages) {
      sent = [];
      await destination.onEvent(message, options).catch(() => undefined);
      for (const body of sent) lines.push({ platform, message: message.messageId, body: typeof body === "string" ? JSON.parse(body) : body });
    }
  }
  process.stdout.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

main();
