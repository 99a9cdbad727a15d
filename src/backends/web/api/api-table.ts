import type { ApiRoute } from "./api-route.ts";
import { REPOSITORY_ROUTES } from "./repositories.ts";

/** All routes of the API. */
export const API_ROUTES: readonly ApiRoute[] = [...REPOSITORY_ROUTES];
