# docker build -t unrolled .      the service, without TensorFlow and without pip
# Dockerfile.training makes of it an image that trains and compares with Keras.

FROM python:3.12-slim-bookworm AS base
ENV PATH=/opt/unrolled/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

FROM base AS wheel
WORKDIR /src
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml setup.py README.md LICENSE ./
COPY app app
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM base AS packages
RUN python -m venv --without-pip /opt/unrolled
ENV PIP_NO_CACHE_DIR=1 PIP_NO_DEPS=1 PIP_PYTHON=/opt/unrolled/bin/python
COPY requirements/serve.txt requirements/
RUN pip install --require-hashes -r requirements/serve.txt

# Without the tests and headers that packages install beside their code.
FROM packages AS serve-packages
RUN cd /opt/unrolled/lib/python3.12/site-packages \
 && find . -type d -name tests -not -path '*/numpy/testing/*' -prune -exec rm -rf {} + \
 && rm -rf numpy/_core/include numpy/f2py
COPY --from=wheel /wheel /wheel
RUN pip install /wheel/*.whl

# What installs packages has no place beside the service. The models lie in /models, not in the wheel.
FROM base AS serve
RUN python -m pip uninstall --quiet --yes --root-user-action=ignore pip \
 && rm -rf /usr/local/lib/python3.12/ensurepip \
 && useradd --system --user-group --uid 10001 --no-create-home --home-dir /tmp unrolled
COPY models /models
COPY --from=serve-packages /opt/unrolled /opt/unrolled
ENV UNROLLED_MODELS_DIR=/models \
    UNROLLED_HOST=0.0.0.0 \
    UNROLLED_PORT=8000
USER 10001
WORKDIR /tmp
EXPOSE 8000
# bash asks in a few milliseconds; to start a Python every ten seconds would cost a hundred times that.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["bash", "-c", "\
  exec 3<>/dev/tcp/127.0.0.1/$UNROLLED_PORT && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 \
  && read -r _ status _ <&3 && [[ $status == 200 ]]"]
CMD ["unrolled", "serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Unrolled" \
      org.opencontainers.image.description="Next-word prediction you can look inside" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="MIT"
