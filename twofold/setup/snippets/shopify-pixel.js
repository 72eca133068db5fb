// Twofold's custom pixel for Shopify (docs/shopify.md): Settings > Customer events > Add custom pixel, paste, set the
// values, save, connect. Runs in Shopify's sandboxed frame: `analytics`, `browser`, `init` and `api` are its own.
(function () {
'use strict';
const SETTINGS = {
  endpoint: 'https://gateway.shop.example/t/events', // your gateway's address, then the tag's path and /events
  dataset: '1234567890',
  shop: 'demo.myshopify.com', // exactly as in the gateway's [[source]]: both make the Purchase's id from it
  secretIds: true, // false: while the gateway's source has event_id = "order", as version 0.2 had
  inTheme: [], // Meta's names of what the tag reports from the theme, such as ['PageView']: left out here
  nativeIds: false, // true: Shopify's own event ids (sh-...), when Meta's app for Shopify sends as well
};

const AGENT = 'twofold-shopify-pixel/1';
const PATIENCE_MS = 500; // for each answer of the top frame
const RETRIES_MS = [2000, 8000, 30000, 120000];
const MAX_HELD = 50;

// Shopify's name: [Meta's name, what the event is about]
const EVENTS = {
  page_viewed: ['PageView', () => ({})],
  product_viewed: ['ViewContent', (data) => goods([[data.productVariant, 1]], price(data.productVariant))],
  search_submitted: ['Search', (data) => ({ search_string: text(path(data, 'searchResult.query')) })],
  product_added_to_cart: ['AddToCart', (data) => {
    const line = path(data, 'cartLine') || {};
    return goods([[line.merchandise, line.quantity]], path(line, 'cost.totalAmount') || price(line.merchandise));
  }],
  checkout_started: ['InitiateCheckout', (data) => bought(data.checkout)],
  payment_info_submitted: ['AddPaymentInfo', (data) => bought(data.checkout)],
  checkout_completed: ['Purchase', (data) => bought(data.checkout)],
};
const initial = typeof init === 'undefined' ? {} : init;
const OF_CHECKOUT = ['InitiateCheckout', 'AddPaymentInfo'];

// --- consent: Shopify's own words, which the gateway understands

let privacy = path(initial, 'customerPrivacy');
let held = [];

const may = (purpose) => !privacy || privacy[purpose] === true;
const mayReport = () => may('marketingAllowed') || may('analyticsProcessingAllowed');

function watchConsent() {
  const source = typeof api === 'undefined' ? undefined : api.customerPrivacy;
  if (source && source.subscribe) source.subscribe('visitorConsentCollected', safely((event) => {
    privacy = event.customerPrivacy || privacy;
    if (!mayReport()) return;
    held.splice(0).forEach(([name, shopifys]) => report(name, shopifys));
  }));
}

// --- one event

const receive = safely((shopifys) => {
  const name = (EVENTS[shopifys.name] || [])[0];
  if (!name) return;
  // A page that was rendered before anybody asked for it tells nothing until it is shown.
  if (document.prerendering) {
    document.addEventListener('prerenderingchange', () => receive({ ...shopifys, timestamp: new Date().toISOString() }), { once: true });
    return;
  }
  if (mayReport() || name === 'Purchase') report(name, shopifys);
  // In memory only; leaving the page forgets them.
  else if (held.push([name, shopifys]) > MAX_HELD) held.shift();
});

// A purchase is reported even when consent was refused, without anything about the person: the gateway then knows that
// the order's webhook must not be sent either.
async function report(name, shopifys) {
  try {
    const happened = Date.parse(shopifys.timestamp) || Date.now(); // replays come late
    const data = shopifys.data || {};
    const checkout = data.checkout || {};
    const ids = name === 'Purchase' || OF_CHECKOUT.includes(name) ? await idsOf(name, checkout) : {};
    const place = addressOf(path(shopifys, 'context.document.location.href'));
    const event = {
      dataset: SETTINGS.dataset,
      event_name: name,
      event_id: (SETTINGS.nativeIds && text(shopifys.id)) || ids.id || random(),
      event_time: Math.floor(happened / 1000),
      action_source: 'website',
      event_source_url: place && place.page,
      referrer_url: (addressOf(path(shopifys, 'context.document.referrer')) || {}).bare,
      custom_data: Object.assign(EVENTS[shopifys.name][1](data), ids.order && { order_id: ids.order }),
      links: ids.links,
      region: regionOf(checkout),
      consent: privacy,
    };
    if (may('marketingAllowed')) {
      const kept = await cookies(checkout);
      event.user_data = Object.assign(await contact(checkout), present({ fbp: kept._fbp, fbc: kept._fbc }));
      event.click_ids = Object.assign({}, place && place.clicks, present(Object.assign(kept, { _fbp: '', _fbc: '' })));
    }
    post(event, stopwatch(happened), 0);
  } catch (error) {
    warn(error);
  }
}

// The rules that the gateway's webhook uses too: the order's digits, never its name; the checkout's token.
async function idsOf(name, checkout) {
  const token = text(checkout.token);
  const order = (String(path(checkout, 'order.id') || '').match(/\d+$/) || [''])[0]; // gid://shopify/Order/123 or 123
  const links = [order && 'order:' + order, token && 'checkout:' + token].filter(Boolean);
  if (name !== 'Purchase') return { id: token && name + '.' + token, links };
  const own = order || (token && 'checkout.' + token);
  const given = written(checkout)._twofold_event_id;
  return { id: given || (await secretId(token)) || (own && ['purchase', SETTINGS.shop, own].join('.')), order, links };
}

// From the checkout's token, which only its buyer's browser and the shop know: nobody else can send this id first.
async function secretId(token) {
  if (!SETTINGS.secretIds || token.length < 16 || /^\d+$/.test(token)) return '';
  try {
    return 'purchase.' + (await sha256('checkout:' + token)).slice(0, 32);
  } catch (error) {
    return warn('an id of the checkout needs https');
  }
}

// --- what it is about

function price(variant) {
  return path(variant, 'price');
}

function goods(lines, total) {
  const contents = lines.map(([variant, count]) => present({
    id: lastOf(path(variant, 'id')) || lastOf(path(variant, 'product.id')) || text(path(variant, 'sku')),
    quantity: Number.isInteger(count) ? count : 1,
    item_price: path(variant, 'price.amount'),
  })).filter((line) => line.id);
  return Object.assign(
    contents.length ? { content_type: 'product', contents } : {},
    total && typeof total.amount === 'number' ? { value: total.amount, currency: total.currencyCode } : {},
  );
}

function bought(checkout) {
  const lines = list(path(checkout, 'lineItems'));
  const total = path(checkout, 'totalPrice');
  const pieces = lines.reduce((sum, line) => sum + (line.quantity || 0), 0);
  return Object.assign(
    goods(lines.map((line) => [line.variant, line.quantity]), total && Object.assign({}, total, {
      currencyCode: total.currencyCode || checkout.currencyCode,
    })),
    pieces ? { num_items: pieces } : {},
  );
}

function regionOf(checkout) {
  const home = checkout.billingAddress || checkout.shippingAddress || {};
  const country = text(home.countryCode) || text(path(checkout, 'localization.country.isoCode'));
  return country === 'US' && /^[A-Z]{2}$/.test(home.provinceCode) ? 'US-' + home.provinceCode : country || undefined;
}

// --- addresses: the page that the shopper sees, without tokens and without anything in the query but advertising

const CLICKS = ['gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'ttclid', 'epik', 'ScCid', 'rdt_cid', 'li_fat_id', 'twclid', 'irclickid'];
const SANDBOX = /\/(?:wpm|web-pixels)@[^/]+(?:\/[^/]+)*?\/sandbox(?:\/(?:modern|legacy))?(?=\/|$)/;

function addressOf(href) {
  let url;
  try {
    url = new URL(href);
  } catch (_) {
    return undefined;
  }
  if (!/^https?:$/.test(url.protocol)) return undefined;
  const way = (url.pathname.replace(SANDBOX, '') || '/')
    .replace(/\/checkouts\/.*/, '/checkouts').replace(/\/(orders|account)\/.*/, '/$1');
  const clicks = {};
  const query = new URLSearchParams();
  // Addresses are put together wrongly: ?a=b?fbclid=c, and & written for HTML.
  new URLSearchParams(url.search.slice(1).replace(/&amp;|\?/g, '&')).forEach((value, key) => {
    if (value.includes('@') || value.length > 500) return;
    if (CLICKS.includes(key)) clicks[key] = value;
    if (key === 'fbclid' || key.startsWith('utm_') || CLICKS.includes(key)) query.append(key, value);
  });
  const bare = url.origin + way;
  return { bare, page: bare + (String(query) && '?' + query), clicks };
}

// --- cookies of the top frame, which answers in its own time; an attribute of the cart stands in

const COOKIES = ['_fbp', '_fbc', '_ga', '_ttp', '_scid', '_epik', '_rdt_uuid', 'li_fat_id'];

async function cookies(checkout) {
  const noted = written(checkout);
  const found = {};
  await Promise.all(COOKIES.map(async (name) => {
    const value = (await cookie(name)) || noted[name];
    if (typeof value === 'string' && /^[!-~]{1,500}$/.test(value) && !value.includes('@')) found[name] = value;
  }));
  return found;
}

// the cart's attributes, which the order's webhook has too
function written(checkout) {
  return Object.fromEntries(list(checkout.attributes).filter((attribute) => text(attribute.value))
    .map((attribute) => [String(attribute.key).toLowerCase(), attribute.value]));
}

function cookie(name) {
  const late = new Promise((done) => setTimeout(done, PATIENCE_MS));
  const asked = Promise.resolve().then(() => browser.cookie.get(name)).catch(() => '');
  return Promise.race([asked, late]);
}

// --- contact data: hashed here, in the gateway's forms (docs/match-keys.md); what fits none is left out

// Letters that come together by it may be one: composed again.
const without = (pattern) => (value) => value.replace(pattern, '').normalize('NFC');
const letters = without(/[\p{P}\p{Z}\p{Cc}\p{Sk}$+<=>|~]/gu);
const place = without(/[\p{P}\p{Z}\p{Cc}\p{S}]/gu);
const fits = (pattern) => (value) => (pattern.test(value) ? value : '');
const FORMS = {
  em: fits(/^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$/),
  ph(value, country) {
    const whole = /^(\+|00)/.test(value);
    let digits = value.replace(whole ? /\(0\)|^0+/g : '', '').replace(/\D/g, '');
    if (!whole && country === 'us' && digits.length === 10) digits = '1' + digits;
    // Letters and digits of other scripts are not read; with a leading zero we lack the country.
    return /[a-z\u0600-\u1fff]/.test(value) ? '' : fits(/^[1-9]\d{6,14}$/)(digits);
  },
  fn: letters,
  ln: letters,
  ct: place,
  st: (value, country) => (country === 'us' && place(value).length > 2 ? '' : place(value)),
  zp: (value, country) => without(/[\s\u2013-]/g)(value)
    .slice(0, country === 'us' || (!country && /^\d{5}-\d{4}$/.test(value)) ? 5 : 99),
  country: fits(/^[a-z]{2}$/),
  external_id: without(/\s/g),
};

// The gateway's one spelling: composed, other looks of letters (full and half width, ligatures) as the letters they
// show, no format characters, but the two joiners between letters of scripts without capitals, where they are spelling.
const LOOKS = /[\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufdff\ufe70-\ufefc\uff00-\uffef]+/g;
const LETTER = /^[\p{Lo}\p{Mn}\p{Mc}]$/u;

function plain(value) {
  const text = Array.from(String(value).replace(LOOKS, (run) => run.normalize('NFKC')).normalize('NFC'));
  const stays = (c, at) => !/\p{Cf}/u.test(c) || (/[\u200c\u200d]/.test(c) && LETTER.test(text[at - 1]) && LETTER.test(text[at + 1]));
  return text.filter(stays).join('').trim().toLowerCase().normalize('NFC');
}

const sha256 = async (text) => hex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));

const hex = (bytes) => Array.from(bytes, (byte) => (256 + byte).toString(16).slice(1)).join('');

async function contact(checkout) {
  const known = path(initial, 'data.customer') || {};
  const home = checkout.billingAddress || checkout.shippingAddress || {};
  const given = {
    em: checkout.email || known.email,
    ph: checkout.phone || home.phone || known.phone,
    fn: known.firstName || home.firstName,
    ln: known.lastName || home.lastName,
    ct: home.city,
    st: home.provinceCode,
    zp: home.zip,
    country: home.countryCode,
    external_id: lastOf(path(checkout, 'order.customer.id') || known.id),
  };
  const country = home.countryCode && plain(home.countryCode);
  const hashed = {};
  await Promise.all(Object.keys(FORMS).filter((key) => given[key]).map(async (key) => {
    try {
      const form = FORMS[key](plain(given[key]), country);
      if (form.length) hashed[key] = await sha256(form);
    } catch (error) {
      warn(key + ' left out, hashing needs https');
    }
  }));
  return hashed;
}

// --- sending: ids make a second arrival harmless

async function post(event, age, tried) {
  let status = 0;
  try {
    const body = JSON.stringify({ v: 1, agent: AGENT, events: [{ ...event, age: age() }] }, (key, value) => (typeof value === 'string' ? wellFormed(value) : value));
    // A text goes as text/plain: no preflight. keepalive outlives the page; browsers allow 64 KB of it in all.
    const answer = await fetch(SETTINGS.endpoint, { method: 'POST', body, credentials: 'omit', keepalive: body.length < 15000 });
    status = answer.status;
    if (status > 399 && status < 500 && status !== 429) warn('refused: ' + status + ' ' + (await answer.text()).slice(0, 300));
  } catch (_) { /* offline, or the gateway is away */ }
  const again = status === 0 || status === 429 || status > 499;
  if (again && tried < RETRIES_MS.length) setTimeout(() => post(event, age, tried + 1), RETRIES_MS[tried] * (1 + Math.random()));
}

// Seconds since it happened. The device's clock may be wrong, or be set meanwhile: the gateway applies them to its own.
function stopwatch(happened) {
  const before = Math.max(0, Date.now() - happened);
  const start = performance.now();
  return () => Math.floor((before + performance.now() - start) / 1000);
}

// --- small things

function path(from, way) {
  return way.split('.').reduce((value, key) => (value === null || value === undefined ? undefined : value[key]), from);
}

function list(value) {
  return Array.isArray(value) ? value.filter(Boolean) : [];
}

// Half a character, as themes cut texts, and NUL can stand in no event.
function wellFormed(value) {
  return value.replace(/\p{Cs}/gu, '\ufffd').replace(/\0/g, '');
}

function text(value) {
  return typeof value === 'string' ? value : '';
}

function lastOf(id) {
  return id === null || id === undefined ? '' : String(id).split('/').pop();
}

function present(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== ''));
}

function random() {
  return hex(crypto.getRandomValues(new Uint8Array(16)));
}

function warn(what) {
  console.warn('[twofold] ' + what);
}

function safely(work) {
  return function () {
    try {
      return work.apply(this, arguments);
    } catch (error) {
      return warn(error);
    }
  };
}

safely(watchConsent)();
const ours = (name) => SETTINGS.inTheme.indexOf(EVENTS[name][0]) < 0;
Object.keys(EVENTS).filter(ours).forEach(safely((name) => analytics.subscribe(name, receive)));
})();
