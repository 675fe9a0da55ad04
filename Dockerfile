# syntax=docker/dockerfile:1
# Spillway as a container.
#
#   docker build -t spillway .                            the daemon; clouds, leases, everything but a batch system's tools
#   docker build -t spillway-htcondor --target htcondor . the same with HTCondor's tools, for the queue adapter
#
# docs/install.md says how it is run. Nothing is fetched but Debian's packages and what package-lock.json names.

ARG NODE_IMAGE=docker.io/library/node:24-trixie-slim
ARG BASE_IMAGE=docker.io/library/debian:trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY tools/build tools/build
COPY src src
RUN node tools/build/main.ts --out /app/dist && node tools/build/manifest.ts >/app/package.json
RUN npm prune --omit=dev --ignore-scripts \
  && find node_modules \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
  && rm -rf node_modules/better-sqlite3/deps node_modules/better-sqlite3/src node_modules/.bin \
  && find node_modules/better-sqlite3/prebuilds -type f ! -name "linux-$(node -p process.arch).node" -delete \
  && mv node_modules /app/

FROM ${BASE_IMAGE} AS runtime
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libstdc++6 openssh-client \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
  && groupadd --gid 10001 spillway \
  && useradd --uid 10001 --gid 10001 --home-dir /var/lib/spillway --shell /usr/sbin/nologin spillway \
  && install -d -o 10001 -g 10001 -m 700 /var/lib/spillway \
  && install -d -o 10001 -g 10001 -m 755 /run/spillway \
  && install -d /etc/spillway
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app /usr/lib/spillway
RUN printf '#!/bin/sh\nexec /usr/local/bin/node /usr/lib/spillway/dist/main.js "$@"\n' >/usr/bin/spillway \
  && chmod 755 /usr/bin/spillway
# What the daemon remembers must outlive the container; the rest of the image may be read-only.
VOLUME /var/lib/spillway
USER 10001:10001
WORKDIR /var/lib/spillway
# Healthy: the daemon answers, and says that its loop makes progress.
COPY config/container/healthcheck.mjs /usr/lib/spillway/
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["/usr/local/bin/node", "/usr/lib/spillway/healthcheck.mjs"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/spillway"]
CMD ["run", "/etc/spillway/site.yaml"]

FROM runtime AS htcondor
USER root
RUN apt-get update \
  && apt-get install -y --no-install-recommends condor \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
USER 10001:10001

# What `docker build` makes without --target.
FROM runtime
