#!/usr/bin/env bash
# Installs what the black-box tests run against: a Kafka broker and the official SDKs of four languages. Idempotent.
set -euo pipefail
cd "$(dirname "$0")"
kafka/kafka.sh install
for language in python javascript go java; do
    apps/$language/install.sh
done
