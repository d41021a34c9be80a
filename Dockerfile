# Lectern in a container, with the environment that `make setup` makes. docs/gpus-and-machines.md says how to use it.
#
#   docker build --tag lectern .                                                        for a CPU
#   docker build --tag lectern --build-arg TORCH_INDEX=https://pypi.org/simple .        for a GPU: the CUDA build of torch
#
# torch's CUDA build brings the libraries of CUDA. So the base image needs none, and the host its driver alone.
ARG BASE=debian:trixie-slim

# What README.md asks for, and a normal user. The development container goes on from here (.devcontainer).
FROM ${BASE} AS system
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git make openssh-client python3-venv \
    && rm -rf /var/lib/apt/lists/*
ARG USER_ID=1000
RUN useradd --create-home --shell /bin/bash --uid "$USER_ID" lectern \
    && install --directory --owner=lectern --group=lectern /home/lectern/lectern /home/lectern/.cache
ENV LANG=C.UTF-8 DVC_NO_ANALYTICS=1 NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER lectern
WORKDIR /home/lectern/lectern

FROM system AS lectern
# Empty: the CPU build, since no GPU is in sight where an image is built (lectern/tools/torch_build.py).
ARG TORCH_INDEX=
# What `make setup` reads comes first: a change of anything else leaves this layer as it is.
COPY --chown=lectern:lectern Makefile requirements*.lock requirements*.txt ./
COPY --chown=lectern:lectern lectern lectern
RUN make setup TORCH_INDEX="$TORCH_INDEX" && rm -rf ~/.cache/uv ~/.cache/pip
COPY --chown=lectern:lectern . .
ENV PATH=/home/lectern/lectern/.venv/bin:$PATH
CMD ["bash"]
