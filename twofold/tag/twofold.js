/*
 * Twofold's browser tag. Served as written: there is no build step.
 *
 * It hears the fbq(...) calls a page already makes and reports each event to the gateway. Where Meta's
 * library is on the page too, both get every call under one event id, so the two reports fold into one.
 * Contact data is hashed here and leaves in no other form.
 *
 * In reading order: fbq, commands, page views, cookies, hashing, scrubbing, sending, storage, start.
 */
(function () {
  // Not strict: `readFbq` must see its caller. A second inclusion would count everything twice.
  if (window.twofold) return;
  const AGENT = 'twofold-tag/1';
  window.twofold = { agent: AGENT };

  const warn = (text) => window.console && console.warn('[twofold] ' + text);
  // The page comes first: nothing of ours may throw into it.
  const safely = (work) => function () {
    try {
      return work.apply(this, arguments);
    } catch (error) {
      warn('internal error: ' + error);
    }
  };
  const property = (object, name, get, set) =>
    Object.defineProperty(object, name, { configurable: true, enumerable: true, get, set });

  // --- fbq ---------------------------------------------------------------------------------------
  // Whoever made the fbq function, it asks `fbq.callMethod` first, and fbevents.js sets that property
  // when it loads. So we put an accessor there: the function keeps its identity (others hold on to
  // it), every call comes to `receive`, and Meta's own method is kept behind it.

  let stub; // the page's fbq function
  let library; // Meta's callMethod, once there
  let libraryFirst = false; // fbevents.js ran before us
  let noHistory; // what the page set fbq.disablePushState to
  const heard = new WeakSet(); // calls we have seen, so that none is counted twice

  function receive() {
    pass(hear(arguments));
  }

  function pass(call, self) {
    if (library) library.apply(self || stub, call);
    else stub.queue.push(call);
  }

  function listen(fbq) {
    stub = fbq;
    if (fbq.callMethod && fbq.callMethod !== receive) library = fbq.callMethod;
    property(fbq, 'callMethod', () => receive, (method) => {
      if (method !== receive) library = method;
    });
    if (library) {
      libraryFirst = true;
      learn(fbq);
    } else {
      // fbevents.js would make its PageViews on navigation under ids we cannot know. It sees them
      // switched off; `pageView` makes them for both.
      if ('disablePushState' in fbq) noHistory = fbq.disablePushState;
      property(fbq, 'disablePushState', () => true, (value) => { noHistory = value; });
    }
    const queue = (fbq.queue = fbq.queue || []);
    queue.forEach((call, i) => { queue[i] = hear(call); });
  }

  // fbevents.js was first: what it sent is lost to us, but what it knows can be read.
  function learn(fbq) {
    const attempt = (read) => { try { read(); } catch (_) { /* another version: go without */ } };
    attempt(() => { held = 'consent' in fbq.getFbeventsModules('SignalsFBEventsFireLock').global._locks; });
    attempt(() => {
      const ldu = fbq.instance.pluginConfig.getWithGlobalFallback(null, 'dataProcessingOptions');
      limits = [ldu.dataProcessingOptions, ldu.dataProcessingCountry, ldu.dataProcessingState];
    });
    attempt(() => fbq.getState().pixels.forEach((pixel) => {
      init(pixel.id, pixel.userData);
      datasets[pixel.id].viewed = pixel.eventCount > 0;
    }));
  }

  // No fbq yet: install one. Meta's base snippet may still come, and it loads fbevents.js only if it
  // finds no fbq. So a short function that makes a stub (and calls none) finds none, and the stub it
  // then sets becomes the one we listen to.
  function install() {
    const own = function () { own.callMethod.apply(own, arguments); };
    Object.assign(own, { push: own, loaded: true, version: '2.0', queue: [] });
    listen(own);
    window._fbq = own;
    property(window, 'fbq', function readFbq() {
      let reader = '';
      try { reader = String(readFbq.caller); } catch (_) { /* strict caller */ }
      const makesStub = reader.length < 2000 && /callMethod[^]*queue/.test(reader) && !/fbq\s*\(/.test(reader);
      return makesStub && !library ? undefined : stub;
    }, safely((fbq) => {
      Object.defineProperty(window, 'fbq', { configurable: true, enumerable: true, writable: true, value: fbq });
      if (typeof fbq !== 'function') return;
      if (window._fbq === own) window._fbq = fbq;
      listen(fbq);
      // The snippet sets an empty queue next; what was called before goes to its front after that.
      Promise.resolve().then(() => {
        if (fbq.queue !== own.queue) fbq.queue.unshift.apply(fbq.queue, own.queue);
      });
    }));
  }

  // --- commands ----------------------------------------------------------------------------------

  const datasets = Object.create(null); // id -> {id, user: hashed match keys, viewed, only}
  let held = false; // consent revoked: nothing is sent, stored or set
  let granted = false;
  let cookies = true;
  let limits = null; // dataProcessingOptions: [options, country, state]

  const NAME_AT = { track: 1, trackCustom: 1, trackSingle: 2, trackSingleCustom: 2 };
  const COMMANDS = {
    init,
    consent(state) {
      held = state === 'revoke';
      granted = state === 'grant';
      if (granted) soon();
    },
    dataProcessingOptions(options, country, state) {
      limits = [options || [], country || 0, state || 0];
    },
    set(key, value, id) {
      if (key === 'userData') Object.keys(datasets).forEach((d) => (!id || d === String(id)) && match(datasets[d], value));
      if (key === 'trackSingleOnly' && datasets[id]) datasets[id].only = value;
      if (key === 'firstPartyCookies' && id === undefined) cookies = value === true || value === 'true';
    },
  };

  // Acts on one call; returns it for Meta's library, with the event id filled in.
  function hear(call, automatic) {
    if (heard.has(call)) return call;
    const args = Array.from(call);
    heard.add(args);
    safely(() => {
      const command = args[0];
      const at = NAME_AT[command];
      if (at && typeof args[at] === 'string') {
        const options = Object(args[at + 2]);
        let id = [options.eventID, options.event_id].find((given) => given != null && given !== '');
        if (id === undefined) {
          id = uuid();
          args[at + 1] = args[at + 1] || {};
          args[at + 2] = Object.assign({}, options, { eventID: id });
        }
        track(at === 2 && String(args[1]), args[at], args[at + 1], String(id), automatic);
      } else if (Object.prototype.hasOwnProperty.call(COMMANDS, command)) {
        COMMANDS[command].apply(null, args.slice(1));
      }
    })();
    return args;
  }

  function init(id, user) {
    if (!/^[1-9]\d{0,25}$/.test(id)) return warn('init: expected a dataset id of digits, got another value; ignored');
    const dataset = datasets[id] || (datasets[id] = { id: String(id), user: {} });
    // As Meta's library: a second init may add contact data only where the first had none.
    if (user && !dataset.given) {
      dataset.given = Object.keys(user).length;
      match(dataset, user);
    }
  }

  function track(single, name, custom, id, automatic) {
    const ids = single ? [single] : Object.keys(datasets).filter((d) => !datasets[d].only);
    if (!ids.length) warn(name + ' dropped: no dataset is initialised; call fbq("init", id) first');
    ids.forEach((datasetId) => {
      const dataset = datasets[datasetId];
      if (!dataset) return warn(name + ' dropped: dataset ' + datasetId + ' is not initialised');
      if (name === 'PageView' && !single) {
        // As Meta's library: one PageView a page, and one for each navigation inside it.
        if (dataset.viewed && !automatic && !stub.allowDuplicatePageViews) return;
        dataset.viewed = true;
      }
      tracked = true;
      const event = {
        dataset: dataset.id,
        event_name: name,
        event_id: id,
        event_time: Math.floor(Date.now() / 1000),
        event_source_url: scrubUrl(location.href),
        referrer_url: scrubUrl(document.referrer),
        custom_data: scrubCustom(custom),
      };
      if (limits) {
        event.data_processing_options = limits[0];
        event.data_processing_options_country = limits[1];
        event.data_processing_options_state = limits[2];
      }
      outbox.add({ event, dataset });
    });
    if (held) trim();
    else browserIds(); // before Meta's library looks for its cookies
    soon();
  }

  function uuid() {
    if (crypto.randomUUID) return crypto.randomUUID(); // secure contexts only
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    return hex(bytes).replace(/^(.{8})(....)(....)(....)/, '$1-$2-$3-$4-');
  }

  // --- page views inside one page ------------------------------------------------------------------

  let here = location.href;
  let tracked = false; // like Meta's library, only after a first event

  function pageView() {
    // Meta's library reads this permission from `this`.
    const self = Object.create(stub, { allowDuplicatePageViews: { value: true } });
    if (tracked && noHistory !== true) pass(hear(['track', 'PageView'], true), self);
  }

  const navigated = safely(() => {
    if (location.href === here) return;
    here = location.href;
    clickId = clickIn(here) || clickId;
    if (!libraryFirst) pageView(); // else its own hooks do it
  });

  function watchHistory() {
    ['pushState', 'replaceState'].forEach((name) => {
      const original = history[name];
      history[name] = function () {
        const result = original.apply(this, arguments);
        navigated();
        return result;
      };
    });
    addEventListener('popstate', navigated);
    addEventListener('pageshow', safely((event) => {
      // Back from the cache. Meta's library makes its own PageView then and cannot be told not to.
      if (event.persisted && !library) pageView();
      if (event.persisted) soon();
    }));
  }

  // --- _fbp and _fbc -------------------------------------------------------------------------------
  // fb.{labels after the first of the cookie's domain}.{ms}.{number | fbclid}, 90 days from the last
  // event. Meta's parameter builder may add one more segment; it is kept.

  const APPENDIX = '(\\.(.{8}|AQ|Ag|Aw|BA|BQ|Bg))?$';
  let clickId = clickIn(location.href);
  let ids = {}; // also what stands in for cookies where they are blocked
  let home; // [index, domain attribute]

  function clickIn(url) {
    const found = /[?&]fbclid=([^&#]*)/.exec(url);
    const id = found ? decoded(found[1]) : '';
    return id.length <= 500 && !/[\s;,]/.test(id) ? id : '';
  }

  function browserIds() {
    if (!cookies) return {};
    home = home || findHome();
    const fresh = (payload) => 'fb.' + home[0] + '.' + Date.now() + '.' + payload;
    const digits = () => 1 + Math.floor(Math.random() * 999999999);
    ids.fbp = read('_fbp', '\\d+') || ids.fbp || fresh(digits() + '' + digits());
    ids.fbc = read('_fbc', '.+?') || ids.fbc;
    const click = clickId || (!ids.fbc && clickIn(document.referrer));
    const payload = ids.fbc && new RegExp('^fb\\.\\d+\\.\\d+\\.(.+?)' + APPENDIX).exec(ids.fbc)[1];
    if (click && click !== payload) ids.fbc = fresh(click);
    clickId = ''; // seen once; a later visit's cookie may be newer
    write('_fbp', ids.fbp);
    if (ids.fbc) write('_fbc', ids.fbc);
    else delete ids.fbc;
    return ids;
  }

  // The newest valid cookie of that name: an old one on a subdomain may stand beside ours.
  function read(name, payload) {
    const valid = new RegExp('^fb\\.\\d+\\.\\d+\\.' + payload + APPENDIX);
    return document.cookie.split('; ')
      .filter((pair) => pair.startsWith(name + '='))
      .map((pair) => decoded(pair.slice(name.length + 1)))
      .filter((value) => valid.test(value))
      .sort((a, b) => b.split('.')[2] - a.split('.')[2])[0];
  }

  function write(name, value, age) {
    const life = ';path=/;SameSite=Lax;max-age=' + (age === undefined ? 7776000 : age);
    document.cookie = name + '=' + encodeURIComponent(value) + life + home[1];
  }

  // The highest domain the browser lets us write to: it alone knows the public suffixes.
  function findHome() {
    const labels = location.hostname.split('.');
    for (let i = 0; i < labels.length && !/^[\d.]+$|:/.test(location.hostname); i++) {
      home = [i, ';domain=' + labels.slice(-1 - i).join('.')];
      write('_twofold', 1, 9);
      const written = /(^|; )_twofold=1/.test(document.cookie);
      write('_twofold', '', 0);
      if (written) return home;
    }
    return [1, ''];
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text.replace(/\+/g, ' '));
    } catch (_) {
      return text;
    }
  }

  // --- hashing -------------------------------------------------------------------------------------
  // The normal forms of Meta's "Customer information parameters"; the gateway has the same rules.
  // What cannot be brought into form is left out: a wrong hash matches nobody.

  const keep = (kinds) => (value) => value.replace(new RegExp('[^' + kinds + ']', 'gu'), '');
  const name = keep('\\p{L}\\p{M}\\p{N}');
  const country = (value) => ({ uk: 'gb', usa: 'us' }[value] || (/^[a-z]{2}$/.test(value) ? value : ''));
  const FORMS = {
    em: (value) => (/^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$/.test(value) ? value : ''),
    ph(value, home) {
      const full = /^(\+|00)/.test(value);
      let digits = value.replace(full ? /\(0\)/ : '', '').replace(/\D/g, '');
      if (full) digits = digits.replace(/^0+/, '');
      else if (home === 'us' && digits.length === 10) digits = '1' + digits;
      // A local number (leading zero) lacks the country, letters make no number.
      return /^[1-9]\d{6,14}$/.test(digits) && !/[a-z]/.test(value) ? digits : '';
    },
    fn: name,
    ln: name,
    ct: name,
    st: (value, home) => (home === 'us' && name(value).length !== 2 ? '' : name(value)),
    zp: (value, home) => value.replace(/[\s\u2013-]/g, '')
      .slice(0, home === 'us' || (!home && /^\d{5}-\d{4}$/.test(value)) ? 5 : 99),
    country,
    db: (value) => (/^\d{8}$|^\d{4}([-/. ])\d\d\1\d\d$/.test(value) ? value.replace(/\D/g, '') : ''),
    ge: (value) => (/^(f|m|female|male|woman|man)$/.test(value) ? (/^[fw]/.test(value) ? 'f' : 'm') : ''),
    external_id: (value) => value.replace(/\s/g, ''),
  };
  let hashing = Promise.resolve();
  let warned = false;

  const hex = (bytes) => Array.from(bytes, (byte) => (byte < 16 ? '0' : '') + byte.toString(16)).join('');
  // As written by hand: compatibility forms, invisible marks and case are no difference; Arabic digits count.
  const plain = (value) => keep('\\P{Cf}')(String(value).normalize('NFKC')).trim().toLowerCase()
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => digit.charCodeAt(0) & 15).normalize('NFC');

  // Hashing is asynchronous: it starts with init, so that an unload rarely has to go without.
  function match(dataset, user) {
    const home = user.country && country(plain(user.country));
    const jobs = Object.keys(FORMS).filter((key) => user[key] != null && user[key] !== '').map(async (key) => {
      try {
        const values = [].concat(user[key]).map((value) => digest(key, value, home));
        const hashes = (await Promise.all(values)).filter(Boolean);
        if (hashes.length) dataset.user[key] = hashes.length > 1 ? hashes : hashes[0];
      } catch (error) {
        warn(key + ' left out: ' + error.name);
      }
    });
    hashing = Promise.all(jobs.concat(hashing));
  }

  async function digest(key, value, home) {
    const text = plain(value);
    if (/^[0-9a-f]{64}$/.test(text)) return text;
    const form = FORMS[key](text, home);
    if (!form) return '';
    if (!crypto.subtle) {
      if (!warned) warn('contact data left out: browsers hash only on https pages');
      warned = true;
      return '';
    }
    return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(form))));
  }

  // --- scrubbing -----------------------------------------------------------------------------------

  const PRIVATE = new RegExp('(^|[_.[-])(e?mail|phone|tel|mobile|.?name|(first|last)(name)?|pass\\w*|pwd|token|secret|' +
    'dob|birth\\w*|address|street|addr|zip|postcode|postal\\w*)($|[_.\\]\\d-])|email|phone|passw|(first|last|full|user)name|birthda', 'i');
  const MAIL = /[^\s@]+@[^\s@]+\.[^\s@]+/;

  // A page's address without fragment and without query values that look like contact data.
  function scrubUrl(url) {
    const parts = url.split('#')[0].split('?');
    const query = parts.slice(1).join('?').split('&').map((pair) => {
      const key = pair.split('=')[0];
      const campaign = /^(utm_|fbclid$)/.test(key);
      const contact = decoded(pair).includes('@') || /%40/i.test(decoded(pair));
      return contact || (!campaign && pair.includes('=') && PRIVATE.test(decoded(key))) ? key.split('@')[0] + '=masked' : pair;
    }).join('&');
    return parts[0].replace(/[^/]+(@|%40)[^/]*/gi, 'masked') + (query && '?' + query);
  }

  // A copy, as the page may change its object; without e-mail addresses.
  function scrubCustom(custom) {
    if (!custom || typeof custom !== 'object' || Array.isArray(custom)) return {};
    return JSON.parse(JSON.stringify(custom, (key, value) =>
      (typeof value === 'string' && MAIL.test(value)) || /^(em|ph|fn|ln|e?mail|phone)$/i.test(key) ? undefined : value));
  }

  // --- sending -------------------------------------------------------------------------------------
  // The ids make a second arrival harmless, so whatever has no answer may be sent again.

  const script = document.currentScript || document.querySelector('script[src*="/twofold."]');
  const endpoint = script && script.dataset.endpoint
    ? new URL(script.dataset.endpoint, document.baseURI).href
    : script && new URL('events', script.src).href;
  const outbox = new Set(); // {event, dataset, sealed, flying, failed, stored, beaconed}
  let failures = 0;
  let flushTimer = 0;
  let retryTimer = 0;

  // Once per tick, after the hashes or one second.
  function soon() {
    if (held || flushTimer) return;
    flushTimer = setTimeout(() => {
      Promise.race([hashing, new Promise((done) => setTimeout(done, 1000))]).then(() => {
        flushTimer = 0;
        flush();
      });
    }, 0);
  }

  const flush = safely((again) => {
    if (held) return;
    const ready = Array.from(outbox).filter((item) => !item.flying && (again || !item.failed));
    for (let i = 0; i < ready.length; i += 20) post(ready.slice(i, i + 20));
  });

  // What is known of the visitor when the event leaves.
  function seal(item) {
    if (item.sealed) return;
    item.sealed = true;
    item.event.user_data = Object.assign({}, item.dataset.user, browserIds());
    if (granted) item.event.consent = 'granted';
  }

  function envelope(items) {
    items.forEach(seal);
    return JSON.stringify({ v: 1, agent: AGENT, events: items.map((item) => item.event) });
  }

  // text/plain makes it a simple request: no preflight, no cookies, any origin.
  async function post(items) {
    const body = envelope(items);
    items.forEach((item) => { item.flying = true; });
    let wait = 0;
    try {
      // Browsers refuse keepalive beyond 64 KB.
      const answer = await fetch(endpoint, { method: 'POST', body, credentials: 'omit', keepalive: body.length < 15000 });
      const refused = answer.status >= 400 && answer.status < 500 && ![408, 425, 429].includes(answer.status);
      if (answer.ok || refused) {
        items.forEach(forget);
        failures = 0;
        if (refused) warn(items.length + ' event(s) refused with ' + answer.status + ': ' + (await answer.text()).slice(0, 500));
        return;
      }
      wait = Number(answer.headers.get('retry-after')) || 0;
    } catch (_) { /* offline or blocked */ }
    items.forEach((item) => {
      item.flying = false;
      item.failed = true;
      store(item);
    });
    trim();
    retry(Math.max(wait, Math.min(300, Math.pow(2, failures++)) * (1 + Math.random())));
  }

  function retry(seconds) {
    clearTimeout(retryTimer);
    retryTimer = setTimeout(() => flush(true), seconds * 1000);
  }

  // The page may end now: a beacon for all that has no answer and is not stored.
  const leave = safely(() => {
    if (held) return;
    const open = Array.from(outbox).filter((item) => !item.stored && !item.beaconed);
    for (let i = 0; i < open.length; i += 20) {
      const items = open.slice(i, i + 20);
      const sent = navigator.onLine && !failures && navigator.sendBeacon && navigator.sendBeacon(endpoint, envelope(items));
      items.forEach((item) => {
        if (sent) item.beaconed = true;
        else seal(item), store(item);
        if (sent && !item.flying) forget(item); // nothing else will answer
      });
    }
  });

  // --- storage -------------------------------------------------------------------------------------
  // One key per event, so that two tabs never overwrite each other's.

  const PREFIX = 'twofold:';
  const LIMIT = 50; // events
  const LIMIT_CHARS = 32768; // 64 KB: browsers store two bytes a character
  const MAX_AGE = 6 * 86400; // s; Meta takes seven days

  function store(item) {
    if (held) return;
    const event = item.event;
    item.key = item.key || PREFIX + [event.event_time, event.dataset, event.event_name, event.event_id].join(':');
    try {
      localStorage.setItem(item.key, JSON.stringify(event));
      item.stored = true;
      const keys = storedKeys();
      const size = (key) => key.length + (localStorage.getItem(key) || '').length;
      let total = keys.reduce((sum, key) => sum + size(key), 0);
      while (keys.length > LIMIT || total > LIMIT_CHARS) {
        total -= size(keys[0]);
        localStorage.removeItem(keys.shift());
      }
    } catch (_) { /* private mode or full: it stays in memory */ }
  }

  function storedKeys() {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).sort(); // oldest first
  }

  function forget(item) {
    outbox.delete(item);
    try {
      if (item.stored) localStorage.removeItem(item.key);
    } catch (_) { /* as above */ }
  }

  function trim() {
    Array.from(outbox).filter((item) => held || item.failed).slice(0, -LIMIT).forEach(forget);
  }

  // What earlier pages could not send; with the first events, so that a revoke on this page is known.
  const restore = safely(() => {
    const mine = new Set(Array.from(outbox, (item) => item.key));
    storedKeys().filter((key) => !mine.has(key)).forEach((key) => {
      let event = null;
      try { event = JSON.parse(localStorage.getItem(key)); } catch (_) { /* not ours any more */ }
      const item = { event, key, sealed: true, stored: true, failed: true };
      if (event && event.event_time > Date.now() / 1000 - MAX_AGE) outbox.add(item);
      else forget(item);
    });
    flush(true);
  });

  // --- start ---------------------------------------------------------------------------------------

  safely(() => {
    if (!endpoint) return warn('not started: cannot tell my own address; set data-endpoint on the script');
    if (typeof window.fbq === 'function') listen(window.fbq);
    else install();
    watchHistory();
    addEventListener('online', () => flush(true));
    addEventListener('pagehide', leave);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && leave());
    if (document.readyState === 'complete') setTimeout(restore, 0);
    else addEventListener('load', () => setTimeout(restore, 0));
  })();
})();
