"""DynamoDB's expressions, as far as the ledger writes any: conditions, key conditions and updates."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

type Item = dict[str, Any]

_WORDS = re.compile(r"[#:]?\w+|<=|<>|[()=<,]")


def holds(request: Mapping[str, Any], item: Item | None, expression: str = "ConditionExpression") -> bool:
    """Tell whether a request's condition holds of an item, or of none at that key."""
    return expression not in request or _Condition(request, item or {}, expression).disjunction()


def updated(request: Mapping[str, Any], item: Item) -> Item:
    """Return an item after ``UpdateExpression``: one SET of values or ``if_not_exists``, then one REMOVE."""
    sets, _, removes = request["UpdateExpression"].partition("REMOVE ")
    values, names = request.get("ExpressionAttributeValues", {}), request["ExpressionAttributeNames"]
    after = dict(item)
    for name, known, value in re.findall(r"(#\w+) = (?:if_not_exists\((#\w+), )?(:\w+)", sets):
        after[names[name]] = item.get(names[known], values[value]) if known else values[value]
    for name in re.findall(r"#\w+", removes):
        after.pop(names[name], None)
    return after


class _Condition:
    """Reads from left to right; whatever it does not know is an error, never true or false."""

    def __init__(self, request: Mapping[str, Any], item: Item, expression: str) -> None:
        self._names = request.get("ExpressionAttributeNames", {})
        self._values = request.get("ExpressionAttributeValues", {})
        self._words = _WORDS.findall(request[expression])
        self._item = item

    def disjunction(self) -> bool:
        result = self._conjunction()
        while self._next("OR"):
            result |= self._conjunction()
        return result

    def _conjunction(self) -> bool:
        result = self._term()
        while self._next("AND"):
            result &= self._term()
        return result

    def _term(self) -> bool:
        word = self._words.pop(0)
        match word:
            case "(":
                result = self.disjunction()
                self._take(")")
                return result
            case "attribute_exists" | "attribute_not_exists":
                return (self._argument() is not None) is (word == "attribute_exists")
            case "begins_with":
                self._take("(")
                value = self._value(self._words.pop(0))
                self._take(",")
                prefix = self._value(self._words.pop(0))
                self._take(")")
                return value is not None and str(value).startswith(str(prefix))
        return self._comparison(self._value(word))

    def _comparison(self, left: Any) -> bool:  # noqa: ANN401  a text or a number
        sign = self._words.pop(0)
        right = self._value(self._words.pop(0))
        if sign == "BETWEEN":
            self._take("AND")
            return left is not None and right <= left <= self._value(self._words.pop(0))
        if left is None:
            return False
        return bool({"=": left == right, "<>": left != right, "<": left < right, "<=": left <= right}[sign])

    def _argument(self) -> Any:  # noqa: ANN401  a text or a number
        self._take("(")
        value = self._value(self._words.pop(0))
        self._take(")")
        return value

    def _value(self, word: str) -> Any:  # noqa: ANN401  a text or a number
        value = self._values[word] if word.startswith(":") else self._item.get(self._names[word])
        if value is None:
            return None
        ((kind, text),) = value.items()
        return Decimal(text) if kind == "N" else text

    def _next(self, word: str) -> bool:
        if self._words[:1] != [word]:
            return False
        self._words.pop(0)
        return True

    def _take(self, word: str) -> None:
        found = self._words.pop(0)
        assert found == word, f"{found} where {word} was expected"
