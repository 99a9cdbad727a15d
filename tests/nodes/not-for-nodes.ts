/**
 * What of tests/e2e says nothing about nodes of an object store, with the reason: whole files, or tests by their names, each
 * after the name of its `describe`.
 */
export const NOT_FOR_NODES: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  "s3-nodes": "it starts nodes of its own",
  "s3-shared": "it starts nodes of its own",
  "s3-tls": "it starts nodes of its own",
  "s3-trouble": "it starts nodes of its own",
  documents: "it types what the documents say",
  "damaged-databases": "it damages files of a data directory, which a node makes again",
  "damaged-store": "it damages stores of a data directory",
  "failing-disk": "system calls on stores of one process fail",
  "full-disk": "the file system of a data directory is full",
  reload: "it edits stores with stock git, which can't write to a bucket",
  stop: "it watches how one process stops",
  connections: "connections that send nothing end at the load balancer",
  "bad-host": "the load balancer refuses an invalid Host header itself",
  "password-guesses": "failed logins are counted by each node for itself",
  gc: "a bucket keeps what clients asked for a quarter of an hour; s3-nodes and garbage-nodes collect on nodes",
  replica: "its servers need ports that stay the same; replica-nodes has replicas on nodes",
  "storage-copy": "it begins with a data directory",
  upstreams: {
    "the credential of a mirror is asked for unseen, used for upstream alone, in no log, list, page or commit, in backups, and dropped with upstream=":
      "it looks at the file in a data directory",
    "the credential of a mirror of a proxy is used below its prefix alone, and dropped with the proxy":
      "it looks at the file in a data directory",
  },
  "console-screens": {
    "the console in a terminal keeps a history across sessions without passwords, which Ctrl-R searches, until the user is disabled":
      "each node remembers what was typed there",
  },
  history: {
    "the history on the console is rebuilt when its index is lost and when stock git has rewritten the branch":
      "stock git can't rewrite what is in a bucket",
  },
  operations: {
    "an operator gets the server's status once in a script, and updated at a terminal until a key is pressed":
      "the counts of /status are those of one node",
    "a client that guesses passwords is locked out of both SSH and HTTP, and the error tells for how long":
      "failed logins are counted by each node for itself",
  },
  "ssh-hostile": {
    "the console escapes control characters in names and messages that users wrote":
      "it writes them with stock git, which can't write to a bucket",
  },
};
