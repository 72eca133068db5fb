// Twofold for a shop with a front end of its own (docs/set-up.md): the tag as a module. Save it beside your code and
//
//   import { start, track, cartAttributes, purchaseId } from './twofold.mjs';
//   await start();                                    // once, in the browser; PageViews of navigation follow by themselves
//   track('AddToCart', { value: 24, currency: 'EUR', content_ids: ['42'], content_type: 'product' });
//
// A shop whose checkout is Shopify's or WooCommerce's gives the cart what only this browser knows, before checkout begins:
// `await cartAttributes()` are the attributes of cartAttributesUpdate, and the order's webhook brings them back. A checkout of your
// own reports the Purchase on its last page, under the id that the order's webhook has too:
//
//   track('Purchase', { value, currency, order_id }, { eventID: await purchaseId(cartToken) });
//
// where the same token goes with the order's webhook as the link `checkout:TOKEN` (docs/own-shop.md). It must be one that nobody can
// guess: sixteen characters or more, not only digits.

const TAG = 'https://gateway.shop.example/t/twofold.js';
const DATASET = '1234567890';
const COOKIES = ['_fbp', '_fbc', '_ga', '_ttp', '_scid', '_epik', '_rdt_uuid'];
const CLICKS = ['gclid', 'gbraid', 'wbraid', 'msclkid', 'ttclid', 'epik', 'ScCid', 'rdt_cid', 'li_fat_id', 'twclid'];

let started;

/** Loads the tag and reports the first PageView; the same promise however often it is called. Never rejects: without it the page works. */
export function start(user) {
  started = started || new Promise((done) => {
    if (typeof document === 'undefined') return done(false); // rendered on a server: the browser calls it again
    const script = document.createElement('script');
    script.src = TAG;
    script.onload = () => {
      window.fbq('init', DATASET, user);
      window.fbq('track', 'PageView');
      done(true);
    };
    script.onerror = () => done(false);
    document.head.appendChild(script);
  });
  if (typeof document === 'undefined') {
    const nothing = started;
    started = undefined;
    return nothing;
  }
  return started;
}

/** One event, also one that happens before the tag is there. `options.eventID`: the id that your server gives it, if it does. */
export async function track(name, params, options) {
  if (await start()) window.fbq('track', name, params, options);
}

/** What was agreed: 'grant' or 'revoke', as for Meta's pixel. */
export async function consent(word) {
  if (await start()) window.fbq('consent', word);
}

/** The Purchase's id, as the gateway makes it from the webhook of the order with this cart or checkout token. Needs https. */
export async function purchaseId(token) {
  if (!/^(?!\d+$).{16,}$/.test(token)) throw new Error('twofold: a token of 16 characters or more, not only digits, was expected');
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('checkout:' + token));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return 'purchase.' + hex.slice(0, 32);
}

/** Attributes for the cart: [{ key, value }]. `agreed` false: the refusal and nothing else. */
export async function cartAttributes(agreed = true) {
  const found = { _twofold_consent: agreed ? 'granted' : 'denied' };
  if (agreed && (await start())) {
    for (const name of COOKIES) {
      const value = document.cookie.match('(?:^|; )' + name + '=([^;]+)');
      if (value) found[name] = value[1];
    }
    new URLSearchParams(location.search).forEach((value, name) => {
      if (CLICKS.includes(name)) found['_' + name] = value;
    });
  }
  return Object.entries(found).map(([key, value]) => ({ key, value }));
}
