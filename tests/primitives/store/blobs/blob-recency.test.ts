import { expect, test } from "bun:test";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { BlobRecency } from "../../../../src/primitives/store/blobs/blob-recency.ts";

const HOUR = 60 * 60;
const [asked, other] = [digestOf(Buffer.from("asked for")), digestOf(Buffer.from("another"))];

/** Runs `work` while the time of day is another one. */
function atDate<T>(date: string, work: () => T): T {
  const now = Date.now;
  Date.now = () => new Date(date).getTime();
  try {
    return work();
  } finally {
    Date.now = now;
  }
}

test("a requested blob is recent for the grace period, and no longer", () => {
  let now = 1000;
  const recency = new BlobRecency(undefined, () => now);
  recency.clear();
  expect(recency.wasTouchedWithin(HOUR, asked)).toBe(false);
  recency.touch(asked);
  now += HOUR;
  expect(recency.wasTouchedWithin(HOUR, asked)).toBe(true);
  expect(recency.wasTouchedWithin(HOUR, other)).toBe(false);
  now += 1;
  expect(recency.wasTouchedWithin(HOUR, asked)).toBe(false);
});

test("at the start every blob is recent", () => {
  expect(new BlobRecency().wasTouchedWithin(0, asked)).toBe(true);
});

test("a blob requested from one thread is recent in all threads", () => {
  const recency = new BlobRecency();
  recency.clear();
  new BlobRecency(recency.memory).touch(asked);
  expect(recency.wasTouchedWithin(1, asked)).toBe(true);
});

test.each(["1970-01-01", "2038-01-20", "2106-02-08", "9999-12-31"])(
  "what was just asked for counts as that, whatever the time of day is set to: %s",
  (date) => {
    const recency = new BlobRecency();
    recency.clear();
    recency.touch(asked);
    atDate(date, () => {
      expect(recency.wasTouchedWithin(1, asked)).toBe(true);
      recency.touch(other);
      expect(recency.wasTouchedWithin(1, other)).toBe(true);
    });
    expect(recency.wasTouchedWithin(1, other)).toBe(true);
  },
);

test("no blob is recent after the record was cleared, however long the grace period", () => {
  const recency = new BlobRecency(undefined, () => 0);
  recency.clear();
  expect(recency.wasTouchedWithin(60 * 365 * 24 * HOUR, asked)).toBe(false);
});
