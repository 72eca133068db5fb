// Sends one Purchase from an app or a chat with the official Node SDK.
// Usage: node send_kind.js BASE_URL DATASET TOKEN JSON
// JSON holds action_source and event_time; extinfo (16 texts) for an app; messaging_channel, page_id, ctwa_clid and
// ip for a chat; email. Prints the answer, or the error with status 1, as one JSON line.
"use strict";

const sdk = require("facebook-nodejs-business-sdk");
const { AppData, CustomData, EventRequest, ExtendedDeviceInfo, ServerEvent, UserData } = sdk;

const [base, dataset, token, text] = process.argv.slice(2);
const given = JSON.parse(text);

// The SDK knows one address; this is its only hook.
Object.defineProperty(sdk.FacebookAdsApi, "GRAPH", { get: () => base });
sdk.FacebookAdsApi.init(token, "en_US", false);

const user = new UserData();
if (given.email) user.setEmail(given.email);
if (given.page_id) user.setPageId(given.page_id);
if (given.ctwa_clid) user.setCtwaClid(given.ctwa_clid);
if (given.ip) user.setClientIpAddress(given.ip);

const event = new ServerEvent()
  .setEventName("Purchase")
  .setEventTime(given.event_time)
  .setActionSource(given.action_source)
  .setUserData(user)
  .setCustomData(new CustomData().setValue(42.5).setCurrency("EUR").setOrderId("1001"));
if (given.messaging_channel) event.setMessagingChannel(given.messaging_channel);
if (given.extinfo) {
  const app = new AppData();
  app.application_tracking_enabled = true;
  app.advertiser_tracking_enabled = true;
  app.extinfo = new ExtendedDeviceInfo(...given.extinfo);
  event.setAppData(app);
}

new EventRequest(token, dataset).setEvents([event]).execute().then(
  (answer) => console.log(JSON.stringify(answer)),
  (error) => {
    console.log(JSON.stringify({ error: String(error.message || error), status: error.status, body: error.response }));
    process.exitCode = 1;
  },
);
