"""Which processor a measurement was made on: speed, and which kernels ran, depend on it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

#: Instruction sets that the network's and the pictures' kernels choose by, and the flags of Linux that stand for each.
INSTRUCTION_SETS = {
    "AVX2": ("avx2",),
    "AVX-512": ("avx512f",),
    "VNNI": ("avx512_vnni", "avx_vnni"),
    "NEON": ("asimd", "neon"),
    "dot product": ("asimddp",),
}


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Model, instruction sets that matter, and number of CPUs: `Intel Xeon (AVX2, VNNI), 2 CPUs`.

    Args:
        cpuinfo: Where Linux says it; elsewhere Python's `platform` names the model, and no instruction sets are known.
    """
    fields = _fields(cpuinfo.read_text(encoding="utf-8")) if cpuinfo.is_file() else {}
    model = fields.get("model name") or platform.processor() or platform.machine()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    sets = [name for name, known in INSTRUCTION_SETS.items() if any(flag in flags for flag in known)]
    plain = model.replace("(R)", "").replace("(TM)", "").replace(" Processor", "").strip()
    named = f" ({', '.join(sets)})" if sets else ""
    return f"{plain}{named}, {os.cpu_count()} CPUs"


def _fields(text: str) -> dict[str, str]:
    """Of the first processor, as Linux names them."""
    first = text.strip().partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
