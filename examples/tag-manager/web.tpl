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
  "description": "Loads the Twofold tag from your own gateway and reports an event to it, under the event id that your server gives the same action.",
  "containerContexts": [
    "WEB"
  ]
}


___TEMPLATE_PARAMETERS___

[
  {
    "type": "TEXT",
    "name": "scriptUrl",
    "displayName": "Address of the tag",
    "simpleValueType": true,
    "help": "Where your gateway serves twofold.js. If you changed server.tag_path, change the permission \"Injects scripts\" of this template too.",
    "valueHint": "https://gateway.shop.example/t/twofold.js",
    "valueValidators": [
      {
        "type": "NON_EMPTY"
      },
      {
        "type": "REGEX",
        "args": [
          "^https://[^/]+/.+"
        ],
        "errorMessage": "An https address, such as https://gateway.shop.example/t/twofold.js"
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
    "type": "SELECT",
    "name": "report",
    "displayName": "Report",
    "simpleValueType": true,
    "macrosInSelect": false,
    "defaultValue": "layer",
    "selectItems": [
      {
        "value": "layer",
        "displayValue": "the event of the data layer (GA4 e-commerce)"
      },
      {
        "value": "fields",
        "displayValue": "the event of the fields below"
      },
      {
        "value": "nothing",
        "displayValue": "nothing: load the tag only, the page calls fbq itself"
      }
    ]
  },
  {
    "type": "GROUP",
    "name": "event",
    "displayName": "Event",
    "groupStyle": "ZIPPY_OPEN",
    "enablingConditions": [
      {
        "paramName": "report",
        "paramValue": "nothing",
        "type": "NOT_EQUALS"
      }
    ],
    "subParams": [
      {
        "type": "TEXT",
        "name": "eventName",
        "displayName": "Name",
        "simpleValueType": true,
        "help": "Empty: that of the data layer. GA4's names and Meta's are understood, others are custom events."
      },
      {
        "type": "TEXT",
        "name": "eventId",
        "displayName": "Event id",
        "simpleValueType": true,
        "help": "The id that your server gives the same action. Empty: event_id of the data layer; else the tag makes one."
      },
      {
        "type": "TEXT",
        "name": "orderId",
        "displayName": "Order",
        "simpleValueType": true,
        "help": "Empty: ecommerce.transaction_id."
      },
      {
        "type": "TEXT",
        "name": "value",
        "displayName": "Value",
        "simpleValueType": true,
        "help": "Empty: ecommerce.value. With a point and without a currency sign."
      },
      {
        "type": "TEXT",
        "name": "currency",
        "displayName": "Currency",
        "simpleValueType": true,
        "help": "Empty: ecommerce.currency. ISO 4217."
      },
      {
        "type": "TEXT",
        "name": "items",
        "displayName": "Goods",
        "simpleValueType": true,
        "help": "A variable with a list of GA4 items. Empty: ecommerce.items."
      }
    ]
  },
  {
    "type": "GROUP",
    "name": "person",
    "displayName": "Contact data (hashed in the browser)",
    "groupStyle": "ZIPPY_CLOSED",
    "subParams": [
      {
        "type": "TEXT",
        "name": "email",
        "displayName": "E-mail address",
        "simpleValueType": true
      },
      {
        "type": "TEXT",
        "name": "phone",
        "displayName": "Phone, with its country code",
        "simpleValueType": true
      },
      {
        "type": "TEXT",
        "name": "customer",
        "displayName": "Your id of the customer",
        "simpleValueType": true
      }
    ]
  },
  {
    "type": "CHECKBOX",
    "name": "grants",
    "checkboxText": "A consent tool sets Google consent mode on this site, so what is granted was granted",
    "simpleValueType": true,
    "defaultValue": false,
    "help": "What is denied is always obeyed. Without a tool nothing was granted by anybody, though Google's consent mode says so: leave this off."
  }
]


___SANDBOXED_JS_FOR_WEB_TEMPLATE___

const addConsentListener = require('addConsentListener');
const callInWindow = require('callInWindow');
const copyFromDataLayer = require('copyFromDataLayer');
const getType = require('getType');
const injectScript = require('injectScript');
const isConsentGranted = require('isConsentGranted');
const logToConsole = require('logToConsole');
const makeNumber = require('makeNumber');
const makeString = require('makeString');

// Names of GA4's e-commerce events -> Meta's standard events, which the tag and the gateway speak.
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
const STANDARD = ['AddPaymentInfo', 'AddToCart', 'AddToWishlist', 'CompleteRegistration', 'Contact', 'CustomizeProduct',
  'Donate', 'FindLocation', 'InitiateCheckout', 'Lead', 'PageView', 'Purchase', 'Schedule', 'Search', 'StartTrial',
  'SubmitApplication', 'Subscribe', 'ViewContent'];
const PURPOSES = ['ad_storage', 'ad_user_data'];

const given = (value) => value !== undefined && value !== null && value !== '';
const either = (field, layer) => given(field) ? field : layer;

const goods = (items) => {
  if (getType(items) !== 'array') return [];
  const found = [];
  items.forEach((item) => {
    const id = either(item.item_id, item.item_name);
    if (!given(id)) return;
    const content = { id: makeString(id), quantity: given(item.quantity) ? makeNumber(item.quantity) : 1 };
    if (given(item.price)) content.item_price = makeNumber(item.price);
    found.push(content);
  });
  return found;
};

const parameters = (fromLayer) => {
  const shop = (fromLayer && copyFromDataLayer('ecommerce')) || {};
  const params = {};
  const value = either(data.value, shop.value);
  const currency = either(data.currency, shop.currency);
  const order = either(data.orderId, shop.transaction_id);
  const contents = goods(either(data.items, shop.items));
  if (given(value)) params.value = makeNumber(value);
  if (given(currency)) params.currency = makeString(currency);
  if (given(order)) params.order_id = makeString(order);
  if (contents.length) {
    params.contents = contents;
    params.content_type = 'product';
    params.num_items = contents.reduce((sum, content) => sum + content.quantity, 0);
  }
  return params;
};

const person = () => {
  const found = {};
  if (given(data.email)) found.em = makeString(data.email);
  if (given(data.phone)) found.ph = makeString(data.phone);
  if (given(data.customer)) found.external_id = makeString(data.customer);
  return found;
};

// Denied is always said; granted only where somebody was asked.
const tellConsent = () => {
  const denied = PURPOSES.filter((purpose) => !isConsentGranted(purpose));
  if (denied.length) {
    callInWindow('fbq', 'consent', 'revoke');
    denied.forEach((purpose) => addConsentListener(purpose, () => {
      if (PURPOSES.every(isConsentGranted)) callInWindow('fbq', 'consent', 'grant');
    }));
  } else if (data.grants) {
    callInWindow('fbq', 'consent', 'grant');
  }
};

const report = () => {
  tellConsent();
  if (data.report === 'nothing') return;
  const fromLayer = data.report === 'layer';
  const said = either(data.eventName, fromLayer ? copyFromDataLayer('event') : undefined);
  if (!given(said)) {
    logToConsole('[twofold] no name of an event: nothing is reported');
    return;
  }
  const name = NAMES[said] || makeString(said);
  const id = either(data.eventId, fromLayer ? copyFromDataLayer('event_id') : undefined);
  callInWindow('fbq', 'init', data.dataset, person());
  callInWindow('fbq', STANDARD.indexOf(name) < 0 ? 'trackSingleCustom' : 'trackSingle', data.dataset, name,
    parameters(fromLayer), given(id) ? { eventID: makeString(id) } : {});
};

injectScript(data.scriptUrl, () => {
  report();
  data.gtmOnSuccess();
}, data.gtmOnFailure, data.scriptUrl);


___WEB_PERMISSIONS___

[
  {
    "instance": {
      "key": {
        "publicId": "inject_script",
        "versionId": "1"
      },
      "param": [
        {
          "key": "urls",
          "value": {
            "type": 2,
            "listItem": [
              {
                "type": 1,
                "string": "https://*/t/twofold.js"
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
        "publicId": "access_globals",
        "versionId": "1"
      },
      "param": [
        {
          "key": "keys",
          "value": {
            "type": 2,
            "listItem": [
              {
                "type": 3,
                "mapKey": [
                  {
                    "type": 1,
                    "string": "key"
                  },
                  {
                    "type": 1,
                    "string": "read"
                  },
                  {
                    "type": 1,
                    "string": "write"
                  },
                  {
                    "type": 1,
                    "string": "execute"
                  }
                ],
                "mapValue": [
                  {
                    "type": 1,
                    "string": "fbq"
                  },
                  {
                    "type": 8,
                    "boolean": false
                  },
                  {
                    "type": 8,
                    "boolean": false
                  },
                  {
                    "type": 8,
                    "boolean": true
                  }
                ]
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
        "publicId": "read_data_layer",
        "versionId": "1"
      },
      "param": [
        {
          "key": "allowedKeys",
          "value": {
            "type": 1,
            "string": "specific"
          }
        },
        {
          "key": "keyPatterns",
          "value": {
            "type": 2,
            "listItem": [
              {
                "type": 1,
                "string": "event"
              },
              {
                "type": 1,
                "string": "event_id"
              },
              {
                "type": 1,
                "string": "ecommerce"
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
        "publicId": "access_consent",
        "versionId": "1"
      },
      "param": [
        {
          "key": "consentTypes",
          "value": {
            "type": 2,
            "listItem": [
              {
                "type": 3,
                "mapKey": [
                  {
                    "type": 1,
                    "string": "consentType"
                  },
                  {
                    "type": 1,
                    "string": "read"
                  },
                  {
                    "type": 1,
                    "string": "write"
                  }
                ],
                "mapValue": [
                  {
                    "type": 1,
                    "string": "ad_storage"
                  },
                  {
                    "type": 8,
                    "boolean": true
                  },
                  {
                    "type": 8,
                    "boolean": false
                  }
                ]
              },
              {
                "type": 3,
                "mapKey": [
                  {
                    "type": 1,
                    "string": "consentType"
                  },
                  {
                    "type": 1,
                    "string": "read"
                  },
                  {
                    "type": 1,
                    "string": "write"
                  }
                ],
                "mapValue": [
                  {
                    "type": 1,
                    "string": "ad_user_data"
                  },
                  {
                    "type": 8,
                    "boolean": true
                  },
                  {
                    "type": 8,
                    "boolean": false
                  }
                ]
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
- name: a purchase of the data layer is reported under the event id of the page
  code: |-
    runCode(settings);
    assertApi('injectScript').wasCalled();
    assertApi('gtmOnSuccess').wasCalled();
    assertThat(calls).isEqualTo([
      ['fbq', 'init', '1234567890', {}],
      ['fbq', 'trackSingle', '1234567890', 'Purchase', {
        value: 42.5, currency: 'EUR', order_id: '1001',
        contents: [{ id: '111', quantity: 2, item_price: 21.25 }], content_type: 'product', num_items: 2
      }, { eventID: 'page-1001' }]
    ]);
- name: fields win over the data layer
  code: |-
    settings.eventName = 'Newsletter';
    settings.eventId = 'from-a-variable';
    settings.value = '7';
    settings.email = 'mary@example.com';
    runCode(settings);
    assertThat(calls[0]).isEqualTo(['fbq', 'init', '1234567890', { em: 'mary@example.com' }]);
    assertThat(calls[1][1]).isEqualTo('trackSingleCustom');
    assertThat(calls[1][3]).isEqualTo('Newsletter');
    assertThat(calls[1][4].value).isEqualTo(7);
    assertThat(calls[1][5]).isEqualTo({ eventID: 'from-a-variable' });
- name: without an event id none is made up here
  code: |-
    layer.event_id = undefined;
    runCode(settings);
    assertThat(calls[1][5]).isEqualTo({});
- name: what was denied is said before anything else, and the grant when it comes
  code: |-
    let granted = false;
    let heard;
    mock('isConsentGranted', () => granted);
    mock('addConsentListener', (purpose, listener) => { heard = listener; });
    runCode(settings);
    assertThat(calls[0]).isEqualTo(['fbq', 'consent', 'revoke']);
    assertThat(calls.length).isEqualTo(3);
    granted = true;
    heard('ad_user_data', true);
    assertThat(calls[3]).isEqualTo(['fbq', 'consent', 'grant']);
- name: a grant is stated only where a consent tool is
  code: |-
    settings.grants = true;
    runCode(settings);
    assertThat(calls[0]).isEqualTo(['fbq', 'consent', 'grant']);
- name: the tag alone is loaded where the page calls fbq itself
  code: |-
    settings.report = 'nothing';
    runCode(settings);
    assertThat(calls).isEqualTo([]);
    assertApi('gtmOnSuccess').wasCalled();
- name: a tag that cannot be loaded is a failure, and nothing is called
  code: |-
    mock('injectScript', (url, onSuccess, onFailure) => onFailure());
    runCode(settings);
    assertApi('gtmOnFailure').wasCalled();
    assertApi('gtmOnSuccess').wasNotCalled();
    assertThat(calls).isEqualTo([]);
setup: |-
  const settings = {
    scriptUrl: 'https://gateway.shop.example/t/twofold.js', dataset: '1234567890', report: 'layer', grants: false
  };
  const layer = {
    event: 'purchase',
    event_id: 'page-1001',
    ecommerce: {
      transaction_id: '1001', value: 42.5, currency: 'EUR',
      items: [{ item_id: '111', item_name: 'Monopoly', price: 21.25, quantity: 2 }]
    }
  };
  const calls = [];
  mock('copyFromDataLayer', (key) => layer[key]);
  mock('isConsentGranted', () => true);
  mock('injectScript', (url, onSuccess) => onSuccess());
  mock('callInWindow', function() {
    const call = [];
    for (let i = 0; i < arguments.length; i++) call.push(arguments[i]);
    calls.push(call);
  });


___NOTES___

Apache-2.0. Part of Twofold; docs/ways-in.md says what it sends.
