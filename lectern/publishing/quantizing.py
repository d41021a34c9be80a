"""The process in which llama.cpp writes a GGUF file in 4 bits: `python -m lectern.publishing.quantizing IN OUT`."""

import os
import sys


def main(source: str, out: str) -> None:
    """Quantize a GGUF file of 16 bits to 4 bits."""
    from cyllama.llama.llama_cpp import LlamaModelQuantizeParams, model_quantize

    from lectern.publishing.converter import FOUR_BITS

    params = LlamaModelQuantizeParams()
    params.ftype = FOUR_BITS
    params.nthread = os.cpu_count() or 1
    model_quantize(source, out, params)


if __name__ == "__main__":
    main(*sys.argv[1:])
