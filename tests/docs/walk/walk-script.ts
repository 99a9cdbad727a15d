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
mkdir -p /srv/walk && cd /srv/walk
`;
