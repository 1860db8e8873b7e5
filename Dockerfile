# The image whose ENTRYPOINT is station-entrypoint; docs/image.md tells how to use it.
#
#   docker build --target base -t station-entrypoint .       for a program of your own: FROM station-entrypoint
#   docker build --target station -t station:production .    with Station, from ./stn or --build-arg STATION_IMAGE=…

ARG NODE_IMAGE=node:24-bookworm-slim
ARG DEBIAN_IMAGE=debian:bookworm-slim
# Where Station comes from: an image that holds it, or the stage that takes a binary from the build context.
ARG STATION_IMAGE=station-binary

FROM ${NODE_IMAGE} AS nodejs

FROM nodejs AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Of what development needs, the bundle needs esbuild alone; the versions are the lock file's all the same.
RUN node -e 'const p = require("./package.json"); \
    const { esbuild } = p.devDependencies; \
    fs.writeFileSync("package.json", JSON.stringify({ ...p, devDependencies: { esbuild }, optionalDependencies: {} }))'
RUN --mount=type=cache,target=/root/.npm npm install --include=dev --include=optional
COPY scripts scripts
COPY src src
# All that runs, in one tree: /app holds no file of ours, so that a program may be copied to /app, node_modules and all.
RUN node scripts/build.ts /image/opt/station-entrypoint/dist \
 && rm /image/opt/station-entrypoint/dist/*.map /image/opt/station-entrypoint/dist/chunks/*.map \
 && node scripts/copy-native-packages.ts /image/opt/station-entrypoint \
 && mkdir -p /image/app /image/usr/local/bin \
 && ln -s /opt/station-entrypoint/entrypoint /image/app/entrypoint \
 && ln -s /opt/station-entrypoint/entrypoint /image/usr/local/bin/station-entrypoint \
 && ln -s /opt/station-entrypoint/entrypoint /image/usr/local/bin/litestream \
 && ln -s /opt/station-entrypoint/node_modules/.bin/node /image/usr/local/bin/node
COPY entrypoint LICENSE /image/opt/station-entrypoint/

# Not the Node image: its npm, yarn and headers would be a fifth of the image, and nobody would run them.
FROM ${DEBIAN_IMAGE} AS base
# Whatever user a platform chooses must be able to enter the working directory; OpenShift leaves it group 0.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && groupadd --gid 1000 station \
 && useradd --uid 1000 --gid station --create-home --shell /bin/sh station \
 && chmod 0755 /home/station \
 && install -d -o station -g root -m 0770 /data /backup
# A Node of our own, which the launcher prefers to any on PATH: a program may bring another one.
COPY --from=nodejs /usr/local/bin/node /opt/station-entrypoint/node_modules/.bin/node
COPY --from=build /image /

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="station-entrypoint" \
      org.opencontainers.image.description="Restores a SQLite database, runs your program on it, replicates every commit, drains at the end." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# By number: a platform that insists on a user other than root cannot tell one by its name.
USER 1000:1000
WORKDIR /home/station
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/tini", "--", "/app/entrypoint"]
CMD []

# A binary named stn, where the build context has one. LICENSE is there because COPY insists on finding something.
FROM scratch AS station-binary
ARG STATION_BINARY=stn
COPY LICENSE ${STATION_BINARY}* /usr/local/bin/

FROM ${STATION_IMAGE} AS station-source

FROM base AS station
ARG STATION_PATH=/usr/local/bin/stn
COPY --from=station-source --chmod=0755 ${STATION_PATH} /usr/local/bin/stn
# A binary of another architecture or C library fails here, not in production.
RUN stn --version
ENV DATABASE_URL=/data/station.db \
    STATION_DATABASE_URL=/data/station.db
CMD ["stn", "serve"]
