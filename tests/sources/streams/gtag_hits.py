"""Hits as Google's tag makes them, with values of our own in the parameters of hits that others recorded and published.

Google documents none of it. What stands here was seen in hits of 2024 to 2026 in public repositories: the order of the parameters, `cu`
for the currency, `pr1` with two letters a field, `ep.` for texts and `epn.` for numbers, `gcs` and `gcd`, shared parameters in the
address and a line an event in the body, `ep.user_data.` of user-provided data, and the `sst.` of a server container's.
"""

from __future__ import annotations

MEASUREMENT_ID = "G-ABC1234567"
_PAGE = "dl=https%3A%2F%2Fshop.example%2Fthanks%3Fgclid%3DCj0KCQ_x1&dr=https%3A%2F%2Fnews.example%2F&dt=Thanks"
_SHARED = (
    f"v=2&tid={MEASUREMENT_ID}&gtm=45je5ca1za200&_p=1789999990000&gcs=G111&gcd=13t3t3t3t5l1&npa=0&dma=1&cid=1677925765.1764678332"
    "&ul=en-us&sr=1920x1080&uaa=arm&uab=64&uamb=0&uap=macOS&are=1&frm=0&pscdl=noapi&_eu=AAAAAAQ&_s=2&sid=1789999980&sct=2&seg=1"
)
_GOODS = (
    "pr1=idSKU_12345~nmGrey%20Tee~brAcme~caApparel~c2Adult~ds2.22~lp0~vagreen~pr10.01~k0google_business_vertical~v0retail~qt3"
    "&pr2=id111~nmMug%2C%201%2F2~pr12.47~qt1"
)


def purchase(order: str) -> str:
    """A GET, all in the address."""
    return (
        f"{_SHARED}&cu=EUR&{_PAGE}&en=purchase&_ee=1&{_GOODS}&ep.transaction_id={order}&epn.value=42.5&epn.tax=3.6&ep.coupon=SUMMER"
        "&_et=7&tfd=18058"
    )


def batch(order: str) -> tuple[str, str]:
    """A POST: what is shared in the address, a line an event in the body."""
    lines = (
        "en=page_view&_ee=1&_et=5",
        "en=scroll&epn.percent_scrolled=90&_et=2",
        "en=view_item&cu=EUR&pr1=idSKU_12345~nmGrey%20Tee~pr10.01~qt1&epn.value=10.01",
        f"en=purchase&cu=EUR&{_GOODS}&ep.transaction_id={order}&epn.value=42.5&_et=9",
    )
    return f"{_SHARED}&{_PAGE}", "\r\n".join(lines)


def of_a_container(order: str) -> str:
    """With user-provided data and an id, as tags of server containers are set up for the platforms behind them."""
    return (
        f"{_SHARED}&sst.etld=shop.example&sst.tft=1789999990000&_fplc=0&cu=EUR&{_PAGE}&en=purchase&_c=1&{_GOODS}"
        f"&ep.event_id=1738980736899_1739204876203&ep.value=42.5&ep.transaction_id={order}"
        "&ep.user_data.email=John_Smith%40gmail.com&ep.user_data.address.first_name=Mary&ep.user_data.address.city=Menlo%20Park"
        "&ep.x-fb-ck-fbp=fb.1.1789990000000.1110590605&richsstsse"
    )
