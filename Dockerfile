# All four processes in one image; the first argument names the one that runs.
FROM debian:12-slim AS build
RUN --mount=type=bind,source=dev.d/packages,target=/packages \
    apt-get update \
    && awk '$1 == "build" { print $2 }' /packages \
        | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends
WORKDIR /croncoco
COPY . .
RUN cmake --preset release \
    && cmake --build --preset release --target gateway scheduler dispatcher mailer \
    && strip --strip-debug build/release/bin/*

FROM debian:12-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates libcjson1 libcurl4 libh2o0.13 libnats3.4 libpq5 libssl3 libuv1 \
        tzdata \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /croncoco/build/release/bin/gateway /croncoco/build/release/bin/scheduler \
    /croncoco/build/release/bin/dispatcher /croncoco/build/release/bin/mailer /usr/local/bin/
USER 10001:10001
CMD ["gateway"]
