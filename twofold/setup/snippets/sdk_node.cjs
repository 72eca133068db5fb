// Twofold with Meta's Node SDK: npm install facebook-nodejs-business-sdk. The token is the dataset's key, from the environment.
const sdk = require('facebook-nodejs-business-sdk');

Object.defineProperty(sdk.FacebookAdsApi, 'GRAPH', { get: () => 'https://gateway.shop.example' });
sdk.FacebookAdsApi.init(process.env.TWOFOLD_KEY, 'en_US', false);

// `eventId`: drawn at random for each order, and given to the thank-you page as well.
exports.sendPurchase = ({ orderId, eventId, value, currency, email, address, agent }) => {
  const user = new sdk.UserData().setEmail(email).setClientIpAddress(address).setClientUserAgent(agent);
  const order = new sdk.CustomData().setValue(value).setCurrency(currency).setOrderId(orderId);
  const event = new sdk.ServerEvent()
    .setEventName('Purchase').setEventTime(Math.floor(Date.now() / 1000)).setEventId(eventId)
    .setActionSource('website').setUserData(user).setCustomData(order);
  return new sdk.EventRequest(process.env.TWOFOLD_KEY, '1234567890').setEvents([event]).execute();
};
