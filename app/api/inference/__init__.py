"""The Open Inference Protocol, version 2 (KServe, Triton), with binary tensors."""
