// Twofold's browser tag: docs/tag.md says what and why
(function () { // sloppy, for readFbq
if (window.twofold) return;
const AGENT = 'twofold-tag/1';
window.twofold = { agent: AGENT };

const warn = (text) => console.warn('[twofold] ' + text);
const attempt = (work) => {
  try {
    work();
  } catch (_) { /* without */ }
};
const safely = (work) => function () {
  try {
    return work.apply(this, arguments);
  } catch (error) {
    warn(error);
  }
};

// --- fbq asks fbq.callMethod first: an accessor hears every call

let stub; // the page's fbq
let library; // Meta's callMethod
let libraryFirst;
let noHistory; // the page's fbq.disablePushState

const accessor = (object, name, get, set) => Object.defineProperty(object, name, { configurable: true, get, set });

const receive = function () {
  pass(hear(arguments));
};

function pass(call, self) {
  if (library) library.apply(self || stub, call);
  else stub.queue.push(call);
}

function listen(fbq) {
  const keepMethod = (method) => {
    if (method !== receive) library = method;
  };
  stub = fbq;
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
  const own = function () { own.callMethod.apply(own, arguments); };
  Object.assign(own, { push: own, loaded: true, version: '2.0', queue: [] });
  listen(own);
  window.fbq = window._fbq = own;
  accessor(window, 'fbq', function readFbq() {
    let reader = '';
    attempt(() => { reader = String(readFbq.caller); }); // not in strict code
    return !library && reader.length < 2000 && /callMethod/.test(reader) && !/fbq\(/.test(reader) ? undefined : stub;
  }, safely((fbq) => {
    Object.defineProperty(window, 'fbq', { value: fbq, writable: true });
    if (window._fbq === own) window._fbq = fbq; // must be equal
    const early = own.queue.splice(0);
    listen(fbq);
    Promise.resolve().then(() => fbq.queue.unshift(...early)); // it sets a queue first
  }));
}

// --- commands

const datasets = {}; // id: {user: hashes, viewed, only}
let held; // consent revoked
let said; // 'denied', 'granted'
let cookies = true;
let limits; // event fields

const NAME_AT = { track: 1, trackCustom: 1, trackSingle: 2, trackSingleCustom: 2 };
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
  const args = [...call];
  safely(() => {
    const at = NAME_AT[args[0]];
    if (at && args[at]) {
      const options = Object(args[at + 2]);
      let id = options.eventID || options.event_id;
      if (!id) {
        id = hex(crypto.getRandomValues(new Uint8Array(16)));
        args[at + 1] = args[at + 1] || {};
        args[at + 2] = { ...options, eventID: id };
      }
      track(at > 1 && args[1], String(args[at]), args[at + 1], String(id), automatic);
    } else if (COMMANDS[args[0]]) {
      COMMANDS[args[0]](...args.slice(1));
    }
  })();
  return args;
}

function init(id, user) {
  if (!/^\d+$/.test(id)) return warn('init ignored: a dataset id is digits');
  const dataset = datasets[id] = datasets[id] || { user: {} };
  if (user && !dataset.given) match(dataset, user); // as Meta's library
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
    outbox.add({
      dataset,
      event: {
        dataset: String(target),
        event_name: name,
        event_id: id,
        event_time: Math.floor(Date.now() / 1000),
        event_source_url: scrubUrl(location.href),
        referrer_url: scrubUrl(document.referrer),
        custom_data: scrubCustom(custom),
        ...limits,
      },
    });
  });
  if (held) trim();
  else browserIds(); // before Meta's library looks
  soon();
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
  clickId = clickIn(here) || clickId;
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
    if (event.persisted && !library) pageView();
  }));
}

// --- _fbp, _fbc: fb.{dots in domain}.{ms}.{number or fbclid}[.{builder's mark}]

const COOKIE = /^fb\.\d+\.(\d+)\.(.+?)(\.(.{8}|A[Qgw]|B[AQg]))?$/;
let clickId = clickIn(location.href);
const ids = {}; // for blocked cookies
let home; // [index, domain]

function clickIn(url) {
  const id = new URLSearchParams(url.split('#')[0].split('?')[1]).get('fbclid');
  return /^[^\s;,]{1,500}$/.test(id) && id;
}

function browserIds() {
  if (!cookies) return {};
  home = home || findHome();
  const fresh = (payload) => ['fb', home[0], Date.now(), payload].join('.');
  ids.fbp = read('_fbp') || ids.fbp || fresh(Math.floor(Math.random() * 2 ** 31));
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
  let { visitor, links, click_ids, consent = said } = twofold;
  if (cookies) document.cookie.replace(/(?:^| )(_gcl_..|_uet\w+|_ttp|ttclid|_epik|_sc\w+|_rdt_\w+|li_fat_id|_twclid|_ga|cart)=([^;]+)/g, (pair, key, value) => {
    if (key === 'cart') links = [`cart:${value}`].concat(links || []);
    else click_ids = { ...click_ids, [key]: value };
  });
  return { visitor, links, click_ids, consent };
}

// the newest: subdomains may have theirs
function read(name) {
  const age = (value) => COOKIE.exec(value)[1];
  return document.cookie.split('; ').filter((pair) => pair.startsWith(name + '='))
    .map((pair) => pair.slice(5)).filter((value) => COOKIE.test(value))
    .sort((a, b) => age(b) - age(a))[0];
}

function write(name, value, life) {
  document.cookie = `${name}=${value};path=/;SameSite=Lax;max-age=${life || 7776000}${home[1]}`;
}

// the highest domain the browser takes
function findHome() {
  const labels = location.hostname.split('.');
  for (let i = 0; i < labels.length && !/\d$|]/.test(location.hostname); i++) {
    home = [i, ';domain=' + labels.slice(-1 - i).join('.')];
    write('_twofold', 1);
    const taken = /_twofold=1/.test(document.cookie);
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
  external_id: without(/\s/g),
};
let hashing;

// as the server's compose()
const plain = (value) => String(value)
  .replace(/[\ufb00-\ufdff\ufe70-\uffef]+/g, (run) => run.normalize('NFKC')).normalize()
  .replace(/([\p{Lo}\p{Mn}\p{Mc}][\u200c\u200d](?=[\p{Lo}\p{Mn}\p{Mc}]))|\p{Cf}/gu, '$1').trim().toLowerCase().normalize();
const hex = (bytes) => Array.from(bytes, (byte) => (256 + byte).toString(16).slice(1)).join('');

function match(dataset, user) {
  dataset.given = Object.keys(user)[0];
  const jobs = Object.keys(FORMS).filter((key) => user[key]).map(async (key) => {
    const text = plain(user[key]);
    const form = new TextEncoder().encode(FORMS[key](text, user.country && plain(user.country)));
    if (/^[0-9a-f]{64}$/.test(text)) dataset.user[key] = text;
    else if (form.length) dataset.user[key] = hex(new Uint8Array(await crypto.subtle.digest('SHA-256', form)));
  });
  hashing = Promise.all([hashing, ...jobs]).catch((error) => warn('no contact data without https: ' + error));
}

// --- scrubbing

const PRIVATE = /mail|phone|mobile|^tel|name|pass|pwd|token|dob|birth|addr|zip/i;

function scrubUrl(url) {
  return url.split('#')[0].replace(/[^/?&=]+(@|%(25)*40)[^/?&=]*/gi, 'masked')
    .replace(/([?&](?!utm_)([^=&]+)=)[^&]*/g, (pair, start, key) => (/=(@|%40)/.test(pair) || PRIVATE.test(key) ? start + 'masked' : pair));
}

function scrubCustom(custom) {
  return JSON.parse(JSON.stringify({ ...custom }, (key, value) => (/\S@\S+\.\S/.test(value) ? undefined : value)));
}

// --- sending

let endpoint;
const outbox = new Set(); // {event, dataset, key: in storage}
let failures = 0;
let flushing;
let retrying;

function soon() {
  flushing = flushing || setTimeout(async () => {
    await Promise.race([hashing, new Promise((done) => setTimeout(done, 1000))]);
    flushing = 0;
    flush();
  });
}

const batches = (work, wanted) => {
  const items = held ? [] : [...outbox].filter(wanted);
  while (items.length) work(items.splice(0, 20));
};
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
  const answer = await fetch(url, { method: 'POST', body, credentials: 'omit', keepalive: body.length < 15000 });
  const text = await answer.text();
  if (answer.status === 429 || answer.status > 499) throw text;
  if (!answer.ok) warn('refused: ' + answer.status + ' ' + text.slice(0, 500));
}

function envelope(items) {
  items.forEach((item) => {
    if (!item.event.user_data) Object.assign(item.event, visit(), { user_data: { ...item.dataset.user, ...browserIds() } });
  });
  return JSON.stringify({ v: 1, agent: AGENT, events: items.map((item) => item.event) });
}

async function post(items) {
  const body = envelope(items); // as text/plain: no preflight
  items.forEach((item) => { item.flying = true; });
  try {
    await tell();
    if (held) throw held;
    await send(endpoint, body);
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
  const sent = navigator.onLine && navigator.sendBeacon(endpoint, body);
  items.forEach((item) => {
    item.beaconed = sent;
    if (!sent || failures) store(item);
    else if (!item.flying) forget(item);
  });
}, (item) => !item.key && !item.beaconed));

// --- tells of a withdrawal once, and of its end before events

let told = {};
attempt(() => { told = localStorage; });
let telling = Promise.resolve();
const tell = () => (telling = telling.then(change, change));

async function change() {
  const state = said;
  const { visitor } = twofold;
  const fbp = cookies ? ids.fbp || read('_fbp') : undefined;
  for (const dataset in datasets) {
    const key = 'twofold-' + dataset;
    if (state && state !== told[key] && (held || told[key]) && (fbp || visitor)) {
      attempt(() => { told[key] = 'asked'; });
      await send(new URL('consent', endpoint), JSON.stringify({ dataset, visitor, fbp, state }));
      attempt(() => { told[key] = state; });
    }
  }
}

// --- storage: a key an event

const LIMIT = 50;
const stored = () => Object.keys(localStorage).filter((key) => key.startsWith('twofold:')).sort();

function store(item) {
  if (!held) attempt(() => {
    const key = item.key || `twofold:${Date.now()}:${Math.random()}`;
    localStorage[key] = JSON.stringify(item.event);
    item.key = key;
    const keys = stored();
    while (keys.length > LIMIT || keys.map((each) => localStorage[each]).join().length > 32768) delete localStorage[keys.shift()];
  });
}

function forget(item) {
  outbox.delete(item);
  if (item.key) delete localStorage[item.key];
}

function trim() {
  while (outbox.size > LIMIT) forget(outbox.values().next().value);
}

// Meta takes 7 days
const restore = safely(() => {
  const keys = stored();
  const now = [...outbox];
  outbox.clear();
  keys.filter((key) => !now.some((item) => item.key === key)).forEach((key) => attempt(() => {
    const item = { key, failed: true, event: JSON.parse(localStorage[key]) };
    if (item.event.event_time > Date.now() / 1000 - 6 * 86400) outbox.add(item);
    else forget(item);
  }));
  now.forEach((item) => outbox.add(item));
  soon();
});

safely(() => {
  const script = document.currentScript;
  endpoint = new URL(script.dataset.endpoint || new URL('events', script.src), document.baseURI);
  if (window.fbq) listen(window.fbq);
  else install();
  watchHistory();
  addEventListener('online', again);
  addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', () => document.hidden && leave());
  // the page may revoke first
  if (document.readyState === 'complete') restore();
  else addEventListener('load', () => setTimeout(restore));
})();
})();
