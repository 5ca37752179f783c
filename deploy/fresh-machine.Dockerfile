# A machine with nothing but Debian's nodejs and npm, to try the set-up on: deploy/setup.docker.test.ts.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm
