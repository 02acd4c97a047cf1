# Two stages: the first installs, so that the image has neither pip nor a cache.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/jembatan \
 && /opt/jembatan/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.lock -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY demo demo
COPY cli cli
COPY gateway gateway
COPY schema schema
COPY resolvers resolvers
COPY auth auth
COPY ledger ledger
COPY migrations migrations
RUN /opt/jembatan/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/jembatan/bin/python -m pip uninstall --yes setuptools pip

FROM python:3.13-slim
RUN useradd --uid 10001 --no-log-init --no-create-home --home-dir /data --shell /usr/sbin/nologin jembatan \
 && install -d -o jembatan -g jembatan -m 0700 /data
COPY --from=build /opt/jembatan /opt/jembatan
# Whoever publishes it elsewhere than at localhost:8000 sets JEMBATAN_PUBLIC_URL, which is the issuer of tokens. It drains
# for less than the ten seconds that are given to a container to stop.
ENV PATH=/opt/jembatan/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    JEMBATAN_HOST=0.0.0.0 \
    JEMBATAN_METRICS_HOST=0.0.0.0 \
    JEMBATAN_PUBLIC_URL=http://localhost:8000 \
    JEMBATAN_DATA_DIR=/data \
    JEMBATAN_DRAIN_SECONDS=5
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"JEMBATAN_PORT\", \"8000\")}/healthz', timeout=2)"]
ENTRYPOINT ["jembatan"]
CMD ["serve", "--migrate"]
