/* A stand-in for Meta's pixel, for the demo shop only.
 *
 * Follows the documented stub contract (a queue until this file has loaded, then fbq.callMethod) and sends the
 * image request of the genuine library, but to the sandbox named in this script's own address: ?to=<origin>/tr.
 * Left out on purpose: advanced matching, automatic events, configuration loading, every diagnostic parameter.
 */
(function (window, document) {
  "use strict";
  var fbq = window.fbq;
  if (!fbq || fbq.standin) return;
  fbq.standin = true;
  var endpoint = new URL(document.currentScript.src).searchParams.get("to");
  var pixels = [];
  var viewed = {};
  var held = null; // a list while consent is revoked
  var counter = 0;

  function cookie(name) {
    var found = document.cookie.match(new RegExp("(?:^|; )" + name + "=([^;]*)"));
    return found ? decodeURIComponent(found[1]) : "";
  }

  function keep(name, value) {
    document.cookie = name + "=" + encodeURIComponent(value) + "; path=/; max-age=7776000; SameSite=Lax";
    return value;
  }

  function browserId() {
    return cookie("_fbp") || keep("_fbp", "fb.1." + Date.now() + "." + Math.floor(Math.random() * 1e17));
  }

  function clickId() {
    var clicked = new URLSearchParams(location.search).get("fbclid");
    var kept = cookie("_fbc");
    if (clicked && kept.split(".").slice(3).join(".") !== clicked) return keep("_fbc", "fb.1." + Date.now() + "." + clicked);
    return kept;
  }

  function send(id, name, params, options) {
    if (held) return void held.push([id, name, params, options]);
    if (name === "PageView" && viewed[id]) return; // the genuine pixel sends one per page as well
    viewed[id] = viewed[id] || name === "PageView";
    var query = new URLSearchParams();
    query.set("id", id);
    query.set("ev", name);
    query.set("dl", location.href);
    query.set("rl", document.referrer);
    query.set("if", "false");
    query.set("ts", String(Date.now()));
    Object.keys(params || {}).forEach(function (key) {
      var value = params[key];
      if (value === null || value === undefined) return;
      query.set("cd[" + key + "]", typeof value === "object" ? JSON.stringify(value) : String(value));
    });
    query.set("sw", String(screen.width));
    query.set("sh", String(screen.height));
    query.set("v", "2.9.0-standin");
    query.set("ec", String(counter++));
    var fbc = clickId();
    if (fbc) query.set("fbc", fbc);
    query.set("fbp", browserId());
    var eventId = options && (options.eventID || options.event_id);
    if (eventId) query.set("eid", eventId);
    query.set("rqm", "GET");
    new Image().src = endpoint + "?" + query;
  }

  function everywhere(name, params, options) {
    pixels.forEach(function (id) { send(id, name, params, options); });
  }

  var commands = {
    init: function (id) { if (pixels.indexOf(String(id)) < 0) pixels.push(String(id)); },
    track: everywhere,
    trackCustom: everywhere,
    trackSingle: function (id, name, params, options) { if (pixels.indexOf(String(id)) >= 0) send(String(id), name, params, options); },
    consent: function (word) {
      if (word === "revoke") held = held || [];
      if (word !== "grant" || !held) return;
      var waiting = held;
      held = null;
      waiting.forEach(function (call) { send.apply(null, call); });
    }
  };
  commands.trackSingleCustom = commands.trackSingle;

  function run(call) {
    var command = commands[call[0]];
    if (command) command.apply(null, Array.prototype.slice.call(call, 1));
  }

  fbq.callMethod = function () { run(arguments); };
  // Drained past callMethod: another script may have put itself there, and has seen the queue already.
  while (fbq.queue && fbq.queue.length) run(fbq.queue.shift());
})(window, document);
