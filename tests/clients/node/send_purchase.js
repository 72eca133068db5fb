// Sends one Purchase with the official Node SDK.
// Usage: node send_purchase.js BASE_URL DATASET TOKEN JSON
// JSON may hold event_name, event_id, event_time, email, phone, external_id, fbp, fbc, ip, user_agent, url, value,
// currency, order_id, test_event_code, partner_agent. Prints the answer, or the error with status 1, as one JSON line.
"use strict";

const sdk = require("facebook-nodejs-business-sdk");
const { EventRequest, ServerEvent, UserData, CustomData } = sdk;

const [base, dataset, token, text] = process.argv.slice(2);
const given = JSON.parse(text || "{}");

// The SDK knows one address; this is its only hook.
Object.defineProperty(sdk.FacebookAdsApi, "GRAPH", { get: () => base });
sdk.FacebookAdsApi.init(token, "en_US", false);

// field of the argument -> setter
const USER = {
  email: "setEmail",
  phone: "setPhone",
  external_id: "setExternalId",
  fbp: "setFbp",
  fbc: "setFbc",
  ip: "setClientIpAddress",
  user_agent: "setClientUserAgent",
};
const CUSTOM = { value: "setValue", currency: "setCurrency", order_id: "setOrderId" };

function filled(target, setters) {
  for (const [name, setter] of Object.entries(setters)) {
    if (given[name] !== undefined) target[setter](given[name]);
  }
  return target;
}

const event = new ServerEvent()
  .setEventName(given.event_name || "Purchase")
  .setEventTime(given.event_time || Math.floor(Date.now() / 1000))
  .setActionSource("website")
  .setEventSourceUrl(given.url || "https://shop.example/thanks")
  .setUserData(filled(new UserData(), USER))
  .setCustomData(filled(new CustomData(), CUSTOM));
if (given.event_id !== undefined) event.setEventId(given.event_id);

const request = new EventRequest(token, dataset).setEvents([event]);
if (given.test_event_code) request.setTestEventCode(given.test_event_code);
if (given.partner_agent) request.setPartnerAgent(given.partner_agent);

request.execute().then(
  (answer) => console.log(JSON.stringify(answer)),
  (error) => {
    console.log(JSON.stringify({ error: String(error.message || error), status: error.status }));
    process.exitCode = 1;
  },
);
