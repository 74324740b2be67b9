# docker build -t unrolled .                              the service, without TensorFlow
# docker build -t unrolled:training --target training .   the same, able to train and compare with Keras

FROM python:3.12-slim-bookworm AS base
ENV PATH=/opt/unrolled/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

FROM base AS wheel
WORKDIR /src
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
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

FROM base AS runtime
RUN useradd --system --user-group --uid 10001 --no-create-home --home-dir /tmp unrolled
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
COPY --from=serve-packages /opt/unrolled /opt/unrolled

FROM packages AS training-packages
COPY requirements/training.txt requirements/
RUN pip install --require-hashes -r requirements/training.txt
COPY --from=wheel /wheel /wheel
RUN pip install /wheel/*.whl

FROM runtime AS training
COPY --from=training-packages /opt/unrolled /opt/unrolled

# The default target. Builders without BuildKit make every stage above it: --target serve spares them.
FROM serve
