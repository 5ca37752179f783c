# A machine of machines.yml: a container with a Docker engine.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends docker.io docker-cli iptables && rm -rf /var/lib/apt/lists/*
COPY machine.sh /
CMD ["sh", "/machine.sh"]
