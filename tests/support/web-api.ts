import { WebClient } from "./web-client.ts";

/** A response of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Asks the API below `/api/v1` as a user with the password `change-me`, or as `anon`. */
export async function askApi(port: number, path: string, user = "alice"): Promise<ApiAnswer> {
  const headers = user === "anon" ? {} : { Authorization: `Basic ${btoa(`${user}:change-me`)}` };
  const response = await new WebClient(port).fetch(`/api/v1${path}`, { headers });
  return { status: response.status, json: (await response.json()) as ApiAnswer["json"] };
}
