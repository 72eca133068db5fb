"""The walk that nobody recorded: a product, the cart, the start of checkout, found as a person would find them.

Owns the signs of a product, of a button that adds, of a cart and of a checkout, of the shop systems that are common and in some
languages. It fills nothing in and never presses a button of a checkout: no order is made. What it cannot find it says.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

Opens = Callable[[str], Awaitable[bool]]
"""Opens an address, or a path of the page that is open; True when it is there."""
Notes = Callable[[str], None]

_PRODUCT = re.compile(r"/(?:products?|producto|produkt|produit|prodotto|item|p)(?:[/.?-][^/]|\?)", re.I)
_CART = re.compile(r"/(?:cart|basket|bag|warenkorb|panier|carrito|kalata)(?:\.\w+)?/?", re.I)
_ADD_WORDS = re.compile(
    r"add to (?:cart|bag|basket|trolley)|in den (?:warenkorb|einkaufswagen)|ajouter au panier|añadir al carrito|agregar al carrito|"
    r"aggiungi al carrello|adicionar ao carrinho|do koszyka|in winkelwagen|sepete ekle|в корзину|კალათაში",
    re.I,
)  # fmt: skip
# Words of entering a checkout only: what may also mean "buy now" is left out.
_CHECKOUT_WORDS = re.compile(
    r"check ?out|zur kasse|tramitar pedido|procedi all'ordine|do kasy|afrekenen|ödemeye geç|перейти к оформлению", re.I
)
_ADD = (
    'form[action*="/cart/add"] [type="submit"]:not([disabled])',
    "button.single_add_to_cart_button:not([disabled])",
    'button[name="add"]:not([disabled])',
    'button[name="add-to-cart"]:not([disabled])',
    '[data-testid*="add-to-cart" i]',
    '[class*="add-to-cart" i]:is(button, a, input):not([disabled])',
    '[id*="add-to-cart" i]:is(button, a, input):not([disabled])',
)
_CHECKOUT = (
    '[name="checkout"]:not([disabled])',
    "a.checkout-button",
    'a[href*="/checkout"]',
)
# Where these stand, it is a checkout, and nothing is pressed.
_PAYS = 'input[autocomplete^="cc-"], input[name*="card_number" i], input[name*="address1" i], input[name*="address_1" i], [autocomplete="street-address"]'
_LINKS = "els => els.slice(0, 2000).map(e => e.href)"
CLICK_MS = 5_000


async def to_product(page: Any, opens: Opens, notes: Notes) -> bool:
    """From the page that is open to a product's; where it already is one, nothing."""
    if _is_product(page.url):
        return True
    links = [link for link in await _links(page) if _is_product(link)]
    for link in list(dict.fromkeys(links))[:3]:
        if await opens(link):
            return True
    if await _first(page, _ADD) is not None or await _worded(page, _ADD_WORDS) is not None:
        return True
    notes("no product was found from this page: begin at a product's address, or record steps")
    return False


def _is_product(url: str) -> bool:
    parts = urlsplit(url)
    return _PRODUCT.search(f"{parts.path}?{parts.query}") is not None


async def add_to_cart(page: Any, notes: Notes) -> bool:
    """Presses the button that adds, once."""
    button = await _first(page, _ADD) or await _worded(page, _ADD_WORDS)
    if button is None:
        notes("no button that adds to the cart was found: record steps")
        return False
    return await _press(button, notes, "the button that adds to the cart could not be pressed")


async def to_cart(page: Any, opens: Opens, notes: Notes) -> bool:
    """The cart's own page, by a link of this one, else where most shops have it."""
    path = urlsplit(page.url).path
    if _CART.fullmatch(path) or "/checkout" in path:
        return True
    links = [link for link in await _links(page) if re.search(_CART.pattern + "$", urlsplit(link).path, re.I)]
    if await opens(links[0] if links else "/cart"):
        return True
    notes("no page of the cart was found: record steps")
    return False


async def to_checkout(page: Any, opens: Opens, notes: Notes) -> bool:
    """Enters checkout; what stands there is left alone."""
    if "/checkout" in urlsplit(page.url).path or await page.locator(_PAYS).count():
        return True
    button = await _first(page, _CHECKOUT) or await _worded(page, _CHECKOUT_WORDS)
    if button is not None:
        href = await button.evaluate("e => e.tagName === 'A' ? e.href : ''", timeout=CLICK_MS)
        if href.startswith("http"):
            return await opens(href)
        return await _press(button, notes, "the button of the checkout could not be pressed")
    if await opens("/checkout"):
        return True
    notes("no checkout was found: record steps")
    return False


async def _links(page: Any) -> list[str]:
    return [str(link) for link in await page.eval_on_selector_all("a[href]", _LINKS) if str(link).startswith("http")]


async def _first(page: Any, selectors: tuple[str, ...]) -> Any:
    """The first element that is there and can be seen."""
    for selector in selectors:
        found = page.locator(selector)
        for number in range(min(await found.count(), 5)):
            if await found.nth(number).is_visible():
                return found.nth(number)
    return None


async def _worded(page: Any, words: re.Pattern[str]) -> Any:
    for role in ("button", "link"):
        found = page.get_by_role(role, name=words)
        for number in range(min(await found.count(), 5)):
            if await found.nth(number).is_visible():
                return found.nth(number)
    return None


async def _press(button: Any, notes: Notes, words: str) -> bool:
    """A click as a person's; where something lies over the button, one that goes past it."""
    from playwright.async_api import Error

    try:
        await button.click(timeout=CLICK_MS)
    except Error:
        try:
            await button.dispatch_event("click", timeout=CLICK_MS)
        except Error:
            notes(words)
            return False
    return True
