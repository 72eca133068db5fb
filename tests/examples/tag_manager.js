// Runs Tag Manager templates as far as their documented contracts go: the sandbox without any global, APIs by require, each refused
// without its permission in the template's own block, and the template's own tests. In Node by a job on standard input; in a page
// as `tagManager`. Written after Google's pages for custom templates (APIs, permissions, tests); nothing of Google's is in it.
(function (out) {
  'use strict';

  // API -> the permission that it needs ('' for none), and whether its arguments are within what the block allows.
  const listed = (params, key) => (params[key] || []).map(String);
  const fits = (pattern, text) => new RegExp(`^${pattern.split('*').map((p) => p.replace(/[.+?^${}()|[\]\\/]/g, '\\$&')).join('.*')}$`).test(text);
  const rows = (params, key) => params[key] || [];
  const may = (params, key, name, right, wanted) => rows(params, key).some((row) => row[name] === wanted && row[right] === true);
  const secure = (params, key, url) => /^https:\/\//.test(url) && listed(params, key).some((pattern) => fits(pattern, url));
  const API = {
    injectScript: ['inject_script', (p, url) => secure(p, 'urls', url)],
    callInWindow: ['access_globals', (p, name) => may(p, 'keys', 'key', 'execute', name)],
    copyFromDataLayer: ['read_data_layer', (p, key) => p.allowedKeys === 'any' || listed(p, 'keyPatterns').some((one) => fits(one, key))],
    isConsentGranted: ['access_consent', (p, type) => may(p, 'consentTypes', 'consentType', 'read', type)],
    addConsentListener: ['access_consent', (p, type) => may(p, 'consentTypes', 'consentType', 'read', type)],
    logToConsole: ['logging', () => true],
    getAllEventData: ['read_event_data', (p) => p.eventDataAccess === 'any'],
    getCookieValues: ['get_cookies', (p, name) => p.cookieAccess === 'any' || listed(p, 'cookieNames').includes(name)],
    sendHttpRequest: ['send_http', (p, url) => p.allowedUrls === 'any' || secure(p, 'urls', url)],
    getTimestampMillis: ['', () => true],
    getType: ['', () => true],
    makeNumber: ['', () => true],
    makeString: ['', () => true],
    JSON: ['', () => true],
    Math: ['', () => true],
  };

  const typeOf = (value) => value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const PURE = {
    getType: typeOf,
    makeNumber: Number,
    makeString: String,
    getTimestampMillis: () => Date.now(),
    // Of JSON what a page says: a text that is none gives undefined, and nothing is thrown.
    JSON: { stringify: (value) => JSON.stringify(value), parse: (text) => { try { return JSON.parse(text); } catch { return undefined; } } },
    Math: { floor: Math.floor, round: Math.round, ceil: Math.ceil, abs: Math.abs, min: Math.min, max: Math.max, pow: Math.pow, sqrt: Math.sqrt, random: Math.random },
  };

  const plain = (value) => {
    if (value.type === 2) return value.listItem.map(plain);
    if (value.type === 3) return Object.fromEntries(value.mapKey.map((key, i) => [key.string, plain(value.mapValue[i])]));
    return value.type === 8 ? value.boolean : value.string;
  };
  const grantsOf = (block) => Object.fromEntries(block.map(({ instance }) =>
    [instance.key.publicId, Object.fromEntries(instance.param.map(({ key, value }) => [key, plain(value)]))]));

  // What the sandbox does not have: a template that uses it would be refused by the editor.
  const FOREIGN = /\bnew\b|\bclass\b|\bthis\b|\basync\b|\bawait\b|\bfunction\s*\*|`|\.\.\.|\?\.|\?\?|\*\*|\beval\b|\bimport\b/;
  const bare = (code) => code.replace(/\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, (text) => text[0] === '/' ? '' : "''");
  const lawful = (code) => {
    const found = FOREIGN.exec(bare(code));
    if (found) throw new Error(`the sandbox has no ${found[0]}`);
    return code;
  };

  // requirer: (name) => API, for a template with these permissions; `world` does what the pure ones cannot; `stands` are mocks.
  function requirer(block, world, stands, heard) {
    const grants = grantsOf(block);
    return (name) => {
      if (!(name in API)) throw new Error(`no such API: ${name}`);
      const [permission, within] = API[name];
      if (permission && !(permission in grants)) throw new Error(`${name} needs the permission ${permission}`);
      if (name in PURE && typeof PURE[name] === 'object') return PURE[name];
      return (...args) => {
        if (!within(grants[permission] || {}, ...args)) throw new Error(`${name}(${args[0]}) is not within the permission ${permission}`);
        const does = stands[name] || world[name] || PURE[name];
        if (!does) throw new Error(`nothing stands for ${name}`);
        (heard[name] = heard[name] || []).push(args);
        return does(...args);
      };
    };
  }

  const same = (a, b) => {
    if (typeOf(a) !== typeOf(b)) return false;
    if (typeOf(a) === 'array') return a.length === b.length && a.every((one, i) => same(one, b[i]));
    if (typeOf(a) !== 'object') return Object.is(a, b);
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => key in a && key in b && same(a[key], b[key]));
  };
  const claim = (truth, said) => { if (!truth) throw new Error(said); };

  // One scenario of ___TESTS___. `evaluate(parameters, code)` makes a function in the sandbox.
  function scenario(template, one, evaluate) {
    const stands = {}, heard = {};
    const require = requirer(template.permissions, {}, stands, heard);
    const words = {
      require,
      mock: (name, does) => { stands[name] = typeof does === 'function' ? does : () => does; },
      runCode: (settings) => {
        const called = (name) => () => { (heard[name] = heard[name] || []).push([]); };
        const data = Object.assign({}, settings, { gtmOnSuccess: called('gtmOnSuccess'), gtmOnFailure: called('gtmOnFailure') });
        return evaluate(['require', 'data'], lawful(template.code))(require, data);
      },
      assertApi: (name) => ({
        wasCalled: () => claim(name in heard, `${name} was not called`),
        wasNotCalled: () => claim(!(name in heard), `${name} was called`),
        wasCalledWith: (...args) => claim((heard[name] || []).some((call) => same(call, args)), `${name} was not called so`),
      }),
      assertThat: (value) => ({
        isEqualTo: (other) => claim(same(value, other), `expected ${JSON.stringify(other)}, got ${JSON.stringify(value)}`),
        isUndefined: () => claim(value === undefined, `expected nothing, got ${JSON.stringify(value)}`),
      }),
    };
    evaluate(Object.keys(words), `${lawful(template.setup)}\n${lawful(one.code)}`)(...Object.values(words));
    claim(Object.values(heard).length > 0, 'a scenario that runs nothing');
  }

  out.tagManager = { requirer, lawful, scenario };
})(typeof globalThis === 'object' ? globalThis : this);

if (typeof module === 'object' && require.main === module) {
  const http = require('http');
  const vm = require('vm');
  const { requirer, lawful, scenario } = globalThis.tagManager;
  const evaluate = (parameters, code) => {
    const context = vm.createContext({});
    vm.runInContext('((all) => Object.getOwnPropertyNames(all).forEach((name) => delete all[name]))(globalThis)', context);
    return vm.runInContext(`(function (${parameters.join(', ')}) {'use strict';\n${code}\n})`, context);
  };
  // The one address that a template is given stands for the gateway of the test.
  const sending = (standsFor, port) => (url, options, body) => {
    if (!url.startsWith(`${standsFor}/`)) throw new Error(`not the gateway: ${url}`);
    return new Promise((resolve, reject) => {
      const { method, headers } = options;
      const request = http.request({ host: '127.0.0.1', port, path: url.slice(standsFor.length), method, headers }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () => resolve({ statusCode: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString() }));
      });
      request.on('error', reject);
      request.end(body);
    });
  };
  // A run with a real request ends with what the template says of it.
  const run = (template, one) => new Promise((resolve) => {
    const logs = [], heard = {};
    const world = {
      getAllEventData: () => one.event,
      getCookieValues: (name) => one.cookies && name in one.cookies ? [one.cookies[name]] : [],
      logToConsole: (...line) => logs.push(line.join(' ')),
      sendHttpRequest: sending(one.settings.gateway, one.port),
    };
    const end = (success) => () => resolve({ success, logs, body: (heard.sendHttpRequest || [[]])[0][2] });
    const data = { ...one.settings, gtmOnSuccess: end(true), gtmOnFailure: end(false) };
    evaluate(['require', 'data'], lawful(template.code))(requirer(template.permissions, world, {}, heard), data);
  });
  const attempt = (does) => { try { does(); return null; } catch (error) { return String(error.message || error); } };

  (async () => {
    const said = [];
    for (const { template, runs } of JSON.parse(require('fs').readFileSync(0, 'utf8'))) {
      const scenarios = template.scenarios.map((one) => [one.name, attempt(() => scenario(template, one, evaluate))]);
      const ends = [];
      for (const one of runs) ends.push(await run(template, one));
      said.push({ scenarios, runs: ends });
    }
    console.log(JSON.stringify(said));
  })();
}
