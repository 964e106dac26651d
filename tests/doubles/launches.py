"""How many kernels a piece of work would start on a GPU."""
from __future__ import annotations

from collections import Counter
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Launches(TorchDispatchMode):
    """Counts the operations that would start a kernel: views and memory that is only allocated start none."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        is_view = _storages(out) <= _storages((args, kwargs)) and not func._schema.is_mutable
        if not is_view and "empty" not in name:
            self.names[name] += 1
        return out


def _storages(tensors: Any) -> set[int]:
    return {tensor.untyped_storage()._cdata for tensor in tree_leaves(tensors) if isinstance(tensor, Tensor)}
