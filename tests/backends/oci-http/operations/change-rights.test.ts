import { expect, test } from "bun:test";
import {
  changeable,
  changeRights,
  isChangeable,
} from "../../../../src/backends/oci-http/operations/change-rights.ts";
import type { InstanceConfig } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import type { RegistryMode } from "../../../../src/backends/oci-http/settings/registry-mode.ts";
import { NotAllowedError } from "../../../../src/backends/refusals.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";

const OWNER = actorWith({ "http/oci/default": "owner" });
const config = (mode: RegistryMode) => ({ name: "default", mode }) as InstanceConfig;

test("a read-only registry is changed by nobody, and one under maintenance by administrators", () => {
  for (const actor of [OWNER, actorWith(ADMINISTRATOR)]) {
    expect(() => changeable(config("read-only"), actor)).toThrow(
      new NotAllowedError(
        "'default' is read-only for now (mode=read-only); '/oci set default mode=' ends that",
      ),
    );
    expect(changeable(config("normal"), actor).name as string).toBe("default");
  }
  expect(() => changeable(config("maintenance=moving"), OWNER)).toThrow(
    new NotAllowedError("'default' is under maintenance: moving"),
  );
  expect(changeable(config("maintenance=moving"), actorWith(ADMINISTRATOR)).mode).toBe("maintenance=moving");
});

test("nothing is offered to be changed in a replica, not even to administrators", () => {
  const replica = { ...config("normal"), follow: "all", upstream: "https://primary.test" } as InstanceConfig;
  const administrator = actorWith(ADMINISTRATOR);
  expect(isChangeable(administrator, config("normal"))).toBe(true);
  expect(isChangeable(administrator, replica)).toBe(false);
  expect(changeRights(OWNER, replica, "app" as RepositoryName)).toEqual({ restores: false, deletes: false });
});
