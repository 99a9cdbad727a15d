import { MirrorStorage } from "../../src/backends/oci-http/mirror/mirror-storage.ts";
import { MirrorView } from "../../src/backends/oci-http/mirror/mirror-view.ts";
import { Mirrors } from "../../src/backends/oci-http/mirror/mirrors.ts";
import type { InstanceConfig, InstanceName } from "../../src/backends/oci-http/settings/instance-config.ts";
import {
  completeSettings,
  type InstanceValues,
} from "../../src/backends/oci-http/settings/instance-settings.ts";
import { InstanceStorage } from "../../src/backends/oci-http/store/instance-storage.ts";
import type { OciStore } from "../../src/backends/oci-http/store/oci-store.ts";
import type { Digest } from "../../src/primitives/digest.ts";
import type { StoreName } from "../../src/primitives/store/store-manager.ts";
import type { StoredBlob } from "../../src/registry/model/storage.ts";
import type { Tag } from "../../src/registry/model/tag.ts";
import { afterThisTest } from "./cleanup.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import { ALICE, APP } from "./oci-store.ts";

export interface TestMirror {
  readonly upstream: FakeUpstream;
  readonly mirrors: Mirrors;
  readonly config: InstanceConfig;
  /** The log lines. */
  readonly logged: readonly string[];
  /** The storage of a request, on a thread that knows nothing yet. */
  storage(options?: {
    readonly isHead?: boolean;
    readonly namespace?: string;
    readonly view?: MirrorView;
  }): MirrorStorage;
  tag(tag: string): ReturnType<MirrorStorage["manifest"]>;
}

/** The settings of a mirror of `https://upstream.test`. */
export function mirrorConfig(settings: Partial<InstanceValues> = {}): InstanceConfig {
  const given = {
    store: "everlock-oci-test" as StoreName,
    upstream: "https://upstream.test",
    vhosts: ["hub.test"],
    ...settings,
  };
  const complete = completeSettings(given, () => {
    throw new Error("a setting is missing");
  });
  return { name: "hub" as InstanceName, ...complete };
}

/** A mirror of a registry in memory over this store; its fetches are ended after the test. */
export function testMirror(oci: OciStore, settings: Partial<InstanceValues> = {}): TestMirror {
  const upstream = new FakeUpstream();
  const logged: string[] = [];
  const log = (message: string) => void logged.push(message);
  const config = mirrorConfig(settings);
  const mirrors = new Mirrors({
    find: (name) => (name === config.name ? { config, oci } : undefined),
    openUpstream: () => upstream,
    log: { info: log, warn: log, error: log },
  });
  afterThisTest(() => mirrors.stop());
  const storage: TestMirror["storage"] = ({ isHead = false, namespace, view } = {}) =>
    new MirrorStorage(
      new InstanceStorage(oci, () => ALICE, config),
      view ?? new MirrorView(config, mirrors),
      () => ALICE,
      { isHead, namespace },
    );
  return {
    upstream,
    mirrors,
    config,
    logged,
    storage,
    tag: (tag) => storage().manifest(APP, { kind: "tag", tag: tag as Tag }),
  };
}

/** The bytes of a blob, however it is served. */
export async function bytesOf(blob: StoredBlob | undefined): Promise<Uint8Array> {
  if (!blob) throw new Error("there is no such blob");
  const { content, body } = blob;
  if (content instanceof Uint8Array) return content;
  if (content instanceof Blob) return content.bytes();
  return Bun.readableStreamToBytes((body ?? content)());
}

/** Whether the store has a blob. */
export async function hasBlob(oci: OciStore, digest: Digest): Promise<boolean> {
  return (await oci.blobs.stat(digest)) !== undefined;
}
