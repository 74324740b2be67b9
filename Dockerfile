# docker build -t unrolled .                              the service, without TensorFlow
# docker build -t unrolled:training --target training .   the same, able to train and compare with Keras

FROM python:3.12-slim-bookworm AS base
ENV PATH=/opt/unrolled/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

FROM base AS build
RUN python -m venv --without-pip /opt/unrolled
WORKDIR /src
COPY requirements/serve.txt requirements/
RUN pip --python /opt/unrolled/bin/python install --no-cache-dir --require-hashes -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
RUN pip --python /opt/unrolled/bin/python install --no-cache-dir --no-deps .

# Tests and headers that packages install beside their code.
FROM build AS slim
RUN cd /opt/unrolled/lib/python3.12/site-packages \
 && find . -type d -name tests -not -path '*/numpy/testing/*' -prune -exec rm -rf {} + \
 && rm -rf numpy/_core/include numpy/f2py

FROM build AS build-training
COPY requirements/training.txt requirements/
RUN pip --python /opt/unrolled/bin/python install --no-cache-dir --require-hashes -r requirements/training.txt

FROM base AS runtime
RUN useradd --system --uid 10001 --no-create-home --home-dir /tmp unrolled
COPY models /models
ENV UNROLLED_MODELS_DIR=/models \
    UNROLLED_HOST=0.0.0.0 \
    UNROLLED_PORT=8000
USER 10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"UNROLLED_PORT\"]}/readyz', timeout=2)"]
CMD ["unrolled", "serve"]

FROM runtime AS serve
COPY --from=slim /opt/unrolled /opt/unrolled

FROM runtime AS training
COPY --from=build-training /opt/unrolled /opt/unrolled

# The default target. Builders without BuildKit make every stage above it: --target serve spares them.
FROM serve
