// A browser token for Twofold, made by the shop's server. Node.js 16 or later, no packages.
'use strict';

const { createHmac } = require('node:crypto');

/** A token for the page that is being rendered. `bound` may hold names, order, value, currency and visitor. */
function browserToken(secret, dataset, bound = {}, lifeS = 3600) {
  const claims = { dataset, exp: Math.floor(Date.now() / 1000) + lifeS, ...bound };
  const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return body + '.' + createHmac('sha256', secret).update(body).digest('base64url');
}

module.exports = { browserToken };

if (require.main === module) {
  // node browser-token.js SECRET '{"dataset": "1234567890", "order": "1001", "value": 42.5, "currency": "EUR"}'
  const { dataset, ...bound } = JSON.parse(process.argv[3]);
  console.log(browserToken(process.argv[2], dataset, bound));
}
