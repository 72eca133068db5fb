___INFO___

{
  "type": "TAG",
  "id": "cvt_temp_public_id",
  "version": 1,
  "securityGroups": [],
  "displayName": "Twofold",
  "categories": [
    "ANALYTICS",
    "CONVERSIONS"
  ],
  "brand": {
    "id": "brand_dummy",
    "displayName": ""
  },
  "description": "Forwards an event of the server container to your Twofold gateway, under the event id that the browser and the shop share.",
  "containerContexts": [
    "SERVER"
  ]
}


___TEMPLATE_PARAMETERS___

[
  {
    "type": "TEXT",
    "name": "gateway",
    "displayName": "Address of the gateway",
    "simpleValueType": true,
    "valueHint": "https://gateway.shop.example",
    "valueValidators": [
      {
        "type": "NON_EMPTY"
      },
      {
        "type": "REGEX",
        "args": [
          "^https://[^/?#]+$"
        ],
        "errorMessage": "An https address without a path, such as https://gateway.shop.example"
      }
    ]
  },
  {
    "type": "TEXT",
    "name": "dataset",
    "displayName": "Dataset",
    "simpleValueType": true,
    "help": "The dataset's id, which is the pixel's.",
    "valueHint": "1234567890",
    "valueValidators": [
      {
        "type": "NON_EMPTY"
      },
      {
        "type": "REGEX",
        "args": [
          "^[0-9]{1,32}$"
        ],
        "errorMessage": "Digits only"
      }
    ]
  },
  {
    "type": "TEXT",
    "name": "key",
    "displayName": "Key of the dataset",
    "simpleValueType": true,
    "help": "`key` of the [[dataset]]. It goes in a header of the request, never in its address.",
    "valueValidators": [
      {
        "type": "NON_EMPTY"
      }
    ]
  },
  {
    "type": "TEXT",
    "name": "eventName",
    "displayName": "Name",
    "simpleValueType": true,
    "help": "Empty: that of the event. GA4's names and Meta's are understood, others are custom events."
  },
  {
    "type": "TEXT",
    "name": "eventId",
    "displayName": "Event id",
    "simpleValueType": true,
    "help": "Empty: event_id of the event. None is made up: without one only a purchase folds, by its order."
  },
  {
    "type": "SELECT",
    "name": "actionSource",
    "displayName": "Where it happened",
    "simpleValueType": true,
    "macrosInSelect": true,
    "defaultValue": "website",
    "selectItems": [
      {
        "value": "website",
        "displayValue": "website"
      },
      {
        "value": "app",
        "displayValue": "app"
      },
      {
        "value": "phone_call",
        "displayValue": "phone_call"
      },
      {
        "value": "chat",
        "displayValue": "chat"
      },
      {
        "value": "email",
        "displayValue": "email"
      },
      {
        "value": "physical_store",
        "displayValue": "physical_store"
      },
      {
        "value": "system_generated",
        "displayValue": "system_generated"
      },
      {
        "value": "other",
        "displayValue": "other"
      }
    ]
  }
]


___SANDBOXED_JS_FOR_SERVER___

const getAllEventData = require('getAllEventData');
const getCookieValues = require('getCookieValues');
const getTimestampMillis = require('getTimestampMillis');
const getType = require('getType');
const JSON = require('JSON');
const logToConsole = require('logToConsole');
const makeNumber = require('makeNumber');
const makeString = require('makeString');
const Math = require('Math');
const sendHttpRequest = require('sendHttpRequest');

// Names of GA4's e-commerce events -> Meta's standard events, which the gateway speaks.
const NAMES = {
  page_view: 'PageView',
  view_item: 'ViewContent',
  search: 'Search',
  view_search_results: 'Search',
  add_to_cart: 'AddToCart',
  add_to_wishlist: 'AddToWishlist',
  begin_checkout: 'InitiateCheckout',
  add_payment_info: 'AddPaymentInfo',
  purchase: 'Purchase',
  generate_lead: 'Lead',
  sign_up: 'CompleteRegistration'
};
// Their field of user-provided data -> ours. What comes hashed by Google's rule is left out: it is not Meta's form.
const PERSON = { em: ['email', 'email_address'], ph: ['phone_number', 'phone'] };
const ADDRESS = { fn: 'first_name', ln: 'last_name', ct: 'city', st: 'region', zp: 'postal_code', country: 'country' };
const SIGNALS = ['ad_storage', 'ad_user_data', 'ad_personalization', 'analytics_storage'];

const event = getAllEventData();
const given = (value) => value !== undefined && value !== null && value !== '';
const first = (values) => values.filter(given)[0];
const one = (value) => getType(value) === 'array' ? value[0] : value;
const object = (value) => getType(value) === 'object' ? value : {};
const put = (into, name, value) => {
  if (given(value)) into[name] = value;
};

const userData = () => {
  const told = object(event.user_data);
  const address = object(one(told.address));
  const user = {};
  for (let name in PERSON) put(user, name, one(first(PERSON[name].map((theirs) => told[theirs]))));
  for (let name in ADDRESS) put(user, name, address[ADDRESS[name]]);
  put(user, 'external_id', event.user_id);
  put(user, 'client_ip_address', event.ip_override);
  put(user, 'client_user_agent', event.user_agent);
  put(user, 'fbp', first([event['x-fb-ck-fbp'], getCookieValues('_fbp')[0]]));
  put(user, 'fbc', first([event['x-fb-ck-fbc'], getCookieValues('_fbc')[0]]));
  return user;
};

const customData = () => {
  const custom = {};
  put(custom, 'value', event.value);
  put(custom, 'currency', event.currency);
  put(custom, 'order_id', given(event.transaction_id) ? makeString(event.transaction_id) : undefined);
  put(custom, 'search_string', event.search_term);
  const contents = [];
  if (getType(event.items) === 'array') event.items.forEach((item) => {
    const id = first([item.item_id, item.item_name]);
    if (!given(id)) return;
    const content = { id: makeString(id), quantity: given(item.quantity) ? makeNumber(item.quantity) : 1 };
    put(content, 'item_price', item.price);
    contents.push(content);
  });
  if (contents.length) {
    custom.contents = contents;
    custom.content_type = 'product';
    custom.num_items = contents.reduce((sum, content) => sum + content.quantity, 0);
  }
  return custom;
};

const consent = () => {
  const state = object(event.consent_state);
  const google = {};
  SIGNALS.forEach((signal) => put(google, signal, state[signal]));
  put(google, 'gcs', event['x-ga-gcs']);
  put(google, 'gcd', event['x-ga-gcd']);
  for (let any in google) return { google: google };
  return undefined;
};

const said = first([data.eventName, event.event_name]);
const copy = {
  event_name: NAMES[said] || said,
  event_time: given(event.event_time) ? makeNumber(event.event_time) : Math.floor(getTimestampMillis() / 1000),
  action_source: data.actionSource || 'website',
  user_data: userData(),
  custom_data: customData()
};
put(copy, 'event_id', first([data.eventId, event.event_id]));
put(copy, 'event_source_url', event.page_location);
put(copy, 'referrer_url', event.page_referrer);
put(copy, 'consent', consent());
put(copy, 'click_ids', given(event.client_id) ? { _ga: makeString(event.client_id) } : undefined);

sendHttpRequest(data.gateway + '/' + data.dataset + '/events', {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: 'Bearer ' + data.key },
  timeout: 5000
}, JSON.stringify({ data: [copy], partner_agent: 'twofold-sgtm' })).then((answer) => {
  if (answer.statusCode >= 200 && answer.statusCode < 300) return data.gtmOnSuccess();
  // The answer describes values by kind and length, so no contact data stands in it.
  logToConsole('[twofold] ' + answer.statusCode + ' ' + answer.body);
  data.gtmOnFailure();
}, () => {
  logToConsole('[twofold] the gateway did not answer');
  data.gtmOnFailure();
});


___SERVER_PERMISSIONS___

[
  {
    "instance": {
      "key": {
        "publicId": "read_event_data",
        "versionId": "1"
      },
      "param": [
        {
          "key": "eventDataAccess",
          "value": {
            "type": 1,
            "string": "any"
          }
        }
      ]
    },
    "clientAnnotations": {
      "isEditedByUser": true
    },
    "isRequired": true
  },
  {
    "instance": {
      "key": {
        "publicId": "send_http",
        "versionId": "1"
      },
      "param": [
        {
          "key": "allowedUrls",
          "value": {
            "type": 1,
            "string": "specific"
          }
        },
        {
          "key": "urls",
          "value": {
            "type": 2,
            "listItem": [
              {
                "type": 1,
                "string": "https://*/*"
              }
            ]
          }
        }
      ]
    },
    "clientAnnotations": {
      "isEditedByUser": true
    },
    "isRequired": true
  },
  {
    "instance": {
      "key": {
        "publicId": "get_cookies",
        "versionId": "1"
      },
      "param": [
        {
          "key": "cookieAccess",
          "value": {
            "type": 1,
            "string": "specific"
          }
        },
        {
          "key": "cookieNames",
          "value": {
            "type": 2,
            "listItem": [
              {
                "type": 1,
                "string": "_fbp"
              },
              {
                "type": 1,
                "string": "_fbc"
              }
            ]
          }
        }
      ]
    },
    "clientAnnotations": {
      "isEditedByUser": true
    },
    "isRequired": true
  },
  {
    "instance": {
      "key": {
        "publicId": "logging",
        "versionId": "1"
      },
      "param": [
        {
          "key": "environments",
          "value": {
            "type": 1,
            "string": "debug"
          }
        }
      ]
    },
    "clientAnnotations": {
      "isEditedByUser": true
    },
    "isRequired": true
  }
]


___TESTS___

scenarios:
- name: a purchase is forwarded whole, under the shared event id
  code: |-
    runCode(settings);
    assertThat(sent.url).isEqualTo('https://gateway.shop.example/1234567890/events');
    assertThat(sent.options.method).isEqualTo('POST');
    assertThat(sent.options.headers.authorization).isEqualTo('Bearer key-of-the-dataset');
    assertThat(JSON.parse(sent.body)).isEqualTo({
      data: [{
        event_name: 'Purchase',
        event_time: 1790000000,
        action_source: 'website',
        user_data: {
          em: 'mary@example.com', ph: '+16505551212', fn: 'Mary', country: 'US', external_id: 'C-7',
          client_ip_address: '203.0.113.9', client_user_agent: 'Mozilla/5.0', fbp: 'fb.1.1643992155109.1110590605'
        },
        custom_data: {
          value: 42.5, currency: 'EUR', order_id: '1001',
          contents: [{ id: '111', quantity: 2, item_price: 21.25 }], content_type: 'product', num_items: 2
        },
        event_id: 'page-1001',
        event_source_url: 'https://shop.example/thanks?fbclid=IwAR0',
        consent: { google: { ad_storage: true, ad_user_data: false, gcs: 'G110' } },
        click_ids: { _ga: '1418143823.1643992155' }
      }],
      partner_agent: 'twofold-sgtm'
    });
    assertApi('gtmOnSuccess').wasCalled();
    assertApi('gtmOnFailure').wasNotCalled();
- name: settings win over the event
  code: |-
    settings.eventName = 'Subscribe';
    settings.eventId = 'from-a-variable';
    settings.actionSource = 'phone_call';
    runCode(settings);
    const copy = JSON.parse(sent.body).data[0];
    assertThat(copy.event_name).isEqualTo('Subscribe');
    assertThat(copy.event_id).isEqualTo('from-a-variable');
    assertThat(copy.action_source).isEqualTo('phone_call');
- name: nothing is made up for what the event does not say
  code: |-
    mock('getAllEventData', () => ({ event_name: 'page_view' }));
    mock('getCookieValues', () => []);
    runCode(settings);
    assertThat(JSON.parse(sent.body).data[0]).isEqualTo({
      event_name: 'PageView', event_time: 1790000000, action_source: 'website', user_data: {}, custom_data: {}
    });
- name: a cookie of the visit is read where the event has none
  code: |-
    event['x-fb-ck-fbp'] = undefined;
    mock('getCookieValues', (name) => name === '_fbp' ? ['fb.1.1643992155109.7'] : []);
    runCode(settings);
    assertThat(JSON.parse(sent.body).data[0].user_data.fbp).isEqualTo('fb.1.1643992155109.7');
- name: hashes of another rule are not taken for ours
  code: |-
    event.user_data = { sha256_email_address: 'FSL+4G7cKo0UyRQZD5uEQzmsAsJZ3CXqKsBpH8ZBGpg=' };
    event.user_id = undefined;
    runCode(settings);
    assertThat(JSON.parse(sent.body).data[0].user_data.em).isUndefined();
- name: a refusal is a failure, and the key stands in no message
  code: |-
    answer = { statusCode: 401, headers: {}, body: '{"error":{}}' };
    runCode(settings);
    assertApi('gtmOnFailure').wasCalled();
    assertApi('gtmOnSuccess').wasNotCalled();
    assertThat(logged.join(' ').indexOf('key-of-the-dataset')).isEqualTo(-1);
- name: a gateway that does not answer is a failure
  code: |-
    answer = undefined;
    runCode(settings);
    assertApi('gtmOnFailure').wasCalled();
setup: |-
  const JSON = require('JSON');
  const settings = {
    gateway: 'https://gateway.shop.example', dataset: '1234567890', key: 'key-of-the-dataset', actionSource: 'website'
  };
  const event = {
    event_name: 'purchase', event_id: 'page-1001', transaction_id: '1001', value: 42.5, currency: 'EUR',
    items: [{ item_id: '111', item_name: 'Monopoly', price: 21.25, quantity: 2 }],
    client_id: '1418143823.1643992155', user_id: 'C-7', ip_override: '203.0.113.9', user_agent: 'Mozilla/5.0',
    page_location: 'https://shop.example/thanks?fbclid=IwAR0', 'x-fb-ck-fbp': 'fb.1.1643992155109.1110590605',
    user_data: { email_address: 'mary@example.com', phone_number: '+16505551212', address: [{ first_name: 'Mary', country: 'US' }] },
    consent_state: { ad_storage: true, ad_user_data: false, functionality_storage: true }, 'x-ga-gcs': 'G110'
  };
  const sent = {};
  const logged = [];
  let answer = { statusCode: 200, headers: {}, body: '{"events_received":1}' };
  mock('getAllEventData', () => event);
  mock('getCookieValues', () => []);
  mock('getTimestampMillis', () => 1790000000123);
  mock('logToConsole', (line) => { logged.push(line); });
  mock('sendHttpRequest', (url, options, body) => {
    sent.url = url;
    sent.options = options;
    sent.body = body;
    return { then: (fulfilled, rejected) => answer ? fulfilled(answer) : rejected() };
  });


___NOTES___

Apache-2.0. Part of Twofold; docs/ways-in.md says what it sends.
