// What Shopify gives a custom pixel in its sandboxed frame, as the Web Pixels API pages describe it: `analytics`,
// `browser` (asynchronous, answered by the top frame), `init` and `api` as variables of the surrounding scope.
const { analytics, browser, init, api, emit, consent } = (function () {
  const subscribers = {};
  const consents = [];
  const waiting = {};
  let asked = 0;
  addEventListener('message', (message) => {
    const found = waiting[message.data.reply];
    if (found) found(message.data.value);
  });
  const ask = (name) => new Promise((done) => {
    asked += 1;
    waiting[asked] = done;
    parent.postMessage({ ask: asked, cookie: name }, '*');
  });
  return {
    analytics: {
      subscribe: async (name, callback) => { (subscribers[name] = subscribers[name] || []).push(callback); },
    },
    browser: { cookie: { get: window.HOST.silent ? () => new Promise(() => {}) : ask } },
    init: { customerPrivacy: window.HOST.privacy, data: { customer: window.HOST.customer }, context: {} },
    api: { customerPrivacy: { subscribe: async (name, callback) => { if (name === 'visitorConsentCollected') consents.push(callback); } } },
    emit: (event) => (subscribers[event.name] || []).forEach((callback) => callback(event)),
    consent: (privacy) => consents.forEach((callback) => callback({ customerPrivacy: privacy })),
  };
})();
window.emit = emit;
window.consent = consent;
