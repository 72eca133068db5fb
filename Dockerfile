# The gateway with its console, from the sources and the locked libraries. docs/container.md says how it is run.
# To pin the base, put its digest behind the tag: the digest that your registry shows today is the one that you tested.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/twofold
COPY requirements.lock requirements-postgres.lock ./
RUN /opt/twofold/bin/pip install --require-hashes -r requirements.lock -r requirements-postgres.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY docs ./docs
COPY twofold ./twofold
RUN /opt/twofold/bin/pip install --no-build-isolation --no-deps --no-index . \
 && /opt/twofold/bin/twofold version

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Twofold" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin twofold \
 && install -d -o twofold -g twofold -m 700 /data /backups /erasures
COPY --from=build /opt/twofold /opt/twofold
ENV PATH=/opt/twofold/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TWOFOLD_CONFIG=/etc/twofold/twofold.toml \
    TWOFOLD_DATA=/data \
    TWOFOLD_HOST=0.0.0.0
USER 10001
WORKDIR /data
VOLUME ["/data", "/backups", "/erasures"]
EXPOSE 8400 8402
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8400/health', timeout=4)"]
ENTRYPOINT ["twofold"]
CMD ["serve"]
