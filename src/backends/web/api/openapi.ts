import { Type } from "typebox";
import { VERSION } from "../../../primitives/version.ts";
import type { ApiRoute } from "./api-route.ts";

/** The schema of every error (RFC 9457). */
export const Problem = Type.Object({
  type: Type.String(),
  status: Type.Integer(),
  title: Type.String(),
  detail: Type.String({ description: "what was wrong, and what would be right" }),
  hint: Type.Optional(Type.String()),
});

/** Describes routes as an OpenAPI 3.1 document, whose schemas are JSON Schemas as TypeBox has them. */
export function openApiDocument(routes: readonly ApiRoute[], root: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const { path } = route.pattern;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Everlock",
      version: VERSION.everlock,
      description: "Look at a registry, its past, and change it. Errors are problem documents (RFC 9457).",
    },
    servers: [{ url: `${root}/api/v1` }],
    paths,
    components: {
      schemas: { Problem },
      securitySchemes: {
        basic: { type: "http", scheme: "basic", description: "user name, and password or API token" },
        bearer: { type: "http", scheme: "bearer", description: "a token of the registry's token endpoint" },
      },
    },
    // The first: what `anon` may do needs no login.
    security: [{}, { basic: [] }, { bearer: [] }],
  };
}

const FILE = { "application/octet-stream": { schema: { type: "string", format: "binary" } } };

function operationOf({ operationId, summary, pattern, query, body, response, isFile }: ApiRoute): object {
  const names = [...pattern.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const required: readonly string[] = query.required ?? [];
  const parameters = [
    ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...Object.entries(query.properties).map(([name, schema]) => ({
      name,
      in: "query",
      required: required.includes(name),
      schema,
    })),
  ];
  const content = (schema: object) => ({ "application/json": { schema } });
  const result = isFile ? FILE : response && content(response);
  return {
    operationId,
    summary,
    parameters,
    ...(body && { requestBody: { required: true, content: content(body) } }),
    responses: {
      ...(result
        ? { "200": { description: summary, content: result } }
        : { "204": { description: summary } }),
      default: {
        description: "a problem",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}
