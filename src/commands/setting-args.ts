import type { ArgsDef } from "citty";
import { SETTING_NAMES, SETTINGS, type Setting } from "../config/settings.ts";

/** Every setting as a flag, only for the usage text: `resolveServerConfig` parses the arguments and refuses unknown flags. */
export function settingArgs(): ArgsDef {
  const entries = SETTING_NAMES.map((name) => {
    const { type, help, hint, fallback }: Setting = SETTINGS[name];
    const description = fallback === undefined ? help : `${help} (default: ${fallback})`;
    return [
      name,
      type === "boolean" ? { type, description } : { type: "string", description, valueHint: hint },
    ];
  });
  return Object.fromEntries(entries);
}
