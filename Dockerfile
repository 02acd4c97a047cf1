# Two stages: the first builds the wheels, so the final image has no compiler and no package cache.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/jembatan \
 && /opt/jembatan/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY demo demo
COPY cli cli
COPY gateway gateway
COPY schema schema
COPY resolvers resolvers
COPY auth auth
COPY ledger ledger
COPY migrations migrations
RUN /opt/jembatan/bin/pip install --no-cache-dir --no-deps . \
 && /opt/jembatan/bin/pip uninstall --yes pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/jembatan --create-home jembatan
COPY --from=build /opt/jembatan /opt/jembatan
ENV PATH=/opt/jembatan/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    JEMBATAN_HOST=0.0.0.0 \
    JEMBATAN_DATA_DIR=/var/lib/jembatan
USER jembatan
WORKDIR /var/lib/jembatan
VOLUME /var/lib/jembatan
EXPOSE 8000 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"JEMBATAN_PORT\", \"8000\")}/healthz', timeout=2)"]
ENTRYPOINT ["jembatan"]
CMD ["serve"]
