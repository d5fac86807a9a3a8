"""Filters such as `age < 30 and eval_image == 0`, parsed by a whitelist and evaluated on columns; nothing is executed.

Null is neither true nor false (as in SQL): a record is chosen only where the whole expression is certainly true.
"""

import ast
import difflib
import operator
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import DataError

Truth = tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]  # certainly true, certainly false
Columns = Callable[[str], "np.ma.MaskedArray[Any, Any]"]

LONGEST = 1000  # characters of an expression
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
EXAMPLE = "age < 30 and eval_image == 0"


class Where:
    """A parsed filter: which columns it needs, and which records it chooses."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text = text
        self._known = names
        self._tree = _parse(text)
        try:
            self._check(self._tree)
        except RecursionError:
            raise _unreadable(text) from None

    def chosen(self, columns: Columns) -> npt.NDArray[np.bool_]:
        """(N,) True where the expression holds; `columns` gives a masked array of N values by name."""
        return self._truth(self._tree, columns)[0]

    def _check(self, node: ast.expr) -> None:
        match node:
            case ast.BoolOp(values=values):
                for value in values:
                    self._check(value)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._check(operand)
            case ast.Compare(left=left, ops=ops, comparators=others):
                self._check_comparison([left, *others], ops)
            case _:
                raise self._refused(node)

    def _check_comparison(self, parts: list[ast.expr], ops: list[ast.cmpop]) -> None:
        for op, left, right in zip(ops, parts, parts[1:], strict=False):
            is_list = _is_list(right)
            is_null = isinstance(right, ast.Constant) and right.value is None
            if isinstance(op, ast.In | ast.NotIn) != is_list or isinstance(op, ast.Is | ast.IsNot) != is_null:
                raise self._refused(right)
            if _is_list(left) or (isinstance(left, ast.Constant) and left.value is None):
                raise self._refused(left)
            if not isinstance(left, ast.Name) and not isinstance(right, ast.Name):
                raise self._refused(left)  # a comparison has a field on one side
        for part in parts:
            if isinstance(part, ast.Name):
                self._check_name(part.id)
            else:
                _constant(part, self)

    def _check_name(self, name: str) -> None:
        if name not in self._known:
            near = difflib.get_close_matches(name, self._known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(self._known))}"
            raise DataError(f"filter {self.text!r}: no field {name!r}; {hint}")

    def _truth(self, node: ast.expr, columns: Columns) -> Truth:
        match node:
            case ast.BoolOp(op=op, values=values):
                parts = [self._truth(value, columns) for value in values]
                both, either = np.logical_and.reduce, np.logical_or.reduce
                join = (both, either) if isinstance(op, ast.And) else (either, both)
                return join[0]([part[0] for part in parts]), join[1]([part[1] for part in parts])
            case ast.UnaryOp(operand=operand):
                true, false = self._truth(operand, columns)
                return false, true
            case ast.Compare(left=left, ops=ops, comparators=others):
                pairs = zip(ops, [left, *others], others, strict=False)
                truths = [self._compare(op, a, b, columns) for op, a, b in pairs]
                return (
                    np.logical_and.reduce([truth[0] for truth in truths]),
                    np.logical_or.reduce([truth[1] for truth in truths]),
                )
        raise self._refused(node)

    def _compare(self, op: ast.cmpop, left: ast.expr, right: ast.expr, columns: Columns) -> Truth:
        a = columns(left.id) if isinstance(left, ast.Name) else _constant(left, self)
        if isinstance(op, ast.Is | ast.IsNot):
            null = np.ma.getmaskarray(a)
            return (null, ~null) if isinstance(op, ast.Is) else (~null, null)
        b = columns(right.id) if isinstance(right, ast.Name) else _constant(right, self)
        known = ~(np.ma.getmaskarray(a) | np.ma.getmaskarray(b)) if not isinstance(b, list) else ~np.ma.getmaskarray(a)
        for value in b if isinstance(b, list) else [b]:
            if _is_text(a) != _is_text(value):
                raise DataError(f"filter {self.text!r}: {ast.unparse(left)} is compared with the wrong kind of value")
        if isinstance(op, ast.In | ast.NotIn):
            result = np.isin(np.ma.getdata(a), b) if b else np.zeros(len(known), bool)
            result = ~result if isinstance(op, ast.NotIn) else result
        else:
            result = COMPARE[type(op)](np.ma.getdata(a), np.ma.getdata(b))
        return result & known, ~result & known

    def _refused(self, node: ast.AST) -> DataError:
        part = ast.unparse(node)[:60]
        return DataError(f"filter {self.text!r}: {part!r} is not understood; write it like {EXAMPLE!r}")


def _parse(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise DataError(f"filter of {len(text)} characters; the longest allowed has {LONGEST}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise _unreadable(text) from None


def _unreadable(text: str) -> DataError:
    return DataError(f"filter {text[:80]!r} cannot be read; write it like {EXAMPLE!r}")


def _constant(node: ast.expr, where: Where) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            values = [_constant(part, where) for part in parts]
            if any(isinstance(value, list) or value is None for value in values):
                raise where._refused(node)
            return values
    raise where._refused(node)


def _is_list(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple | ast.Set)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype.kind == "U")
