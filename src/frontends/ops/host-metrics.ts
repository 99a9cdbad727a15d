import { X509Certificate } from "node:crypto";
import { statfs } from "node:fs/promises";
import type { Certificate } from "../http/listen/certificates.ts";
import { gauge, type Metric } from "./metrics.ts";

export interface MeasuredHost {
  readonly certificates: () => readonly Certificate[];
  readonly dataDir: string;
}

/** What runs out outside the server: the room of the disk, the time of the certificates. */
export async function hostMetrics({ certificates, dataDir }: MeasuredHost): Promise<Metric[]> {
  const { bsize, bavail, blocks } = await statfs(dataDir);
  return [
    gauge("everlock_data_free_bytes", "Free space of the data directory's file system, for this user.", {
      value: bavail * bsize,
    }),
    gauge("everlock_data_size_bytes", "Size of the data directory's file system.", { value: blocks * bsize }),
    gauge(
      "everlock_certificate_expiry_timestamp_seconds",
      "When a certificate in use expires, in seconds since the epoch.",
      ...certificates().map(({ names, certificate }, index) => ({
        labels: { index: String(index), name: names[0] ?? "" },
        value: Date.parse(new X509Certificate(certificate).validTo) / 1000,
      })),
    ),
  ];
}
