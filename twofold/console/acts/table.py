"""The acts of the pages: at which address, with which right."""

from __future__ import annotations

from collections.abc import Callable

from twofold.console.access.roles import Right
from twofold.console.acts.acceptance import begin, overrule, sign, tick
from twofold.console.acts.act import Act, Done
from twofold.console.acts.books.dropping import keep_file, read_again, throw_away
from twofold.console.acts.books.matching import say_match
from twofold.console.acts.care.erasing import erase_person, let_go_on, look_for
from twofold.console.acts.care.restoring import prepare
from twofold.console.acts.care.secrets import replace_secret
from twofold.console.acts.decisions import conclude, decide
from twofold.console.acts.doctor import ask_doctor
from twofold.console.acts.figures import type_in
from twofold.console.acts.findings import say
from twofold.console.acts.owners import say_expected, say_owner
from twofold.console.acts.trials import keep, start

ACTS: tuple[tuple[str, Right, Callable[[Act], Done]], ...] = (
    ("/what-to-do/say", Right.DECIDE, say),
    ("/senders/owner", Right.DECIDE, say_owner),
    ("/senders/expect", Right.DECIDE, say_expected),
    ("/engine-room/doctor", Right.REPLAY, ask_doctor),
    ("/decisions/new", Right.DECIDE, decide),
    ("/decisions/{number}/outcome", Right.DECIDE, conclude),
    ("/match-quality/figure", Right.DECIDE, type_in),
    ("/matching/say", Right.BOOKS, say_match),
    ("/imports/file/{token}/read", Right.BOOKS, read_again),
    ("/imports/file/{token}/keep", Right.BOOKS, keep_file),
    ("/imports/file/{token}/away", Right.BOOKS, throw_away),
    ("/rights/look", Right.ERASE, look_for),
    ("/rights/erase", Right.ERASE, erase_person),
    ("/rights/{number}/erase", Right.ERASE, let_go_on),
    ("/engine-room/secret", Right.SECRETS, replace_secret),
    ("/engine-room/restore", Right.RESTORE, prepare),
    ("/test-purchase/start", Right.TEST, start),
    ("/test-purchase/{code}/keep", Right.TEST, keep),
    ("/acceptance/start", Right.TEST, begin),
    ("/acceptance/{code}/tick", Right.TEST, tick),
    ("/acceptance/{code}/overrule", Right.SIGN, overrule),
    ("/acceptance/{code}/sign", Right.SIGN, sign),
)
