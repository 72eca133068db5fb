"""A shop on this machine with seven senders, and sites that misbehave. The tests' own words for what a page does."""

from __future__ import annotations

import datetime
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = "www.shop.example"
META = "https://www.facebook.com/tr/?id=1234567890"
APP = "cdn.shopify.com/extensions/0190a7b1-58c0-7d3e-9f5f-6f6a4bb0a111/loyal-12/assets/loyal.js"

# Meta's library in our own words: it takes the queue of the page's snippet, and then each call as it comes.
FBEVENTS = f"""(function () {{
  var q = fbq.queue;
  function send(a) {{ if (a[0] === 'track') new Image().src = '{META}&ev=' + a[1] + '&eid=' + ((a[3] || {{}}).eventID || '') +
    '&cd[value]=' + ((a[2] || {{}}).value || '') + '&cd[currency]=' + ((a[2] || {{}}).currency || ''); }}
  fbq.callMethod = function () {{ send(arguments); }};
  while (q.length) send(q.shift());
}})();"""
SNIPPET = """<script>
(function (w, d) { var n = w.fbq = function () { n.callMethod ? n.callMethod.apply(n, arguments) : n.queue.push(arguments); };
  n.queue = []; var s = d.createElement('script'); s.async = true; s.src = 'https://connect.facebook.net/en_US/fbevents.js';
  d.head.appendChild(s); })(window, document);
fbq('init', '1234567890');
fbq('track', 'ViewContent', {value: 49.9, currency: 'EUR'}, {eventID: 'theme.1'});
</script>"""
# The tag manager writes a script without an address, which waits and then sends.
GTM = f"""(function () {{ var s = document.createElement('script');
  s.text = "setTimeout(function () {{ new Image().src = '{META}&ev=PageView&a=tmgoogletagmanager&eid=gtm.' + Date.now(); }}, 20)";
  document.head.appendChild(s); }})();"""
THEME = f"""document.addEventListener('submit', function (e) {{ e.preventDefault();
  navigator.sendBeacon('{META}', new URLSearchParams({{ev: 'AddToCart', eid: 'asset.1', 'cd[value]': '49.90', 'cd[currency]': 'EUR',
    'ud[em]': 'nino@example.com'}}));
  document.body.dataset.added = '1'; }});"""
LOYAL = """fetch('https://analytics.tiktok.com/api/v2/pixel', {method: 'POST', mode: 'no-cors', keepalive: true, body: JSON.stringify(
  {event: 'ViewContent', event_id: 'loyal.1', context: {pixel: {code: 'C1TEST'}, user: {email: 'nino@example.com'}},
   properties: {value: 49.9, currency: 'EUR'}})});"""
# The loader of customer events: a worker for an app's pixel, a sandboxed frame for one that was written by hand.
WPM = """new Worker('/wpm@b7f2/app/web-pixel-111@9/worker.js');
var f = document.createElement('iframe'); f.sandbox = 'allow-scripts allow-same-origin';
f.src = '/wpm@b7f2/custom/web-pixel-222@3/sandbox/modern/products/cup'; document.body.appendChild(f);"""
APP_PIXEL = f"fetch('{META}&ev=ViewContent&eid=sh-1', {{mode: 'no-cors'}});"
CUSTOM_PIXEL = f"<script>fetch('{META}&ev=ViewContent&eid=custom.1', {{mode: 'no-cors', keepalive: true}});</script>"
# An app of the old list of scripts: it sends from a worker made of text.
ASYNC_LOAD = """<script>(function () { function asyncLoad() { var s = document.createElement('script');
  s.src = 'https://app.pins.example/pins.js?shop=demo.myshopify.com'; document.head.appendChild(s); }
  window.addEventListener('load', asyncLoad); })();</script>"""
PINS = """new Worker(URL.createObjectURL(new Blob([
  "fetch('https://ct.pinterest.com/v3/?tid=2612345&event=pagevisit&ed=' + encodeURIComponent(JSON.stringify({event_id: 'pin.1'})), {mode: 'no-cors'})"
], {type: 'text/javascript'})));"""

PRODUCT = f"""<html><head><title>Cup</title>{SNIPPET}{ASYNC_LOAD}
<script src="https://www.googletagmanager.com/gtm.js?id=GTM-TEST123"></script>
<script src="/cdn/shop/t/7/assets/theme.js?v=12"></script></head>
<body><form action="/cart/add" method="post"><button type="submit" name="add">Add to cart</button></form>
<a href="/cart">Cart</a><script src="/cdn/wpm/bb7f2m.js"></script><script async src="https://{APP}"></script>
<noscript><img src="{META}&ev=PageView&noscript=1"></noscript></body></html>"""
CHECKOUT = """<html><body><form><input name="email"><button>Pay now</button></form><script>
navigator.sendBeacon('/t/events', JSON.stringify({dataset: '1234567890', events: [
  {event_name: 'InitiateCheckout', event_id: 'tag.1', custom_data: {value: 49.9, currency: 'EUR'}}]}));
fetch('https://region1.google-analytics.com/g/collect?v=2&tid=G-TEST1234&cid=1.2', {method: 'POST', mode: 'no-cors',
  body: 'en=begin_checkout&epn.value=49.9&cu=EUR\\nen=page_view'});
navigator.serviceWorker.register('/sw.js'); new SharedWorker('/shared.js'); new Worker('/outer.js');
</script><iframe src="https://chat.partner.example/frame"></iframe>
<iframe sandbox="allow-scripts" srcdoc="<script src='/srcdoc.js'></script>"></iframe></body></html>"""


def _sends(event_id: str) -> str:
    return f"fetch('{META}&ev=InitiateCheckout&eid={event_id}', {{mode: 'no-cors'}});"


def _image(event_id: str) -> str:
    return f"(new Image).src='{META}&ev=PageView&eid={event_id}';"


# What is hard to credit: each way of a script to another place or moment, minified as bundlers leave it.
HARD = {
    "hard.example/module.js": "new Worker('https://www.shop.example/mw.js',{type:'module'});",
    f"{HOST}/mw.js": "import {t} from '/dep.js';t('module-worker.1');import('/lazy.js');",
    f"{HOST}/dep.js": f"export const t=e=>fetch('{META}&ev=PageView&eid='+e,{{mode:'no-cors'}});",
    f"{HOST}/lazy.js": f"self.postMessage(0);fetch('{META}&ev=PageView&eid=lazy.1',{{mode:'no-cors'}});",
    "cdn.written.example/w.js": f'document.write("<script>{_image("written.1")}<\\/script>");',
    "cdn.later.example/l.min.js": f"!function(e){{Promise.resolve().then(()=>setTimeout(()=>requestAnimationFrame(()=>{{{_image('later.1')}}}),30))}}(this);",
    "cdn.dynamic.example/d.js": "import('https://cdn.dynamic.example/chunk-a1.js');",
    "cdn.dynamic.example/chunk-a1.js": f"navigator.sendBeacon('{META}',new URLSearchParams({{ev:'PageView',eid:'dynamic.1'}}));",
    "cdn.frames.example/f.js": "var f=document.createElement('iframe');document.body.appendChild(f);"
    "var g=f.contentDocument.createElement('iframe');f.contentDocument.body.appendChild(g);"
    f"var s=g.contentDocument.createElement('script');s.text=\"{_image('nested-frame.1')}\";g.contentDocument.body.appendChild(s);",
    "cdn.blobs.example/b.js": "var s=document.createElement('script');s.src=URL.createObjectURL(new Blob([\""
    + _image("blob.1") + "\"],{type:'text/javascript'}));document.head.appendChild(s);",
    "cdn.evals.example/e.js": f"(0,eval)(\"{_image('eval.1')}\");new Function(\"{_image('function.1')}\")();",
    "cdn.form.example/x.js": "document.addEventListener('DOMContentLoaded',function(){var x=new XMLHttpRequest;"
    f"x.open('POST','{META}&ev=PageView&eid=xhr.1');x.withCredentials=!1;x.send('a=1')}});",
}  # fmt: skip
HARD_TAGS = "".join(
    f'<script src="https://{name}"{" type=module" if name.endswith("/d.js") else ""}></script>'
    for name in HARD
    if not name.startswith((HOST, "cdn.frames")) and "chunk" not in name
)
CART = f"""<html><head>{HARD_TAGS}</head><body><script src="https://cdn.frames.example/f.js"></script>
<img src="{META}&ev=PageView&eid=plain-image.1">
<a class="checkout-button" href="/checkouts/cn/hWN6aGVhZGVyMTIzNDU2Nzg5MDEy">Check out</a></body></html>"""

SCRIPTS = {
    f"{HOST}/sw.js": _sends("service.1"),
    f"{HOST}/shared.js": _sends("shared.1"),
    f"{HOST}/outer.js": "new Worker('/nested.js');",
    f"{HOST}/nested.js": _sends("nested.1"),
    f"{HOST}/srcdoc.js": _sends("srcdoc.1"),
    "connect.facebook.net/en_US/fbevents.js": FBEVENTS,
    "www.googletagmanager.com/gtm.js": GTM,
    APP: LOYAL,
    "app.pins.example/pins.js": PINS,
    f"{HOST}/cdn/shop/t/7/assets/theme.js": THEME,
    f"{HOST}/cdn/wpm/bb7f2m.js": WPM,
    f"{HOST}/wpm@b7f2/app/web-pixel-111@9/worker.js": APP_PIXEL,
    **HARD,
}
PAGES = {
    "chat.partner.example/frame": f"<html><script>{_sends('partner.1')}</script></html>",
    f"{HOST}/": '<html><body><a href="/products/cup">Cup</a></body></html>',
    f"{HOST}/products/cup": PRODUCT,
    f"{HOST}/wpm@b7f2/custom/web-pixel-222@3/sandbox/modern/products/cup": CUSTOM_PIXEL,
    f"{HOST}/cart": CART,
    f"{HOST}/checkouts/cn/hWN6aGVhZGVyMTIzNDU2Nzg5MDEy": CHECKOUT,
}

PIXEL = f"<script>new Image().src = '{META}&ev=PageView&eid=seen.1';</script>"
BAD = {
    "hang": f"{PIXEL}<script>setTimeout(function () {{ while (true) {{}} }}, 300);</script>",
    "loop": f"{PIXEL}<script>setTimeout(function () {{ location.reload(); }}, 5);</script>",
    "storm": f"<script>for (var i = 0; i < 500; i++) new Image().src = '{META}&ev=PageView&eid=' + i;</script>",
    "pesters": f"""{PIXEL}<script>window.open('/'); setTimeout(function () {{ location = '/file.bin'; }}, 100);
      setTimeout(function () {{ location = 'https://www.other.example/'; }}, 250); setTimeout(function () {{ alert('stay'); }}, 400);
      onbeforeunload = function () {{ return 'no'; }};</script>""",
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        host, path = self.headers.get("host", ""), urlsplit(self.path).path
        name = host.partition(".")[0]
        found = SCRIPTS.get(f"{host}{path}")
        if found is not None:
            self._send(200, "text/javascript", found)
        elif f"{host}{path}" in PAGES:
            self._send(200, "text/html", PAGES[f"{host}{path}"])
        elif name in BAD and path == "/":
            self._send(200, "text/html", f"<html><head>{BAD[name]}</head><body></body></html>")
        elif path == "/file.bin":
            self._send(200, "application/octet-stream", "x", {"content-disposition": "attachment"})
        elif name == "moved":
            self._send(302, "text/html", "", {"location": "https://www.other.example/"})
        elif name == "refuses":
            self._send(403, "text/html", f"<html>{PIXEL}no robots</html>")
        elif path in ("/tr/", "/v3/", "/g/collect"):
            self._send(200, "image/gif", "")
        elif name == "silent":
            time.sleep(self.server.silence_s)  # type: ignore[attr-defined]
        else:
            self._send(404, "text/html", "not here")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._send(200, "application/json", "{}")

    def _send(self, status: int, kind: str, body: str, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for key, value in {
                "access-control-allow-origin": "*",  # of modules from elsewhere
                "content-type": kind,
                "content-length": str(len(body.encode())),
                **(headers or {}),
            }.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body.encode())
        except ConnectionError:
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


def _certificate(folder: Path) -> tuple[Path, Path]:
    """One that nobody trusts, for any name: the browser of these tests asks for none better."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(begin).not_valid_after(begin.replace(year=2046))
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    silence_s = 60.0  # longer than any walk waits for it

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a browser that goes away, or speaks plainly to a door that does not


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The port at which every host of these tests answers."""
    server = _Server(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_certificate(folder))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def only_here(port: int) -> tuple[str, ...]:
    """Every name is this machine: nothing leaves it."""
    return (f"--host-resolver-rules=MAP * 127.0.0.1:{port}", "--disable-gpu", "--ignore-certificate-errors")
