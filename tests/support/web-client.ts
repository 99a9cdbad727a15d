/** A browser without scripts: keeps the session's cookie, and follows no redirect by itself. */
export class WebClient {
  readonly #base: string;
  #cookie = "";

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}`;
  }

  async fetch(path: string, init: RequestInit & { readonly headers?: Record<string, string> } = {}) {
    const headers = {
      Host: "localhost",
      ...(this.#cookie && { Cookie: this.#cookie }),
      ...(init.method && init.method !== "GET" && { "Sec-Fetch-Site": "same-origin" }),
      ...init.headers,
    };
    const response = await fetch(this.#base + path, { ...init, headers, redirect: "manual" });
    const [cookie] = response.headers.get("Set-Cookie")?.split(";") ?? [];
    if (cookie !== undefined) this.#cookie = cookie.endsWith("=") ? "" : cookie;
    return response;
  }

  /** Submits a form. */
  submit(path: string, fields: Readonly<Record<string, string>>): Promise<Response> {
    return this.fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(fields).toString(),
    });
  }

  signIn(user: string, password: string, next = "/"): Promise<Response> {
    return this.submit("/sign-in", { user, password, next });
  }

  async text(path: string): Promise<string> {
    return (await this.fetch(path)).text();
  }
}
