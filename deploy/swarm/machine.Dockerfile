# A machine of machines.yml: an engine, in a container.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends docker.io docker-cli iptables && rm -rf /var/lib/apt/lists/*
COPY machine.sh /
CMD ["sh", "/machine.sh"]
