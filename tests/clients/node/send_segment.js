// Sends one order with an unchanged client of Segment's tracking API.
// Usage: node send_segment.js segment|rudderstack BASE_URL WRITE_KEY JSON
// JSON holds messageId, timestamp, userId, event, properties, context. Prints what the client says of it as one JSON line.
"use strict";

const [which, base, key, text] = process.argv.slice(2);
const given = JSON.parse(text);
const message = { ...given, timestamp: new Date(given.timestamp) };
const say = (error) => {
  console.log(JSON.stringify({ error: error ? String(error.message || error) : null }));
  process.exitCode = error ? 1 : 0;
};

if (which === "segment") {
  const { Analytics } = require("@segment/analytics-node");
  const client = new Analytics({ host: base, writeKey: key, maxRetries: 0 });
  let failed = null;
  client.on("error", (error) => { failed = error.reason || error; });
  client.identify({ userId: given.userId, traits: { email: "nobody@shop.example" } });
  client.track(message);
  client.closeAndFlush().then(() => say(failed));
} else {
  const RudderAnalytics = require("@rudderstack/rudder-sdk-node");
  const Client = RudderAnalytics.default || RudderAnalytics;
  const client = new Client(key, { dataPlaneUrl: base, logLevel: "silent", flushAt: 20, retryCount: 0 });
  // Its own field for the id; it makes one where none is given.
  client.track({ ...message, originalTimestamp: message.timestamp });
  client.flush((error) => say(error));
}
