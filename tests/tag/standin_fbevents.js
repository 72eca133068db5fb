/*
 * A stand-in for Meta's browser library, written from its contract (it contains none of Meta's code):
 * takes over fbq.callMethod, drains the queue in order, locks on revoked consent, suppresses a second
 * PageView, makes PageViews on navigation unless fbq.disablePushState, and reports to /tr with an image.
 */
(function () {
  'use strict';
  var fbq = window.fbq;
  if (!fbq) throw new Error('no fbq on the page');
  if (window.fbq !== window._fbq) console.warn('conflicting versions');
  var pixels = [];
  var locks = {};
  var options = null;
  var watching = false;
  var place = location.href;
  var modules = { SignalsFBEventsFireLock: { global: { _locks: locks } } };

  function fire(pixel, name, custom, eventData) {
    var query = new URLSearchParams({ id: pixel.id, ev: name, dl: location.href });
    Object.keys(custom || {}).forEach(function (key) {
      var value = custom[key];
      query.set('cd[' + key + ']', typeof value === 'object' ? JSON.stringify(value) : value);
    });
    var id = eventData && (eventData.eventID != null ? eventData.eventID : eventData.event_id);
    if (id != null) query.set('eid', id);
    pixel.eventCount++;
    new Image().src = '/tr?' + query;
    if (!watching) watch();
  }

  function toAll(self, name, custom, eventData) {
    pixels.forEach(function (pixel) {
      if (name === 'PageView' && pixel.viewed && !self.allowDuplicatePageViews) return;
      if (name === 'PageView') pixel.viewed = true;
      fire(pixel, name, custom, eventData);
    });
  }

  function watch() {
    watching = true;
    if (fbq.disablePushState === true) return;
    var moved = function () {
      if (location.href === place) return;
      place = location.href;
      call.call({ allowDuplicatePageViews: true }, 'trackCustom', 'PageView');
    };
    ['pushState', 'replaceState'].forEach(function (name) {
      var original = history[name];
      history[name] = function () {
        original.apply(this, arguments);
        moved();
      };
    });
    window.addEventListener('popstate', moved);
  }

  function call(command, a, b, c, d) {
    if (locks.consent && command !== 'consent') return void fbq.queue.push(arguments);
    if (command === 'init' && !pixels.some(function (pixel) { return pixel.id === String(a); })) {
      pixels.push({ id: String(a), userData: b || {}, eventCount: 0 });
    }
    if (command === 'track' || command === 'trackCustom') toAll(this, a, b, c);
    if (command === 'trackSingle' || command === 'trackSingleCustom') {
      pixels.forEach(function (pixel) { if (pixel.id === String(a)) fire(pixel, b, c, d); });
    }
    if (command === 'dataProcessingOptions') {
      options = { dataProcessingOptions: a, dataProcessingCountry: b, dataProcessingState: c };
    }
    if (command === 'consent' && a === 'revoke') locks.consent = 1;
    if (command === 'consent' && a === 'grant') {
      delete locks.consent;
      drain();
    }
  }

  function drain() {
    while (fbq.queue.length && !locks.consent) call.apply(fbq, fbq.queue.shift());
  }

  fbq.getFbeventsModules = function (name) { return modules[name]; };
  fbq.getState = function () { return { pixels: pixels }; };
  fbq.instance = { pluginConfig: { getWithGlobalFallback: function () { return options; } } };
  fbq.callMethod = call;
  drain();
})();
