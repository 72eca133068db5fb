// Twofold's browser tag: docs/tag.md says what and why
(function () { // sloppy, for readFbq
if ((window.twofold || {}).agent) return;
const AGENT = 'twofold-tag/1';
window.twofold = { ...window.twofold, agent: AGENT };

const { fetch } = window;
const Promise = (async () => 0)().constructor; // of the language, whatever the page put there

const attempt = (work) => {
  try {
    return work();
  } catch (_) {
    // without
  }
};
const warn = (text) => attempt(() => console.warn('[twofold] ' + text));
const safely = (work) => function () {
  try {
    return work.apply(this, arguments);
  } catch (error) {
    warn(error);
  }
};

// --- JSON: the page's own may be changed, as may toJSON

const quote = (text) => '"' + text.replace(/\p{Cs}/gu, '\ufffd').replace(/[\0-\x1f"\\]/g, (sign) => (
  sign === '\0' ? '' : '\\u' + (65536 + sign.charCodeAt(0)).toString(16).slice(1))) + '"';
let room; // for values

// undefined: left out, as is contact data where it is to be `clean`
function json(value, clean, above = []) {
  if (!above.length) room = 20000;
  const kind = typeof value;
  const below = (inner) => attempt(() => json(inner, clean, above.concat([value])));
  if (kind === 'string') return clean && /\S@\S+\.\S/.test(value) ? undefined : quote(value);
  if (kind === 'bigint') return json(value > -1e15 && value < 1e15 ? Number(value) : String(value));
  if (kind === 'number' && !(Math.abs(value) < 1e15)) return value - value === 0 ? json(String(value)) : 'null';
  if (kind === 'number' || kind === 'boolean' || value === null) return String(value);
  if (kind !== 'object' || above.length > 9 || above.indexOf(value) >= 0 || room-- < 0) return;
  if (value instanceof Date) return json(attempt(() => value.toISOString()) || null);
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return json(value.valueOf(), clean);
  const list = Array.isArray(value);
  if (!list && typeof value.toJSON === 'function' && value.toJSON !== Object.prototype.toJSON) return below(value.toJSON());
  const parts = [];
  Object.keys(value).forEach((key) => {
    const text = below(attempt(() => value[key]));
    if (text) parts.push(list ? text : quote(key) + ':' + text);
  });
  return list ? `[${parts.join()}]` : `{${parts.join()}}`;
}

// --- fbq asks fbq.callMethod first: an accessor hears every call

let current; // what the page finds
let own; // made here
let stub; // of the page
let library; // callMethod of Meta
let libraryFirst;
let noHistory; // fbq.disablePushState of the page
let shared; // there is another fbq that one may stand before
let heard = 0;
let passing; // on what was heard
let forward; // to a function that need not ask

const accessor = (object, name, get, set) => Object.defineProperty(object, name, { __proto__: null, configurable: true, get, set });

const receive = function () {
  pass(passing ? arguments : hear(arguments));
};

function pass(call, self) {
  if (library) library.apply(self || stub, call);
  else if (forward && !passing) forward(call);
  else stub.queue.push(call);
}

function adopt(fbq) {
  if (typeof fbq !== 'function') return fbq;
  if (!/callMethod/.test(fbq) && !fbq.callMethod) return follow(fbq);
  listen(fbq);
  return fbq;
}

// one that passes calls on: to a worker, or to the fbq it stands before
function follow(fbq) {
  const forwards = !/{\s*}$/.test(fbq) && (!shared || /"fbq"/.test(attempt(() => json(partytown.forward))));
  let warned;
  listen(fbq);
  const apply = (target, self, call) => {
    const before = heard;
    const outer = passing;
    const known = forwards && !outer ? hear(call) : call;
    passing = outer || forwards;
    try {
      return target.apply(self, known);
    } finally {
      passing = outer;
      if (heard === before && !outer && !warned) warned = !warn('cannot hear the calls of this fbq: see docs/tag.md');
    }
  };
  if (forwards) forward = (call) => {
    passing = true;
    attempt(() => fbq.apply(window, call));
    passing = false;
  };
  const follower = new Proxy(fbq, { __proto__: null, apply });
  if (window._fbq === fbq) window._fbq = follower; // must be equal
  return follower;
}

function listen(fbq) {
  const keepMethod = (method) => {
    if (method !== receive) library = method;
  };
  stub = fbq;
  forward = 0;
  keepMethod(fbq.callMethod);
  accessor(fbq, 'callMethod', () => receive, keepMethod);
  libraryFirst = !!library;
  if (library) learn(fbq);
  else {
    noHistory = noHistory || fbq.disablePushState;
    accessor(fbq, 'disablePushState', () => true, (value) => { noHistory = value; });
  }
  fbq.queue = fbq.queue || [];
  fbq.queue.forEach((call, i) => { fbq.queue[i] = hear(call); });
}

// what fbevents.js knows already
function learn(fbq) {
  attempt(() => 'consent' in fbq.getFbeventsModules('SignalsFBEventsFireLock').global._locks && COMMANDS.consent('revoke'));
  attempt(() => {
    const found = fbq.instance.pluginConfig.getWithGlobalFallback(null, 'dataProcessingOptions');
    COMMANDS.dataProcessingOptions(found.dataProcessingOptions, found.dataProcessingCountry, found.dataProcessingState);
  });
  attempt(() => fbq.getState().pixels.forEach((pixel) => {
    init(pixel.id, pixel.userData);
    datasets[pixel.id].viewed = pixel.eventCount > 0;
  }));
}

// Meta's base snippet loads fbevents.js only if it finds no fbq.
function install() {
  current = window.fbq;
  shared = window._fbq && _fbq !== current;
  if (typeof current === 'function') current = adopt(current);
  else {
    own = function () { own.callMethod.apply(own, arguments); };
    Object.assign(own, { push: own, loaded: true, version: '2.0', queue: [] });
    listen(own);
    current = window._fbq = own;
  }
  attempt(() => accessor(window, 'fbq', function readFbq() {
    let reader = '';
    if (current === own && !library) attempt(() => { reader = String(readFbq.caller); }); // not in strict code
    if (reader.length < 2000 && /callMethod/.test(reader) && !/fbq\(/.test(reader)) return;
    shared = true;
    return current;
  }, safely((fbq) => {
    if (fbq === current) return;
    const early = current === own ? own.queue.splice(0) : [];
    current = adopt(fbq);
    if (fbq === stub) {
      if (window._fbq === own) window._fbq = fbq; // must be equal
      Promise.resolve().then(() => fbq.queue.unshift(...early)); // it sets a queue first
    }
  })));
  look();
}

// declarations take the accessor's place
const look = safely(() => {
  attempt(readSecret);
  const { get, value } = Object.getOwnPropertyDescriptor(window, 'fbq');
  if (get || value === current) return;
  if (value !== stub) current = adopt(value);
  window.fbq = current;
});

// --- commands

const datasets = { __proto__: null }; // id: {user: hashes, viewed, only}
let held; // consent revoked
let said; // denied, granted
let cookies = true;
let limits; // event fields

const NAME_AT = { __proto__: null, track: 1, trackCustom: 1, trackSingle: 2, trackSingleCustom: 2 };
const COMMANDS = {
  __proto__: null,
  init,
  dataProcessingOptions(options, country, state) {
    limits = {
      data_processing_options: options || [],
      data_processing_options_country: country || 0,
      data_processing_options_state: state || 0,
    };
  },
  consent(state) {
    held = state === 'revoke';
    said = held ? 'denied' : 'granted';
    setTimeout(again, held && !ids.fbp ? 5000 : 0); // many pages begin revoked
    soon();
  },
  set(key, value, id) {
    if (key === 'userData') Object.keys(datasets).forEach((each) => (id || each) == each && match(datasets[each], value));
    if (key === 'trackSingleOnly' && datasets[id]) datasets[id].only = value;
    if (key === 'firstPartyCookies' && !id) cookies = value;
  },
};

// the call, with an event id
function hear(call, automatic) {
  const args = [].slice.call(call);
  heard++;
  safely(() => {
    const at = NAME_AT[args[0]];
    if (at && args[at]) {
      const options = Object(args[at + 2]);
      let id = options.eventID || options.event_id;
      if (!id) {
        id = (args[at] === 'Purchase' && bought) || random();
        args[at + 1] = args[at + 1] || {};
        args[at + 2] = { ...options, eventID: id };
      }
      track(at > 1 && String(args[1]), String(args[at]), args[at + 1], String(id), automatic);
    } else if (COMMANDS[args[0]]) {
      COMMANDS[args[0]](...args.slice(1));
    }
  })();
  return args;
}

function init(id, user) {
  if (!/^\d+$/.test(id)) return warn('init ignored: a dataset id is digits');
  const dataset = datasets[id] = datasets[id] || { user: {} };
  if (user && !dataset.given) match(dataset, user); // as Meta does
}

function track(single, name, custom, id, automatic) {
  const targets = single ? [single] : Object.keys(datasets).filter((each) => !datasets[each].only);
  if (!datasets[targets[0]]) warn(`${name} dropped: no fbq('init', ${single || '...'})`);
  else targets.forEach((target) => {
    const dataset = datasets[target];
    if (name === 'PageView' && !single) {
      if (dataset.viewed && !automatic && !stub.allowDuplicatePageViews) return;
      dataset.viewed = true;
    }
    tracked = true;
    outbox.push(happened({
      dataset,
      custom: json(Object(custom) === custom ? custom : {}, true) || '{}',
      event: {
        dataset: target,
        event_name: name,
        event_id: id,
        event_source_url: scrubUrl(pageUrl()),
        referrer_url: scrubUrl(document.referrer),
        ...limits,
      },
    }));
  });
  if (quiet()) trim();
  else browserIds(); // before Meta looks
  if (gone) leave();
  else soon();
}

// the device's clock may be wrong, or be set: how long ago is measured beside it
function happened(item) {
  item.made = +new Date(); // pages replace Date.now
  item.tick = tick();
  item.event.event_time = Math.floor(item.made / 1000);
  return item;
}
const tick = () => attempt(() => performance.now());

function age(item) {
  const wall = new Date() - item.made;
  const steady = tick() - item.tick; // stands still while some devices sleep
  return Math.max(0, Math.floor((wall < steady - 2000 || wall - steady > SIX_DAYS ? steady : wall) / 1000)) || 0;
}

// --- PageViews in a page

let here = location.href;
let tracked;

function pageView() {
  const self = { __proto__: stub, allowDuplicatePageViews: true };
  if (tracked && !noHistory) pass(hear(['track', 'PageView'], true), self);
}

const navigated = safely(() => {
  if (location.href === here) return;
  here = location.href;
  clickId = clickIn(pageUrl()) || clickId;
  if (!libraryFirst) pageView();
});

function watchHistory() {
  ['pushState', 'replaceState'].forEach((name) => {
    const original = history[name];
    history[name] = function () {
      original.apply(this, arguments);
      navigated();
    };
  });
  addEventListener('popstate', navigated);
  addEventListener('pageshow', safely((event) => {
    gone = false;
    if (!event.persisted) return;
    if (!library) pageView();
    again(); // what was under way is not
  }));
}

// --- _fbp, _fbc: fb.{dots in domain}.{ms}.{number or fbclid}[.{builder's mark}]

const COOKIE = /^fb\.\d+\.(\d+)\.(.+?)(\.(.{8}|A[Qgw]|B[AQg]))?$/;
const isClick = (id) => /^[^\s;,]{1,500}$/.test(id) && id;
let clickId = clickIn(pageUrl());
let asked; // the app
const ids = {}; // for blocked cookies
let home; // [index, domain]

// behind any ?, & or #, and in an address inside this one
function clickIn(url) {
  for (let depth = 0; depth < 3; depth++) {
    const id = (/[?&#;]fbclid=([^?&#;]+)/.exec(url) || [])[1];
    if (id) return isClick(attempt(() => decodeURIComponent(id.replace(/\+/g, ' '))) || id);
    url = url.replace(/%(25|3[bdf]|2[36])/gi, (code) => attempt(() => decodeURIComponent(code)));
  }
}

// Facebook's and Instagram's browsers know the click (Meta's parameter builder 1.3.1)
const askApp = () => new Promise((done) => {
  const bridge = attempt(() => webkit.messageHandlers.browserProperties);
  if (bridge) return done(bridge.postMessage('clickID'));
  const [, app, version] = /Android.*(FB_IAB.*FBAV|Instagram)[/\s](\d+)/.exec(navigator.userAgent) || [];
  if (!(version >= (app === 'Instagram' ? 264 : 397))) return done();
  const request = new XMLHttpRequest();
  request.onloadend = () => done(request.status > 199 && request.status < 300 && request.responseText);
  request.open('GET', 'properties://browser/clickID');
  request.send();
}).then((id) => {
  if (typeof id === 'string' && !ids.fbc) clickId = clickId || isClick(id);
}).catch(() => {});

function browserIds() {
  if (!cookies) return {};
  home = home || findHome();
  const fresh = (payload) => ['fb', home[0], +new Date(), payload].join('.');
  ids.fbp = read('_fbp') || ids.fbp || fresh(parseInt(random().slice(0, 8), 16));
  ids.fbc = read('_fbc') || ids.fbc;
  const click = clickId || (!ids.fbc && clickIn(document.referrer));
  if (click && !(ids.fbc && COOKIE.exec(ids.fbc)[2] === click)) ids.fbc = fresh(click);
  clickId = '';
  write('_fbp', ids.fbp);
  if (ids.fbc) write('_fbc', ids.fbc);
  return ids;
}

// whose visit it is
function visit() {
  let { visitor, links, click_ids, consent = said } = window.twofold || {};
  if (cookies) jar().replace(/(?:^| )(_gcl_..|_uet\w+|_ttp|ttclid|_epik|_sc\w+|_rdt_\w+|li_fat_id|_twclid|_ga\w*|cart)=([^;]+)/g, (pair, key, value) => {
    if (key === 'cart') links = [`cart:${value}`].concat(links || []);
    else click_ids = { ...click_ids, [key]: value };
  });
  return { visitor, links, click_ids, consent };
}

const jar = () => attempt(() => document.cookie) || ''; // sandboxed frames throw

// the newest: subdomains may have theirs
function read(name) {
  const made = (value) => COOKIE.exec(value)[1];
  return jar().split('; ').filter((pair) => pair.startsWith(name + '='))
    .map((pair) => pair.slice(5)).filter((value) => COOKIE.test(value))
    .sort((a, b) => made(b) - made(a))[0];
}

function write(name, value, life) {
  attempt(() => { document.cookie = `${name}=${value};path=/;SameSite=Lax;max-age=${life || 7776000}${home[1]}`; });
}

// the highest domain the browser takes
function findHome() {
  const labels = location.hostname.split('.');
  for (let i = 0; i < labels.length && !/\d$|]/.test(location.hostname); i++) {
    home = [i, ';domain=' + labels.slice(-1 - i).join('.')];
    write('_twofold', 1);
    const taken = /_twofold=1/.test(jar());
    write('_twofold', '', -1);
    if (taken) return home;
  }
  return [1, ''];
}

// --- contact data: what fits no form is left out

const without = (pattern) => (value) => value.replace(pattern, '').normalize();
const name = without(/[\p{P}\p{Z}\p{Cc}\p{Sk}$+<=>|~]/gu);
const place = without(/[\p{P}\p{Z}\p{Cc}\p{S}]/gu);
const fits = (pattern) => (value) => (pattern.test(value) ? value : '');
const FORMS = {
  em: fits(/^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$/),
  ph(value, country) {
    const whole = /^(\+|00)/.test(value);
    let digits = value.replace(whole ? /\(0\)|^0+/g : '', '').replace(/\D/g, '');
    if (!whole && country === 'us' && digits.length === 10) digits = '1' + digits;
    return /[a-z\u0600-\u1fff]/.test(value) ? '' : fits(/^[1-9]\d{6,14}$/)(digits);
  },
  fn: name,
  ln: name,
  ct: place,
  st: (value, country) => (country === 'us' && place(value).length > 2 ? '' : place(value)),
  zp: (value, country) => without(/[\s\u2013-]/g)(value)
    .slice(0, country === 'us' || (!country && /^\d{5}-\d{4}$/.test(value)) ? 5 : 99),
  country: fits(/^[a-z]{2}$/),
  db: (value) => fits(/^\d{4}([-/.]?)\d\d\1\d\d$/)(value).replace(/\D/g, ''),
  ge: (value) => fits(/^(f|m|female|male)$/)(value).slice(0, 1),
  external_id: (value) => without(/\s/g)(value).replace(/^([0-]+|anonymous|false|guest|nan|nil|true|unknown)$/, ''),
};
let hashing;

// as the server's compose()
const plain = (value) => (/[^\0-\x7f]/.test(value) && 'e\u0301'.normalize() !== '\xe9' ? '' : String(value)) // Sugar.js has one
  .replace(/[\ufb00-\ufdff\ufe70-\uffef]+/g, (run) => run.normalize('NFKC')).normalize()
  .replace(/([\p{Lo}\p{Mn}\p{Mc}][\u200c\u200d](?=[\p{Lo}\p{Mn}\p{Mc}]))|\p{Cf}/gu, '$1').trim().toLowerCase().normalize();
const NOTHING = /^(0|n\/a|\(?(none|null)\)?|undefined|\[?object ?object]?)?$/; // of a program that knew nothing

function hex(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += (256 + bytes[i]).toString(16).slice(1);
  return text;
}

function random() {
  const bytes = new Uint8Array(16);
  if (!attempt(() => crypto.getRandomValues(bytes))) for (let i = 0; i < 16; i++) bytes[i] = 256 * Math.random();
  return hex(bytes);
}

const sha256 = async (text) => hex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));

// A Purchase's id from what only this page and the shop know; both make the same
let bought;
function readSecret() {
  const links = [].concat((window.twofold || {}).links || [], location.search.replace(/.*[?&]key=(wc_order_\w+).*/, 'order_key:$1'));
  const secret = links.find((link) => /^(checkout|order_key):(?!\d+$).{16}/.test(link));
  if (secret) sha256(secret).then((digest) => { bought = 'purchase.' + digest.slice(0, 32); }, () => {});
}

function match(dataset, user) {
  const country = attempt(() => user.country && plain(user.country));
  const jobs = [];
  Object.keys(FORMS).forEach((key) => attempt(() => {
    const text = plain(user[key]);
    const ready = /^[0-9a-f]{64}$/.test(text);
    const form = ready ? text : FORMS[key](text, country);
    if (NOTHING.test(text) || NOTHING.test(form)) return;
    dataset.given = true;
    if (ready) dataset.user[key] = text;
    else jobs.push((async () => {
      dataset.user[key] = await sha256(form);
    })());
  }));
  hashing = Promise.all([hashing, ...jobs]).catch((error) => warn('no contact data without https: ' + error));
}

// --- addresses

function web(url) {
  return /^(about|blob|data|file|javascript):/.test(url) ? '' : url;
}

// of a frame without one, its page's
function pageUrl() {
  return web(location.href) || web(attempt(() => parent.location.href) || document.baseURI) || document.referrer;
}

// the gateway keeps 4,096 characters: what campaigns need goes first
function shorten(url) {
  if (url.length < 4000) return url;
  let [short, ...pairs] = url.split(/[?&]/);
  const rank = (pair) => /^(utm_|\w*clid=)/.test(pair);
  short = short.slice(0, 3000).replace(/%.?$/, '') + '?';
  pairs.sort((a, b) => rank(b) - rank(a)).forEach((pair) => {
    if (short.length + pair.length < 4000 && pair.length < 600) short += pair + '&';
  });
  return short.slice(0, -1);
}

const PRIVATE = /mail|phone|mobile|^tel|name|pass|pwd|token|dob|birth|addr|zip/i;

function scrubUrl(url) {
  return shorten(web(url).split('#')[0]).replace(/[^/?&=]+(@|%(25)*40)[^/?&=]*/gi, 'masked')
    .replace(/([?&](?!utm_)([^=&]+)=)[^&]*/g, (pair, start, key) => (/=(@|%40)/.test(pair) || PRIVATE.test(key) ? start + 'masked' : pair));
}

// --- sending

const SIX_DAYS = 6 * 864e5; // Meta takes seven
let endpoint;
let outbox = []; // {event, custom, dataset, text: as first sent, key: in storage}
let failures = 0;
let flushing;
let retrying;
let gone; // the page

// nothing leaves or stays
const quiet = () => held || document.prerendering;

function soon() {
  flushing = flushing || setTimeout(async () => {
    if (cookies && !quiet() && !clickId && !ids.fbc && !read('_fbc')) asked = asked || askApp();
    await Promise.race([Promise.all([hashing, asked]), new Promise((done) => setTimeout(done, 1000))]);
    flushing = 0;
    flush();
  });
}

function batches(work, wanted) {
  let items = [];
  let size = 0;
  if (quiet()) return;
  outbox.filter(wanted).forEach((item) => {
    if (!item.text) item.text = json({ ...item.event, ...visit(), user_data: { ...item.dataset.user, ...browserIds() } }).replace(/}$/, `,"custom_data":${item.custom}}`);
    if (items.length > 19 || (size && size + item.text.length > 15000)) {
      work(items);
      items = [];
      size = 0;
    }
    items.push(item);
    size += item.text.length;
  });
  if (size) work(items);
}
const flush = safely(() => batches(post, (item) => !item.flying && !(item.failed && failures)));
const again = safely(() => {
  tell().catch(later);
  batches(post, (item) => !item.flying && item.failed);
});

function later() {
  clearTimeout(retrying);
  retrying = setTimeout(again, 1000 * Math.min(300, 2 ** failures++) * (1 + Math.random()));
}

// throws if later may be better
async function send(url, body) {
  let status;
  let words;
  try {
    const answer = await fetch.call(window, url, { __proto__: null, method: 'POST', body, credentials: 'omit', keepalive: body.length < 15000 });
    ({ status } = answer);
    words = await answer.text();
  } catch (_) {
    // no answer
  }
  if (!status && !/native code/.test(fetch)) [status, words] = await sendOld(url, body); // one of the page
  if (!status || status === 429 || status > 499) throw words;
  if (status > 399) warn('refused: ' + status + ' ' + String(words).slice(0, 500));
}

const sendOld = (url, body) => new Promise((done) => {
  const request = new XMLHttpRequest();
  request.onloadend = () => done([request.status, request.responseText]);
  request.open('POST', url);
  request.send(body);
});

// as text/plain: no preflight
const envelope = (items) => `{"v":1,"agent":"${AGENT}","events":[${items.map((item) => item.text.replace(/}$/, `,"age":${age(item)}}`)).join()}]}`;

async function post(items) {
  items.forEach((item) => { item.flying = true; });
  try {
    await tell();
    if (quiet()) throw held;
    await send(endpoint, envelope(items));
    items.forEach(forget);
    failures = 0;
  } catch (_) {
    items.forEach((item) => {
      item.flying = false;
      item.failed = true;
      store(item);
    });
    trim();
    later();
  }
}

const leave = safely(() => batches((items) => {
  const body = envelope(items);
  const sent = attempt(() => navigator.sendBeacon(endpoint, body));
  const safe = sent && navigator.onLine;
  if (!sent) send(endpoint, body).catch(() => {});
  items.forEach((item) => {
    item.beaconed = safe;
    if (!safe || failures) store(item);
    else if (!item.flying) forget(item);
  });
}, (item) => !item.key && !item.beaconed));

// --- tells of a withdrawal once, and of its end before events

let told = {};
attempt(() => { told = localStorage || told; });
let telling = Promise.resolve();
const tell = () => (telling = telling.then(change, change));

async function change() {
  const state = said;
  const { visitor } = window.twofold || {};
  if (document.prerendering) return;
  const fbp = cookies ? ids.fbp || read('_fbp') : undefined;
  for (const dataset of Object.keys(datasets)) {
    const key = 'twofold-' + dataset;
    if (state && state !== told[key] && (held || told[key]) && (fbp || visitor)) {
      attempt(() => { told[key] = 'asked'; });
      await send(endpoint.replace(/[^/?#]*([?#].*)?$/, 'consent'), json({ dataset, visitor, fbp, state }));
      attempt(() => { told[key] = state; });
    }
  }
}

// --- storage: a key an event

const LIMIT = 50;
const stored = () => attempt(() => Object.keys(localStorage).filter((key) => /^twofold:/.test(key)).sort()) || [];

// the first to go: purchases last, else the oldest
const byWorth = (items, text) => {
  const sale = (item) => /"event_name":"Purchase"/.test(text(item));
  return items.filter((item) => !sale(item)).concat(items.filter(sale));
};

function store(item) {
  if (quiet() || item.text.length > 16000) return; // one must not drive out the rest
  attempt(() => {
    const key = item.key || `twofold:${+new Date()}:${Math.random()}`;
    localStorage[key] = item.text;
    item.key = key;
    const keys = byWorth(stored(), (each) => localStorage[each]);
    while (keys.length > LIMIT || keys.map((each) => localStorage[each]).join().length > 32768) delete localStorage[keys.shift()];
  });
}

function forget(item) {
  outbox = outbox.filter((each) => each !== item);
  if (item.key) attempt(() => delete localStorage[item.key]);
}

function trim() {
  if (outbox.length > LIMIT) byWorth(outbox, (item) => item.text || `"event_name":"${item.event.event_name}"`).slice(0, outbox.length - LIMIT).forEach(forget);
}

const restore = safely(() => {
  const found = [];
  stored().forEach((key) => attempt(() => {
    const text = localStorage[key];
    const item = { key, text, failed: true, made: 1000 * /"event_time": ?(\d+)/.exec(text)[1] };
    if (outbox.some((each) => each.key === key)) return;
    if (item.made < BORN && new Date() - item.made > SIX_DAYS) item.made = +new Date(); // by a clock that was wrong
    if (new Date() - item.made > SIX_DAYS) forget(item);
    else found.push(item);
  }));
  outbox = found.concat(outbox);
  soon();
});
const BORN = 1793e9; // October 2026

const begin = () => {
  // the page may revoke first
  if (document.readyState === 'complete') restore();
  else addEventListener('load', () => setTimeout(restore));
};

safely(() => {
  const script = document.currentScript;
  const link = document.createElement('a');
  link.href = script.dataset.endpoint || script.src.replace(/[^/?#]*([?#].*)?$/, 'events');
  endpoint = link.href;
  install();
  setTimeout(look);
  addEventListener('DOMContentLoaded', look, true);
  addEventListener('load', look);
  watchHistory();
  addEventListener('online', again);
  addEventListener('pagehide', () => {
    gone = true; // others hear of it later
    leave();
  });
  document.addEventListener('visibilitychange', () => document.hidden && leave());
  if (!document.prerendering) return begin();
  document.addEventListener('prerenderingchange', () => {
    outbox.forEach(happened); // now the page is seen
    setTimeout(again, held ? 5000 : 0);
    begin();
    soon();
  });
})();
})();
