# Everything that a job needs, for Kubernetes or any other runner of containers; docs/cluster.md says more.
#   docker build --tag autoemb .                                   for CUDA devices and CPUs
#   docker build --tag autoemb --build-arg TORCH_INDEX=ADDRESS .   for CPUs only: the address of PyTorch's index of CPU builds
#   docker run --rm --volume "$PWD:/workdir" autoemb snakemake --cores all
FROM python:3.11-slim-bookworm

# g++: compiled training steps; git: Snakemake, and a run's commit; rsync: the storage plugin of profiles/kubernetes
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ git rsync \
    && rm -rf /var/lib/apt/lists/*

ARG TORCH_INDEX=
WORKDIR /opt/autoemb
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN pip install --no-cache-dir --constraint constraints.txt \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} '.[slurm,kubernetes]' \
    && pip wheel --no-cache-dir --constraint constraints.txt --wheel-dir wheels snakemake-storage-plugin-fs

# Snakemake has every pod install its storage plugin anew: from here, not from a network.
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/opt/autoemb/wheels PIP_DISABLE_PIP_VERSION_CHECK=1
# What runs is the source that lies in the working folder (deployed by Snakemake, or mounted), not the image's copy.
ENV PYTHONPATH=/workdir/src
# The GPU's driver comes from the host.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility

RUN useradd --create-home --uid 1000 autoemb
USER 1000
WORKDIR /workdir
