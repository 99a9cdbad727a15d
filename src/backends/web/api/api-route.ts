import { type Static, type TObject, type TProperties, type TSchema, Type } from "typebox";
import type { TLocalizedValidationError } from "typebox/error";
import { Value } from "typebox/value";
import { InvalidArgumentError } from "../../refusals.ts";
import { type PathValues, RoutePattern } from "../requests/route-pattern.ts";
import type { WebDownload } from "../requests/web-calls.ts";
import type { WebContext } from "../requests/web-context.ts";

export type ApiMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A route of the API: what it takes and returns, from which types, checks and the OpenAPI document follow. */
export interface ApiRouteDefinition<
  P extends string,
  Q extends TProperties,
  B extends TSchema,
  R extends TSchema,
> {
  readonly method: ApiMethod;
  /** Below `/api/v1`; parameters in braces. */
  readonly path: P;
  /** Unique, in camelCase. */
  readonly operationId: string;
  /** One sentence. */
  readonly summary: string;
  readonly query?: Q;
  /** JSON. */
  readonly body?: B;
  /** JSON of status 200; `undefined`: the response has no body (204). */
  readonly response?: R;
  /** Whether it returns a `Download`; then there is no `response`. */
  readonly isFile?: boolean;
  readonly handle: (
    context: WebContext,
    given: {
      readonly path: PathValues<P>;
      readonly query: Static<TObject<Q>>;
      readonly body: Static<B>;
    },
  ) => Promise<Static<R> | Download> | Static<R> | Download;
}

/** A route whose types are checked already. */
export interface ApiRoute
  extends Omit<
    ApiRouteDefinition<string, TProperties, TSchema, TSchema>,
    "handle" | "query" | "body" | "response" | "path"
  > {
  readonly pattern: RoutePattern<string>;
  readonly query: TObject;
  readonly body: TSchema | undefined;
  readonly response: TSchema | undefined;
  /** Rejects with `InvalidArgumentError` for a query or body of another form. */
  readonly call: (
    context: WebContext,
    path: Readonly<Record<string, string>>,
    body: unknown,
  ) => Promise<unknown>;
}

/** `at` of every route that reads. */
const AT = {
  at: Type.Optional(
    Type.String({
      description: "a past moment: a time (RFC 3339), an age such as `2h`, or the first digits of a commit",
    }),
  ),
};

export function apiRoute<
  P extends string,
  Q extends TProperties = Record<never, never>,
  B extends TSchema = TSchema,
  R extends TSchema = TSchema,
>(definition: ApiRouteDefinition<P, Q, B, R>): ApiRoute {
  const { path, handle, query, body, response, ...described } = definition;
  const pattern: RoutePattern<string> = new RoutePattern<string>(path);
  const parameters = Type.Object(
    { ...(definition.method === "GET" ? AT : {}), ...query },
    { additionalProperties: false },
  );
  return {
    ...described,
    pattern,
    query: parameters,
    body,
    response,
    call: async (context, values, sent) =>
      handle(context, {
        path: values as PathValues<P>,
        // `parameters` has these properties and, for a GET, `at`, which the context has already read.
        query: parsedQuery(parameters, context.query) as Static<TObject<Q>>,
        body: (body ? checked(body, sent, "the body") : undefined) as Static<B>,
      }),
  };
}

/** Checks a query. Throws `InvalidArgumentError`. */
export function parsedQuery<Q extends TProperties>(
  schema: TObject<Q>,
  query: URLSearchParams,
): Static<TObject<Q>> {
  return checked(schema, fromText(schema, query), "the query");
}

/** The values of a query as its schema has them: numbers, booleans and lists are text in it. */
function fromText(schema: TObject, query: URLSearchParams): unknown {
  const values: Record<string, unknown> = {};
  for (const name of new Set(query.keys())) {
    const property: TSchema | undefined = schema.properties[name];
    // A form sends its empty fields too.
    const texts = query.getAll(name).filter((text) => text !== "");
    if (texts.length === 0) continue;
    values[name] = property && Type.IsArray(property) ? texts : texts.length > 1 ? texts : texts[0];
  }
  return Value.Convert(schema, values);
}

/** Most faults that a message names. */
const MAX_FAULTS = 5;

function checked<T extends TSchema>(schema: T, value: unknown, what: string): Static<T> {
  if (Value.Check(schema, value)) return value as Static<T>;
  const faults = [...Value.Errors(schema, value)].flatMap(wordsOf).slice(0, MAX_FAULTS);
  throw new InvalidArgumentError(`${what} is not valid: ${faults.join("; ")}`);
}

function wordsOf({ keyword, instancePath, params, message }: TLocalizedValidationError): string[] {
  const place = instancePath === "" ? "" : `'${instancePath.slice(1)}' `;
  switch (keyword) {
    // Follows from another fault.
    case "boolean":
      return [];
    case "additionalProperties":
      return [`${place}may not have ${params.additionalProperties.map((name) => `'${name}'`).join(", ")}`];
    case "enum":
      return [`${place}must be one of ${params.allowedValues.join(", ")}`];
    default:
      return [`${place}${message}`];
  }
}

/** What a route returns instead of JSON: bytes that the HTTP thread sends. */
export class Download {
  readonly of: WebDownload;

  constructor(of: WebDownload) {
    this.of = of;
  }
}
