import type { Block, Chapter } from "./blocks.ts";

/** The script for bash that does what a chapter says, and prints each step with the line of the document. */
export function walkScript(document: string, { blocks }: Chapter): string {
  return [PRELUDE, ...blocks.map((block) => stepOf(document, block)), 'echo "== end"'].join("\n");
}

function stepOf(document: string, block: Block): string {
  const step = `echo "== ${document}:${block.line}"`;
  switch (block.kind) {
    case "skipped":
      return "";
    case "shell":
      return `${step}\n${block.text}`;
    case "console":
      return `${step}\nssh -p 2222 admin@localhost <<'END_OF_BLOCK'\n${block.text}\nEND_OF_BLOCK`;
    case "file":
      return `${step}\nmkdir -p "$(dirname ${block.path})"\ncat > ${block.path} <<'END_OF_BLOCK'\n${block.text}\nEND_OF_BLOCK`;
    case "server":
      return `${step}\n(\n${block.text}\n) > /srv/server.log 2>&1 &\nawait_server`;
  }
}

const PRELUDE = `
await_server() {
  for _ in $(seq 300); do
    ! grep -q 'Everlock is running' /srv/server.log || return 0
    sleep 0.1
  done
  cat /srv/server.log
  return 1
}
# A certificate that clients trust, for a name of this machine.
walk_certificate() {
  echo "127.0.0.1 $1" >> /etc/hosts
  openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj "/CN=$1" \
    -addext "subjectAltName=DNS:$1" -keyout "/etc/ssl/private/$1.key" -out "/etc/ssl/certs/$1.pem" 2>/dev/null
  cat "/etc/ssl/certs/$1.pem" >> /etc/ssl/certs/ca-certificates.crt
}
# The user of the README's first run.
walk_alice() {
  printf '/users add alice change-me\n/users grant alice http/oci/default writer\n' | ssh -p 2222 admin@localhost
}
# The registry that another is to replace.
walk_distribution() {
  echo '127.0.0.1 old.example.org' >> /etc/hosts
  printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: /srv/old}}\nhttp: {addr: 127.0.0.1:5000}\n' > /srv/old.yaml
  registry serve /srv/old.yaml >/srv/old.log 2>&1 &
  for _ in $(seq 100); do
    ! curl -sf http://old.example.org:5000/v2/ >/dev/null || return 0
    sleep 0.1
  done
  cat /srv/old.log
  return 1
}
mkdir -p /srv/walk && cd /srv/walk
`;
