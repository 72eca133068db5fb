"""JSON as an event may be written: each boundary by hand, and the same values as Python's own reader."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import any_text, json_values, law
from twofold.event.json import read_json, roundtrips
from twofold.event.mending import Mender
from twofold.event.refusal import DropReason, Refusal

SYNTAX, LONG, DEEP = DropReason.SYNTAX, DropReason.TOO_LARGE, DropReason.TOO_DEEP
TWICE, MANY, TEXT = DropReason.DUPLICATE_KEY, DropReason.TOO_MANY, DropReason.SYNTAX


def keys(n: int, colon: str = ":") -> str:
    return "{" + ",".join(f'"k{i}"{colon}{i}' for i in range(n)) + "}"


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + "1" + closing * depth


# id, body, the value, or the reason of the refusal
CORPUS = [
    # syntax
    ("empty", b"", SYNTAX),
    ("white space", b" \n", SYNTAX),
    ("trailing comma in object", b'{"a":1,}', SYNTAX),
    ("trailing comma in array", b"[1,]", SYNTAX),
    ("trailing garbage", b"{} x", SYNTAX),
    ("two values", b"{}{}", SYNTAX),
    ("trailing white space", b"{} \n", {}),
    ("single quotes", b"{'a':1}", SYNTAX),
    ("bare key", b"{a:1}", SYNTAX),
    ("number as key", b"{1:1}", SYNTAX),
    ("comment", b'{"a":1} // x', SYNTAX),
    ("cut", b'{"a":', SYNTAX),
    ("cut literal", b"nul", SYNTAX),
    ("capital literal", b"True", SYNTAX),
    ("top-level number", b"5", 5),
    ("top-level text", b'"x"', "x"),
    ("top-level null", b"null", None),
    ("UTF-8 mark", b"\xef\xbb\xbf{}", SYNTAX),
    ("UTF-16 with mark", '{"a":1}'.encode("utf-16"), SYNTAX),
    ("UTF-16 without mark", '{"a":1}'.encode("utf-16-le"), SYNTAX),
    ("UTF-16 big-endian", '{"a":1}'.encode("utf-16-be"), SYNTAX),
    ("UTF-32", '{"a":1}'.encode("utf-32"), SYNTAX),
    ("Latin-1", b'"\xe9"', SYNTAX),
    ("overlong UTF-8", b'"\xc0\xaf"', SYNTAX),
    ("cut UTF-8", b'"\xc3"', SYNTAX),
    # numbers
    ("NaN", b"NaN", SYNTAX),
    ("NaN inside", b'{"value":NaN}', SYNTAX),
    ("Infinity", b"[Infinity]", SYNTAX),
    ("-Infinity", b"-Infinity", SYNTAX),
    ("1e400", b"1e400", LONG),
    ("-1e400", b"-1e400", LONG),
    ("1e-400", b"1e-400", LONG),
    ("1e20", b"1e20", Decimal("1e20")),
    ("1e21", b"1e21", LONG),
    ("1e99999999999999999999", b"1e99999999999999999999", SYNTAX),
    ("1E5", b"1E5", Decimal("1E+5")),
    ("-0", b"-0", 0),
    ("0.1 is exact", b"0.1", Decimal("0.1")),
    ("trailing zeros kept", b"42.50", Decimal("42.50")),
    ("20.0 is not made of it", b"19.999999999999999999", Decimal("19.999999999999999999")),
    ("2^53+1", b"9007199254740993", 9007199254740993),
    ("2^64", b"18446744073709551616", 18446744073709551616),
    ("19 digits", b"9" * 19, 10**19 - 1),
    ("20 digits", b"9" * 20, 10**20 - 1),
    ("21 digits", b"9" * 21, LONG),
    ("-20 digits", b"-" + b"9" * 20, 1 - 10**20),
    ("-21 digits", b"-" + b"9" * 21, LONG),
    ("21 digits inside", b'{"a":[{"b":' + b"9" * 21 + b"}]}", LONG),
    ("21 digits in a text", b'"' + b"9" * 21 + b'"', "9" * 21),
    ("20 digits with point", b"1." + b"2" * 19, Decimal("1." + "2" * 19)),
    ("21 digits with point", b"1." + b"2" * 20, Decimal("1." + "2" * 19)),
    ("-21 digits with point", b"-1." + b"2" * 20, Decimal("-1." + "2" * 19)),
    ("all digits of a float", b"48.10000000000000142108547152020037174224853515625", Decimal("48.100000000000001421")),
    ("5,000 digits", b"1" * 5000, LONG),
    ("5,000 digits with point", b"1." + b"1" * 5000, Decimal("1." + "1" * 19)),
    ("1e400", b"1e400", LONG),
    ("a deep long number", b"[" * 21 + b"1e400" + b"]" * 21, LONG),
    ("leading zero", b"01", SYNTAX),
    ("no digit after point", b"1.", SYNTAX),
    ("no digit before point", b".5", SYNTAX),
    ("plus", b"+1", SYNTAX),
    ("underscore", b"1_000", SYNTAX),
    ("comma", b"1,5", SYNTAX),
    ("hexadecimal", b"0x10", SYNTAX),
    ("Arabic digit", "١".encode(), SYNTAX),
    ("full-width digit", "１".encode(), SYNTAX),
    # repeated keys
    ("key twice", b'{"a":1,"a":1}', TWICE),
    ("key twice, space before colon", b'{"a" :1,"a":1}', TWICE),
    ("key twice, newline before colon", b'{"a"\n:1,"a":1}', TWICE),
    ("key twice, tab before both", b'{"a"\t:1,"a"\t:1}', TWICE),
    ("key twice, return before colon", b'{"a"\r:1,"a":1}', TWICE),
    ("key twice, escaped", b'{"a":1,"\\u0061":1}', TWICE),
    ("key twice, deep", b'{"data":[{"user_data":{"em":"x","em":"y"}}]}', TWICE),
    ("key twice beside one that looks like it", b'{"a":"\\":","b":1,"b":1}', TWICE),
    ("same key in two objects", b'[{"a":1},{"a":1}]', [{"a": 1}, {"a": 1}]),
    ("same key one deeper", b'{"a":{"a":1}}', {"a": {"a": 1}}),
    ("keys that differ in case", b'{"a":1,"A":1}', {"a": 1, "A": 1}),
    ("keys inside a text", b'{"a":"{\\"a\\":1,\\"a\\":1}"}', {"a": '{"a":1,"a":1}'}),
    ("quote and colon as text", b'{"a":"\\":"}', {"a": '":'}),
    ("quote, space, colon as text", b'{"a":"\\" :"}', {"a": '" :'}),
    ("space before colon alone", b'{"a" :1}', {"a": 1}),
    ("empty key", b'{"":1}', {"": 1}),
    ("empty key twice", b'{"":1,"":2}', TWICE),
    ("key with colon", b'{"a\\":":1}', {'a":': 1}),
    # texts
    ("lone high surrogate", b'"\\ud800"', SYNTAX),
    ("lone low surrogate", b'"\\udc00"', SYNTAX),
    ("reversed surrogates", b'"\\udc00\\ud800"', SYNTAX),
    ("surrogate as UTF-8", b'"\xed\xa0\x80"', SYNTAX),
    ("surrogate pair", b'"\\ud83d\\ude00"', "\U0001f600"),
    ("NUL escaped", b'"a\\u0000b"', TEXT),
    ("NUL escaped in a key", b'{"a\\u0000b":1}', TEXT),
    ("NUL raw", b'"a\x00b"', SYNTAX),
    ("backslash before u0000", b'"a\\\\u0000b"', "a\\u0000b"),
    ("raw tab", b'"\t"', SYNTAX),
    ("raw newline", b'"\n"', SYNTAX),
    ("unknown escape", b'"\\x41"', SYNTAX),
    ("bidi mark", '"\u202e"'.encode(), "\u202e"),
    *[
        (f"{n} characters {name}", json.dumps(text * n, ensure_ascii=escaped).encode(), text * n if n <= 8192 else LONG)
        for n in (8191, 8192, 8193)
        for name, text, escaped in (
            ("plain", "x", False), ("quotes", '"', False), ("backslashes", "\\", False), ("two bytes", "é", False),
            ("two bytes escaped", "é", True), ("three bytes", "東", False),
        )
    ],
    ("8192 characters, one a quote", b'"' + b"x" * 8191 + b'\\""', "x" * 8191 + '"'),
    ("8193 characters, one a quote", b'"' + b"x" * 8192 + b'\\""', LONG),
    ("8193 characters deep", b'{"a":[{"b":"' + b"x" * 8193 + b'"}]}', LONG),
    ("key of 8192 characters", b'{"' + b"x" * 8192 + b'":1}', {"x" * 8192: 1}),
    ("key of 8193 characters", b'{"' + b"x" * 8193 + b'":1}', LONG),
    ("many short texts", b"[" + b",".join([b'"xxxxxxxx"'] * 2000) + b"]", ["x" * 8] * 2000),
    # depth
    ("depth 19", nested(19).encode(), json.loads(nested(19))),
    ("depth 20", nested(20).encode(), json.loads(nested(20))),
    ("depth 21", nested(21).encode(), DEEP),
    ("depth 20 of objects", nested(20, '{"a":', "}").encode(), json.loads(nested(20, '{"a":', "}"))),
    ("depth 21 of objects", nested(21, '{"a":', "}").encode(), DEEP),
    ("depth 21 beside shallow", b"[[1],[2]," + nested(20).encode() + b"]", DEEP),
    ("30 shallow arrays", b"[" + b",".join([b"[1]"] * 30) + b"]", [[1]] * 30),
    ("brackets in a text", b'"' + b"[" * 100 + b'"', "[" * 100),
    ("depth 100,000", b"[" * 100_000, DEEP),
    ("depth 100,000 closed", nested(100_000).encode(), DEEP),
    # number of keys
    ("500 keys", keys(500).encode(), {f"k{n}": n for n in range(500)}),
    ("501 keys", keys(501).encode(), MANY),
    ("501 keys, spaced", keys(501, " : ").encode(), MANY),
    ("501 keys in several objects", f"[{keys(251)},{keys(250)}]".encode(), MANY),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in CORPUS], ids=[row[0] for row in CORPUS])
def test_the_corpus(body, expected):
    """Each body gives exactly this value, types included, or is refused for exactly this reason."""
    result = read_json(body)
    if isinstance(expected, DropReason):
        assert isinstance(result, Refusal), f"read as {str(result)[:60]}"
        assert result.reason is expected
    else:
        assert result == expected
        assert type(result) is type(expected)
        assert not isinstance(result, Decimal) or str(result) == str(expected)


def test_more_events_may_hold_more_keys():
    """The limit is for one event: two events may hold 1,000 keys and not one more."""
    assert read_json(keys(1000), events=2) == {f"k{n}": n for n in range(1000)}
    refusal = read_json(keys(1001), events=2)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.expected) == (MANY, "at most 1000 keys")


PATHS = [
    (b'{"a":[1,{"b":"x\\u0000"}]}', "a[1].b"),
    (b'{"data":[{"user_data":{"jane@shop.example":"x\\u0000"}}]}', "data[0].user_data.…"),
    (b'{"+49 30 901820":{"b":"x\\u0000"}}', "….b"),
    (b'{"a":' + b"9" * 21 + b"}", "a"),
]


@pytest.mark.parametrize(("body", "path"), PATHS)
def test_a_refusal_names_the_path_and_no_contact_data(body, path):
    """Keys that read like fields are named, others hidden: a key may be anything a person typed."""
    refusal = read_json(body)
    assert isinstance(refusal, Refusal)
    assert refusal.path == path


@pytest.mark.parametrize(
    "body", [b'{"jane@shop.example":}', b'["jane@shop.example" 5]', b"jane@shop.example", b'"jane@shop.example']
)
def test_a_syntax_message_quotes_nothing(body):
    """What was got is described, never repeated."""
    refusal = read_json(body)
    assert isinstance(refusal, Refusal)
    assert "jane" not in refusal.sentence()


def test_text_is_read_as_its_bytes():
    """A text that came inside another body is held to the same rules, lone surrogates included."""
    assert read_json('{"a":"é"}') == {"a": "é"}
    refusal = read_json('"\ud800"')
    assert isinstance(refusal, Refusal)
    assert refusal.reason is SYNTAX


AGAIN = [
    (b'{"a":1,"b":2}', b'{"a":1,"b":2}', True),
    (b'{"a":1,"a":2,"b":2}', b'{"a":2,"b":2}', False),
    (b'{"a" :1,"b":2}', b'{"a":1,"b":2}', True),
    (b'{"a" :1,"a":1,"b":2}', b'{"a":1,"b":2}', False),
    (b'{"a":"1","b":2}', b'{"a":1,"b":2}', False),
    (b'{"a":"x\\u0000"}', b'{"a":"x\\u0000"}', False),
    (b'{"a":1,"a":2,"b":"\\u0022:"}', b'{"a":2,"b":"\\":"}', False),
    (b'{"a":1,"a":2,"b":"\\u0022\\u0022"}', b'{"a":2,"b":"\\"\\""}', False),
    (b'{"a":1,"b":"\\u003A\\""}', b'{"a":1,"b":":\\""}', True),
]


@pytest.mark.parametrize(("data", "again", "expected"), AGAIN)
def test_no_escape_stands_in_for_a_repeated_key(data, again, expected):
    """The count of quotes before and after cannot be evened out by quotes that were escaped."""
    assert roundtrips(data, again) is expected


# -- laws


def same_as_json(body: str) -> bool:
    return read_json(body.encode()) == json.loads(body, parse_float=Decimal)


@law
@given(value=json_values(), spaced=st.booleans(), escaped=st.booleans(), indent=st.none() | st.integers(0, 2))
def test_plain_json_is_read_as_python_reads_it(value, spaced, escaped, indent):
    """Any JSON without a fault, however it is laid out, gives what json.loads gives with exact decimals."""
    separators = (" , ", " : ") if spaced else (",", ":")
    body = json.dumps(value, separators=separators, ensure_ascii=escaped, indent=indent, default=float)
    assert same_as_json(body)


@law
@given(value=json_values(), key=any_text(6), data=st.data())
def test_a_repeated_key_is_always_found(value, key, data):
    """Wherever an object stands, writing one of its keys twice is refused, whatever surrounds it."""
    inner = json.dumps(value, default=float)
    first, second = (json.dumps(key, ensure_ascii=data.draw(st.booleans())) for _ in range(2))
    colon = data.draw(st.sampled_from([":", " :", "\n:"]))
    body = f'[{inner},{{{first}{colon}{inner},"other":"\\":",{second}:{inner}}}]'
    result = read_json(body.encode())
    assert isinstance(result, Refusal)
    assert result.reason in (TWICE, TEXT) if "\0" in key else result.reason is TWICE


@law
@given(body=st.binary(max_size=60) | st.text('{}[]":,\\u0dD81eE+-.aN ', max_size=40).map(str.encode))
def test_garbage_is_refused_or_read_never_raised(body):
    """No bytes raise; what is read is what Python reads too."""
    result = read_json(body)
    if not isinstance(result, Refusal):
        assert result == json.loads(body, parse_float=Decimal)


@pytest.mark.parametrize("number", ["1" * 21, "-" + "9" * 30, "1e400", "-1E+999", "1e-400", "1e99999999999999999999"])
def test_a_long_number_is_read_as_its_digits_where_texts_are_mended(number: str) -> None:
    """An id stays exact by them; what needs an amount finds none there. What is beside it is untouched."""
    mender = Mender()
    tree = read_json(f'{{"a": [{number}, 5], "b": {number}, "c": 0.5}}', mender=mender)
    said = number if "e" in number.lower() else str(int(number))
    assert tree == {"a": [said, 5], "b": said, "c": Decimal("0.5")}
    assert [type(tree["b"]), type(tree["a"][0])] == [str, str]
    assert [path for path, _ in mender.notes] == ["a[0]", "b"] or [path for path, _ in mender.notes] == ["b", "a[0]"]


@pytest.mark.parametrize("body", [b'{"a": 1e400, "b": ', b'{"a": 1e400, "b": "\xff"}', b'{"a": 1e400, "a": 1}'])
def test_a_long_number_hides_no_other_fault(body: bytes) -> None:
    """What stands behind it is read as strictly as without it."""
    found = read_json(body, mender=Mender())
    assert isinstance(found, Refusal) or found == {"a": "1e400", "b": "ÿ"}
