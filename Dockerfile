# One image for every role: `web`, `worker fast`, `worker bulk`, `beat`, `db upgrade`. docker-compose.yml puts them together.
# Any Debian with Python 3.11 or newer and its venv module serves as a base.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
WORKDIR /app
# First what changes rarely: the packages, by the hashes of the lock.
COPY requirements ./requirements
COPY scripts/bootstrap.py ./scripts/bootstrap.py
COPY pyproject.toml ./
RUN python3 scripts/bootstrap.py runtime || { cat .tools/install.log; exit 1; }
COPY newsletter ./newsletter
COPY worker ./worker
COPY templates ./templates
RUN .venv/bin/python -m compileall -q newsletter worker && rm -rf .tools

FROM ${BASE}
# A fixed number, so that a volume keeps its owner when the image is built anew.
RUN useradd --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin newsletter \
    && install -d -o newsletter -g newsletter -m 0700 /data
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH \
    NEWSLETTER_DATA_DIR=/data \
    NEWSLETTER_HOST=0.0.0.0 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
USER 10001:10001
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["newsletter"]
CMD ["web"]
