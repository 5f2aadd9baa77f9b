# Sameday as one image: `serve` (default), `worker` and `migrate` are commands of it.
# Runs as an unprivileged user on a read-only tree; only /srv/sameday/var and /tmp are written.
FROM debian:12-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/sameday
RUN python3 -m venv .venv && .venv/bin/python -m pip install --no-cache-dir uv==0.13.9
COPY requirements.lock pyproject.toml CHANGELOG.md README.md ./
RUN .venv/bin/uv pip install --python .venv/bin/python --compile-bytecode --require-hashes -r requirements.lock
COPY app app
COPY forms forms
COPY pdf_templates pdf_templates
COPY migrations migrations
RUN .venv/bin/uv pip install --python .venv/bin/python --no-deps --no-build-isolation -e . \
 && .venv/bin/python -m compileall -q app

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      python3 libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-open-sans fonts-noto-core fonts-noto-cjk \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /srv/sameday --shell /usr/sbin/nologin sameday
COPY --from=build /srv/sameday /srv/sameday
WORKDIR /srv/sameday
RUN mkdir var && chown sameday var
USER sameday
ENV PATH=/srv/sameday/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import httpx; httpx.get('http://127.0.0.1:8000/healthz').raise_for_status()"]
CMD ["sameday", "serve", "--host", "0.0.0.0", "--port", "8000"]
