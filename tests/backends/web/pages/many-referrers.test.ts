import { expect, test } from "bun:test";
import { manifestPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { SYSTEM_IDENTITY } from "../../../../src/primitives/store/commits/commit-group.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { startTestServer } from "../../../support/test-server.ts";
import { askApi } from "../../../support/web-api.ts";

const REFERRERS = 10_000;
/** On a page. */
const SHOWN = 50;
const MAX_PAGE_BYTES = 300_000;
/** Of a page, which takes a tenth of it; but the machine may be busy. */
const MAX_MS = 2000;
const EMPTY = {
  mediaType: "application/vnd.oci.empty.v1+json",
  digest: digestOf(Buffer.from("{}")),
  size: 2,
};

/** An image index without children, and what refers to it, in one commit each. */
async function fillWithReferrers(dataDir: string) {
  const repository = "app" as RepositoryName;
  const subject = Buffer.from(
    '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
  );
  const digest = digestOf(subject);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const referrers = Array.from({ length: REFERRERS }, (_, i) => {
    const names = {
      schemaVersion: 2,
      mediaType,
      artifactType: "application/x.report",
      annotations: { i: `${i}` },
    };
    const subjectOf = { mediaType: "application/vnd.oci.image.index.v1+json", digest, size: subject.length };
    return Buffer.from(JSON.stringify({ ...names, config: EMPTY, layers: [EMPTY], subject: subjectOf }));
  });
  const oci = await OciStore.open(localStores(dataDir, consoleLogger), "everlock-oci-local" as StoreName);
  const commit = async (contents: readonly Buffer[]) => {
    const changes = contents.map((content) => ({
      path: manifestPath(repository, digestOf(content)),
      content,
    }));
    await oci.store.commit(changes, { author: SYSTEM_IDENTITY, message: "fill" });
  };
  await commit([subject]);
  await commit(referrers);
  await oci.store.follow();
  const { commitId } = oci.store.head();
  await oci.close();
  return { digest, at: commitId };
}

test("the page of a manifest to which ten thousand refer shows some of them, in bounded time, and leads to the next", async () => {
  const dataDir = temporaryDirectory();
  const { digest, at } = await fillWithReferrers(dataDir);
  const { httpPort } = await startTestServer([], dataDir);
  const path = `/repositories/app/-/manifests/${digest}`;
  const headers = { Host: "localhost", Authorization: `Basic ${btoa("alice:change-me")}` };
  const page = async (address: string) => {
    const began = performance.now();
    const response = await fetch(`http://127.0.0.1:${httpPort}${address}`, { headers });
    const text = await response.text();
    const ms = performance.now() - began;
    return { status: response.status, text, ms };
  };
  await page("/");
  for (const moment of ["", `?at=${at}`]) {
    const { status, text, ms } = await page(path + moment);
    expect(status).toBe(200);
    expect(text.length).toBeLessThan(MAX_PAGE_BYTES);
    expect(ms).toBeLessThan(MAX_MS);
    expect(text).toContain('rel="next"');
  }
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (let pages = 0; pages < 3; pages++) {
    // The first two of now, the last one of the past.
    const moment = pages === 2 ? `&at=${at}` : "";
    const query: string = `digest=${digest}${cursor === undefined ? "" : `&cursor=${cursor}`}${moment}`;
    const { json } = await askApi(httpPort, `/repositories/app/-/referrers?${query}`);
    const entries = json["referrers"] as { digest: string }[];
    for (const entry of entries) seen.add(entry.digest);
    expect(entries).toHaveLength(SHOWN);
    cursor = json["next"] as string;
  }
  expect(seen.size).toBe(3 * SHOWN);
}, 60_000);
